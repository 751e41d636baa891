// SPDX-License-Identifier: Apache-2.0
// What a user of the heap may count on: blocks, questions, figures.
#include "heap/heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <set>
#include <type_traits>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/heap_model.h"
#include "cpp/support/random.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::heap {
namespace {

using testing::is_zero;

constinit Heap global_heap;
static_assert(std::is_trivially_destructible_v<Heap>);

Address address_of(const void* block) { return reinterpret_cast<Address>(block); }

class HeapTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(heap_.init()); }
  void TearDown() override {
    FaultReport report;
    EXPECT_TRUE(heap_.validate(&report)) << static_cast<int>(report.fault);
    heap_.release();
  }
  std::vector<void*> allocate_many(std::size_t count, std::size_t bytes,
                                   Domain domain = Domain::kMemory) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(heap_.allocate(bytes, domain));
    return blocks;
  }
  void free_all(const std::vector<void*>& blocks) {
    for (void* const block : blocks) heap_.free(block);
  }
  ClassStatistics figures_of(std::size_t bytes, Domain domain = Domain::kMemory) {
    const SizeClass found =
        bytes <= kMaxSmallBytes ? small_class_of(bytes) : medium_class_of(bytes);
    return heap_.statistics().domains[static_cast<unsigned>(domain)].classes[found];
  }

  Heap heap_;
};

// Sizes of each way of allocating, and around the borders between them.
const std::vector<std::size_t>& telling_sizes() {
  static const std::vector<std::size_t> sizes = {0,         1,
                                                 8,         15,
                                                 16,        17,
                                                 31,        32,
                                                 33,        48,
                                                 100,       511,
                                                 512,       513,
                                                 575,       576,
                                                 577,       1000,
                                                 1024,      1025,
                                                 4095,      4096,
                                                 4097,      9000,
                                                 16 * kKiB, 32 * kKiB - 1,
                                                 32 * kKiB, 32 * kKiB + 1,
                                                 48 * kKiB, 64 * kKiB,
                                                 100'000,   500'000,
                                                 kMiB - 1,  kMiB,
                                                 kMiB + 1,  3 * kMiB,
                                                 5'000'000};
  return sizes;
}

// --- allocating ----------------------------------------------------------------------------------

TEST_F(HeapTest, AlignsBlocksOfEverySize) {
  for (std::size_t size = 0; size <= 40 * kKiB; size += size < 2048 ? 1 : 61) {
    void* const block = heap_.allocate(size);
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(address_of(block) % kAlignment, 0u) << size;
    ASSERT_GE(heap_.usable_size(block), size);
  }
  for (const std::size_t size : telling_sizes())
    EXPECT_EQ(address_of(heap_.allocate(size)) % kAlignment, 0u) << size;
}

TEST_F(HeapTest, LetsTheWholeUsableSizeBeUsed) {
  std::vector<void*> blocks;
  for (const std::size_t size : telling_sizes()) {
    for (int i = 0; i < 3; ++i) blocks.push_back(heap_.allocate(size));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::memset(blocks[i], static_cast<int>(i), heap_.usable_size(blocks[i]));
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* const content = static_cast<const unsigned char*>(blocks[i]);
    const std::size_t usable = heap_.usable_size(blocks[i]);
    ASSERT_EQ(content[0], static_cast<unsigned char>(i));
    ASSERT_EQ(std::memcmp(content, content + 1, usable - 1), 0);
  }
}

TEST_F(HeapTest, GivesEachRequestOfNothingABlockOfItsOwn) {
  std::set<void*> blocks;
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(blocks.insert(heap_.allocate(0)).second);
  EXPECT_FALSE(blocks.contains(nullptr));
  EXPECT_EQ(heap_.live_block_count(), 3000u);
  for (void* const block : blocks) heap_.free(block);
  EXPECT_EQ(heap_.live_block_count(), 0u);
}

TEST_F(HeapTest, RefusesImpossibleSizes) {
  for (const std::size_t size :
       {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 1, SIZE_MAX / 2, std::size_t{1} << 60}) {
    EXPECT_EQ(heap_.allocate(size), nullptr) << size;
    EXPECT_EQ(heap_.allocate_zeroed(1, size), nullptr) << size;
    EXPECT_EQ(heap_.reallocate(nullptr, size), nullptr) << size;
  }
}

TEST_F(HeapTest, PutsDomainsIntoDifferentSlabs) {
  std::set<std::size_t> object_units;
  std::set<std::size_t> memory_units;
  for (int i = 0; i < 2000; ++i) {
    object_units.insert(address_of(heap_.allocate(48, Domain::kObject)) / kUnitBytes);
    memory_units.insert(address_of(heap_.allocate(48, Domain::kMemory)) / kUnitBytes);
  }
  for (const std::size_t unit : object_units) EXPECT_FALSE(memory_units.contains(unit));
}

TEST_F(HeapTest, ReusesTheBlockFreedLast) {
  void* const block = heap_.allocate(40);
  heap_.free(block);
  EXPECT_EQ(heap_.allocate(40), block);
}

// --- allocating zeroed ---------------------------------------------------------------------------

TEST_F(HeapTest, ZeroesBlocksOfEverySizeAfterReuse) {
  for (const std::size_t size : telling_sizes()) {
    void* const block = heap_.allocate(size);
    std::memset(block, 0xFF, heap_.usable_size(block));
    heap_.free(block);
    void* const zeroed = heap_.allocate_zeroed(1, size);
    ASSERT_NE(zeroed, nullptr);
    EXPECT_TRUE(is_zero(zeroed, size)) << size;
    std::memset(zeroed, 0xFF, heap_.usable_size(zeroed));
    heap_.free(zeroed);
  }
}

TEST_F(HeapTest, ZeroesAMappingThatWasKept) {
  void* const block = heap_.allocate(4 * kMiB);
  std::memset(block, 0xFF, 4 * kMiB);
  heap_.free(block);
  void* const zeroed = heap_.allocate_zeroed(4, kMiB);
  ASSERT_EQ(zeroed, block) << "the case that matters";
  EXPECT_TRUE(is_zero(zeroed, 4 * kMiB));
}

TEST_F(HeapTest, RefusesAProductThatOverflows) {
  EXPECT_EQ(heap_.allocate_zeroed(SIZE_MAX, 2), nullptr);
  EXPECT_EQ(heap_.allocate_zeroed(2, SIZE_MAX), nullptr);
  EXPECT_EQ(heap_.allocate_zeroed(SIZE_MAX / 16 + 1, 16), nullptr);
  EXPECT_EQ(heap_.allocate_zeroed(std::size_t{1} << 32, std::size_t{1} << 32), nullptr);
}

TEST_F(HeapTest, GivesABlockForZeroElements) {
  EXPECT_NE(heap_.allocate_zeroed(0, 100), nullptr);
  EXPECT_NE(heap_.allocate_zeroed(100, 0), nullptr);
  EXPECT_NE(heap_.allocate_zeroed(0, SIZE_MAX), nullptr);
}

// --- freeing -------------------------------------------------------------------------------------

TEST_F(HeapTest, FreesNothingQuietly) {
  heap_.free(nullptr);
  EXPECT_EQ(heap_.live_block_count(), 0u);
}

TEST_F(HeapTest, TriesToFreeOnlyItsOwnBlocks) {
  char local[64] = {};
  EXPECT_FALSE(heap_.try_free(nullptr));
  EXPECT_FALSE(heap_.try_free(local));
  EXPECT_FALSE(heap_.try_free(&heap_));
  for (const std::size_t size : telling_sizes()) {
    void* const block = heap_.allocate(size);
    EXPECT_TRUE(heap_.try_free(block)) << size;
  }
}

TEST_F(HeapTest, KeepsCountThroughEveryFillingOfASlab) {
  for (const std::size_t size :
       {std::size_t{16}, std::size_t{64}, std::size_t{512}, std::size_t{700}, 32 * kKiB}) {
    const std::size_t capacity =
        figures_of(size).block_bytes == 0 ? 0 : kUnitBytes * 4 / figures_of(size).block_bytes;
    std::vector<void*> blocks = allocate_many(3 * capacity, size);
    while (!blocks.empty()) {
      heap_.free(blocks.back());
      blocks.pop_back();
      ASSERT_EQ(heap_.live_block_count(), blocks.size());
    }
  }
}

// --- questions -----------------------------------------------------------------------------------

TEST_F(HeapTest, OwnsItsBlocksAndNothingElse) {
  char local[64] = {};
  void* const foreign = std::malloc(100);
  EXPECT_FALSE(heap_.owns(nullptr));
  EXPECT_FALSE(heap_.owns(local));
  EXPECT_FALSE(heap_.owns(foreign));
  std::free(foreign);
  for (const std::size_t size : telling_sizes()) {
    auto* const block = static_cast<char*>(heap_.allocate(size));
    EXPECT_TRUE(heap_.owns(block)) << size;
    EXPECT_FALSE(heap_.owns(block + 1)) << size;
    if (size > 16) {
      EXPECT_FALSE(heap_.owns(block + 16)) << size;
      EXPECT_FALSE(heap_.owns(block + size - 1)) << size;
    }
  }
}

TEST_F(HeapTest, OwnsNoBlockThatWasNeverGivenOut) {
  auto* const block = static_cast<char*>(heap_.allocate(64));
  EXPECT_FALSE(heap_.owns(block + 3 * os::kPageBytes)) << "a page of its slab not used so far";
  EXPECT_FALSE(heap_.owns(block + kUnitBytes)) << "a unit that nobody has";
}

TEST_F(HeapTest, OwnsNoRunThatWasFreed) {
  void* const run = heap_.allocate(100 * kKiB);
  heap_.free(run);
  EXPECT_FALSE(heap_.owns(run));
  void* const direct = heap_.allocate(2 * kMiB);
  heap_.free(direct);
  EXPECT_FALSE(heap_.owns(direct));
}

TEST_F(HeapTest, SpansItsChunksOnly) {
  void* const small = heap_.allocate(16);
  void* const direct = heap_.allocate(2 * kMiB);
  EXPECT_TRUE(heap_.spans(small));
  EXPECT_FALSE(heap_.spans(direct));
  EXPECT_FALSE(heap_.spans(nullptr));
  EXPECT_TRUE(heap_.has_direct_blocks());
}

TEST_F(HeapTest, TellsTheUsableSizeOfEachKindOfBlock) {
  EXPECT_EQ(heap_.usable_size(heap_.allocate(0)), 16u);
  EXPECT_EQ(heap_.usable_size(heap_.allocate(17)), 32u);
  EXPECT_EQ(heap_.usable_size(heap_.allocate(513)), 576u);
  EXPECT_EQ(heap_.usable_size(heap_.allocate(32 * kKiB)), 32 * kKiB);
  EXPECT_EQ(heap_.usable_size(heap_.allocate(40'000)), 40'000u);
  EXPECT_EQ(heap_.usable_size(heap_.allocate(2'000'000)), 2'000'000u);
}

// --- enumeration ---------------------------------------------------------------------------------

TEST_F(HeapTest, EnumeratesExactlyTheLiveBlocks) {
  testing::HeapModel model(heap_);
  testing::Random random = testing::seeded_random();
  for (int i = 0; i < 20'000; ++i)
    model.allocate(random.below(600), static_cast<Domain>(random.below(2)));
  for (const std::size_t size : telling_sizes()) model.allocate(size, Domain::kMemory);
  model.check();
  while (model.size() > 1000) model.free(random.below(model.size()));
  model.check();
  EXPECT_EQ(model.problem(), "");
}

TEST_F(HeapTest, EnumeratesChunkByChunkInAddressOrderThenTheLargest) {
  allocate_many(100'000, 48);
  allocate_many(10, 2 * kMiB);
  std::vector<LiveBlock> blocks;
  heap_.for_each_block([&](const LiveBlock& block) { blocks.push_back(block); });
  ASSERT_EQ(blocks.size(), 100'010u);
  EXPECT_TRUE(
      std::is_sorted(blocks.begin(), blocks.end() - 10,
                     [](const LiveBlock& a, const LiveBlock& b) { return a.start < b.start; }));
  EXPECT_TRUE(std::all_of(blocks.end() - 10, blocks.end(),
                          [](const LiveBlock& b) { return b.bytes == 2 * kMiB; }));
  std::size_t by_chunk = 0;
  for (unsigned chunk = 0; chunk < heap_.chunk_count(); ++chunk) {
    heap_.for_each_block_in_chunk(chunk, [&](const LiveBlock& block) {
      EXPECT_EQ((block.start - heap_.base()) / kChunkBytes, chunk);
      ++by_chunk;
    });
  }
  EXPECT_EQ(by_chunk, 100'000u);
  std::size_t direct = 0;
  heap_.for_each_direct_block([&](const LiveBlock&) { ++direct; });
  EXPECT_EQ(direct, 10u);
}

TEST_F(HeapTest, PassesOverASlabWhoseFreeListIsDamaged) {
  const std::vector<void*> others = allocate_many(10, 200);
  const std::vector<void*> blocks = allocate_many(20'000, 48);
  std::set<Address> expected;
  for (void* const block : blocks) expected.insert(address_of(block));
  for (void* const block : others) expected.insert(address_of(block));
  void* const hurt = blocks[10'000];
  heap_.free(hurt);
  void* link = nullptr;
  std::memcpy(&link, hurt, sizeof link);
  std::memset(hurt, 0x5A, sizeof link);
  std::set<Address> found;
  heap_.for_each_block([&](const LiveBlock& block) { found.insert(block.start); },
                       Heap::OnDamage::kPassOver);
  EXPECT_DEATH(heap_.for_each_block([](const LiveBlock&) {}), "written to after it was freed");
  std::memcpy(hurt, &link, sizeof link);
  // All but those of one slab, which are neighbours.
  EXPECT_TRUE(std::includes(expected.begin(), expected.end(), found.begin(), found.end()));
  for (void* const block : others) EXPECT_TRUE(found.contains(address_of(block)));
  std::vector<Address> absent;
  std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                      std::back_inserter(absent));
  ASSERT_GT(absent.size(), 1u);
  EXPECT_TRUE(std::binary_search(absent.begin(), absent.end(), address_of(hurt)));
  EXPECT_LE(absent.back() - absent.front(), kUnitBytes);
}

// --- figures -------------------------------------------------------------------------------------

TEST_F(HeapTest, SeesNothingInAnEmptyHeap) {
  const Statistics statistics = heap_.statistics();
  EXPECT_EQ(statistics.live_blocks(), 0u);
  EXPECT_EQ(statistics.live_bytes(), 0u);
  EXPECT_EQ(statistics.touched_bytes, 0u);
  EXPECT_EQ(statistics.committed_bytes, 0u);
  EXPECT_EQ(statistics.reserved_bytes, 64 * kGiB);
  EXPECT_EQ(statistics.domains[0].classes[3].block_bytes, 64u);
}

TEST_F(HeapTest, CountsLiveAndFreeBlocksByClassAndDomain) {
  std::vector<void*> blocks = allocate_many(600, 64, Domain::kObject);
  for (std::size_t i = 0; i < 100; ++i) heap_.free(blocks[i * 5]);
  const ClassStatistics figures = figures_of(64, Domain::kObject);
  EXPECT_EQ(figures.block_bytes, 64u);
  EXPECT_EQ(figures.live_blocks, 500u);
  EXPECT_EQ(figures.slabs, 3u);
  // Three slabs of 256, of the last two pages of four.
  EXPECT_EQ(figures.free_blocks, 2 * 256u + 2 * 64u - 500u);
  EXPECT_EQ(figures_of(64, Domain::kMemory).slabs, 0u);
}

TEST_F(HeapTest, CountsRunsAndDirectBlocks) {
  allocate_many(3, 100'000, Domain::kObject);
  allocate_many(2, 3'000'000, Domain::kMemory);
  const Statistics statistics = heap_.statistics();
  EXPECT_EQ(statistics.domains[0].runs, 3u);
  EXPECT_EQ(statistics.domains[0].run_bytes, 300'000u);
  EXPECT_EQ(statistics.domains[1].direct_blocks, 2u);
  EXPECT_EQ(statistics.domains[1].direct_bytes, 6'000'000u);
  EXPECT_EQ(statistics.live_blocks(), 5u);
  EXPECT_EQ(statistics.live_bytes(), 6'300'000u);
}

TEST_F(HeapTest, CountsKeptMappings) {
  heap_.free(heap_.allocate(2 * kMiB));
  EXPECT_EQ(heap_.statistics().kept_direct_bytes, 2 * kMiB);
  EXPECT_TRUE(heap_.trim_pending());
  EXPECT_EQ(heap_.trim(), 2 * kMiB);
  EXPECT_EQ(heap_.statistics().kept_direct_bytes, 0u);
}

TEST_F(HeapTest, HoldsWhatItTookFromTheSystem) {
  EXPECT_EQ(heap_.held_bytes(), 0u);
  EXPECT_NE(heap_.allocate(1), nullptr);
  EXPECT_EQ(heap_.held_bytes(), kChunkBytes);
  void* const direct = heap_.allocate(3 * kMiB);
  EXPECT_EQ(heap_.held_bytes(), kChunkBytes + 3 * kMiB);
  heap_.free(direct);
  EXPECT_EQ(heap_.held_bytes(), kChunkBytes + 3 * kMiB) << "kept for a moment";
}

TEST_F(HeapTest, NamesTheMappingsOfItsRecords) {
  allocate_many(100, 1000);
  heap_.free(heap_.allocate(1000));
  std::size_t bytes = 0;
  heap_.for_each_metadata_range([&](Address start, std::size_t length) {
    bytes += length;
    EXPECT_FALSE(heap_.spans(reinterpret_cast<void*>(start)));
    const volatile auto* const content = reinterpret_cast<const volatile char*>(start);
    (void)content[0];
    (void)content[length - 1];
  });
  EXPECT_GT(bytes, 0u);
  EXPECT_LE(bytes, heap_.statistics().metadata_bytes);
}

TEST_F(HeapTest, NamesItsDirectMappings) {
  void* const block = heap_.allocate(2 * kMiB + 1);
  std::size_t seen = 0;
  heap_.for_each_direct_mapping([&](Address start, std::size_t bytes) {
    ++seen;
    EXPECT_EQ(start, address_of(block));
    EXPECT_EQ(bytes, 2 * kMiB + os::kPageBytes);
  });
  EXPECT_EQ(seen, 1u);
}

// --- slabs that stay -----------------------------------------------------------------------------

TEST_F(HeapTest, KeepsASlabWhileAClassSwingsAroundItsEdge) {
  allocate_many(256, 64);
  const std::vector<void*> edge = allocate_many(256, 64);
  free_all(edge);
  const std::size_t slabs = figures_of(64).slabs;
  for (int swing = 0; swing < 100; ++swing) {
    free_all(allocate_many(256, 64));
    ASSERT_EQ(figures_of(64).slabs, slabs);
  }
}

TEST_F(HeapTest, KeepsAFewEmptySlabsOnly) {
  free_all(allocate_many(200 * 256, 64));
  // One is current, and 32 units are kept.
  EXPECT_LE(figures_of(64).slabs, 33u);
  EXPECT_GE(figures_of(64).slabs, 2u);
  heap_.trim();
  EXPECT_LE(figures_of(64).slabs, 1u);
}

TEST_F(HeapTest, TakesEmptySlabsOfLargeBlocksWhenOthersNeedRoom) {
  void* const small = heap_.allocate(64);
  heap_.free(small);
  heap_.free(heap_.allocate(20 * kKiB));
  ASSERT_EQ(figures_of(20 * kKiB).slabs, 1u);
  void* const run = heap_.allocate(100 * kKiB);
  EXPECT_EQ(figures_of(20 * kKiB).slabs, 0u);
  EXPECT_EQ(figures_of(64).slabs, 1u) << "small blocks keep theirs";
  heap_.free(run);
}

TEST_F(HeapTest, DropsKeptMappingsWhenItGrows) {
  heap_.free(heap_.allocate(4 * kMiB));
  ASSERT_EQ(heap_.statistics().kept_direct_bytes, 4 * kMiB);
  EXPECT_NE(heap_.allocate(64), nullptr);
  EXPECT_EQ(heap_.statistics().kept_direct_bytes, 0u);
  EXPECT_EQ(heap_.given_back_bytes(), 4 * kMiB);
}

TEST_F(HeapTest, SaysWhenATrimIsDue) {
  const Nanoseconds now = os::monotonic_now();
  EXPECT_FALSE(heap_.trim_is_due(now));
  heap_.free(heap_.allocate(100 * kKiB));
  EXPECT_TRUE(heap_.trim_is_due(now));
  heap_.tick(now);
  EXPECT_FALSE(heap_.trim_is_due(now + Trimmer::kRoundInterval - 1));
  EXPECT_TRUE(heap_.trim_is_due(now + Trimmer::kRoundInterval));
  heap_.trim();
  EXPECT_FALSE(heap_.trim_is_due(now + 10 * Trimmer::kRoundInterval));
}

TEST_F(HeapTest, ATrimOfKeptMappingsIsDueAfterAnInterval) {
  heap_.free(heap_.allocate(2 * kMiB));
  const Nanoseconds freed = os::monotonic_now();
  EXPECT_FALSE(heap_.trim_is_due(freed));
  EXPECT_TRUE(heap_.trim_is_due(freed + Trimmer::kRoundInterval + kMillisecond));
}

TEST_F(HeapTest, AllocatesFromTheFullestSlabsSoThatSparseOnesDrain) {
  std::vector<void*> blocks = allocate_many(100 * 256, 64);
  std::sort(blocks.begin(), blocks.end());
  // Slabs of even number lose all but one block, the others twenty.
  std::set<void*> live(blocks.begin(), blocks.end());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const bool sparse = i / 256 % 2 == 0;
    if (i % 256 < (sparse ? 255u : 20u)) {
      heap_.free(blocks[i]);
      live.erase(blocks[i]);
    }
  }
  const std::vector<void*> again = allocate_many(300, 64);
  std::size_t in_sparse = 0;
  for (void* const block : again) {
    const auto slab = (address_of(block) - address_of(blocks[0])) / kUnitBytes;
    in_sparse += slab % 2 == 0 && slab < 100 ? 1 : 0;
  }
  // The current slab may be one of the sparse.
  EXPECT_LE(in_sparse, 255u);
}

// --- the beat ------------------------------------------------------------------------------------

unsigned beats = 0;

TEST_F(HeapTest, BeatsEverySoManySlowCalls) {
  beats = 0;
  heap_.set_beat([](Heap&) { ++beats; }, 10);
  for (int i = 0; i < 100; ++i) heap_.free(heap_.allocate(100 * kKiB));
  EXPECT_EQ(beats, 20u);
}

TEST_F(HeapTest, GivesMemoryBackByItselfWhileItIsUsed) {
  free_all(allocate_many(100'000, 100));
  const Nanoseconds deadline = os::monotonic_now() + 5 * kSecond;
  while (heap_.given_back_bytes() < 8 * kMiB && os::monotonic_now() < deadline) {
    heap_.free(heap_.allocate(100 * kKiB));
  }
  EXPECT_GE(heap_.given_back_bytes(), 8 * kMiB);
}

// --- life ----------------------------------------------------------------------------------------

TEST(HeapLife, RefusesEverythingBeforeInit) {
  Heap heap;
  for (const std::size_t size : telling_sizes()) {
    EXPECT_EQ(heap.allocate(size), nullptr);
    EXPECT_EQ(heap.allocate_zeroed(1, size), nullptr);
    EXPECT_EQ(heap.reallocate(nullptr, size), nullptr);
  }
  char local[64] = {};
  EXPECT_FALSE(heap.owns(local));
  EXPECT_FALSE(heap.try_free(local));
  EXPECT_EQ(heap.trim(), 0u);
  EXPECT_EQ(heap.tick(os::monotonic_now()), 0u);
  EXPECT_EQ(heap.live_block_count(), 0u);
  EXPECT_EQ(heap.statistics().committed_bytes, 0u);
  EXPECT_TRUE(heap.validate());
  heap.epoch();
  heap.shrink_reservation();
  heap.release();
}

TEST(HeapLife, WorksAsAGlobalWithoutConstructor) {
  ASSERT_TRUE(global_heap.init());
  void* const block = global_heap.allocate(100);
  EXPECT_NE(block, nullptr);
  global_heap.free(block);
  global_heap.release();
}

TEST(HeapLife, CanBeReleasedAndUsedAgain) {
  Heap heap;
  for (int life = 0; life < 5; ++life) {
    ASSERT_TRUE(heap.init());
    testing::HeapModel model(heap);
    for (const std::size_t size : telling_sizes()) {
      for (int i = 0; i < 5; ++i) model.allocate(size, Domain::kObject);
    }
    for (int i = 0; i < 100; ++i) model.free(static_cast<std::size_t>(i));
    model.check();
    ASSERT_EQ(model.problem(), "");
    ASSERT_TRUE(heap.begin_log());
    heap.release();
    EXPECT_FALSE(heap.log_is_open());
    EXPECT_EQ(heap.allocate(10), nullptr);
    EXPECT_EQ(heap.live_block_count(), 0u);
  }
}

TEST(HeapLife, LeavesNoAddressSpaceBehindAfterRelease) {
  Heap heap;
  const std::size_t before = os::read_memory_use().virtual_bytes;
  ASSERT_TRUE(heap.init());
  for (const std::size_t size : telling_sizes()) heap.free(heap.allocate(size));
  EXPECT_NE(heap.allocate(5 * kMiB), nullptr);
  ASSERT_TRUE(heap.begin_log());
  heap.release();
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
}

TEST(HeapLife, TwoHeapsDoNotKnowEachOthersBlocks) {
  Heap first;
  Heap second;
  ASSERT_TRUE(first.init());
  ASSERT_TRUE(second.init());
  for (const std::size_t size : telling_sizes()) {
    void* const block = first.allocate(size);
    EXPECT_FALSE(second.owns(block));
    EXPECT_FALSE(second.try_free(block));
    EXPECT_TRUE(first.try_free(block));
  }
  first.release();
  second.release();
}

// A slab that is current for a billion frees: its countdown starts anew. Seconds, so only on
// demand.
TEST(HeapLife, SurvivesABillionFreesIntoOneSlab) {
  if (std::getenv("HOOP_TEST_LONG") == nullptr) GTEST_SKIP() << "set HOOP_TEST_LONG=1";
  Heap heap;
  ASSERT_TRUE(heap.init());
  void* const witness = heap.allocate(64);
  for (std::int64_t i = 0; i < std::int64_t{Slab::kNeverFires} + 1000; ++i)
    heap.free(heap.allocate(64));
  EXPECT_TRUE(heap.validate());
  EXPECT_EQ(heap.live_block_count(), 1u);
  heap.free(witness);
  heap.trim();
  EXPECT_EQ(heap.live_block_count(), 0u);
  heap.release();
}

}  // namespace
}  // namespace hoop::heap
