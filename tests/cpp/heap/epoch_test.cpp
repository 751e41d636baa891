// SPDX-License-Identifier: Apache-2.0
// After an epoch new blocks share no page with older ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "cpp/support/heap_model.h"
#include "cpp/support/random.h"
#include "cpp/support/residency.h"
#include "heap/heap.h"

namespace hoop::heap {
namespace {

Address page_of(const void* block) { return reinterpret_cast<Address>(block) / kPageBytes; }

class Epoch : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(heap_.init());
    heap_.set_beat([](Heap&) {}, Heap::kSlowCallsPerBeat);
  }
  void TearDown() override {
    EXPECT_TRUE(heap_.validate());
    heap_.release();
  }
  std::vector<void*> allocate_many(std::size_t count, std::size_t bytes) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) {
      blocks.push_back(heap_.allocate(bytes));
      std::memset(blocks.back(), 1, bytes);
    }
    return blocks;
  }
  std::size_t slabs_of(std::size_t bytes) {
    return heap_.statistics().domains[1].classes[small_class_of(bytes)].slabs;
  }

  Heap heap_;
};

TEST_F(Epoch, NewBlocksShareNoPageWithOldOnes) {
  for (const std::size_t bytes : {std::size_t{16}, std::size_t{48}, std::size_t{512},
                                  std::size_t{600}, std::size_t{3000}, 20 * kKiB, 50 * kKiB}) {
    std::set<Address> old_pages;
    for (void* const block : allocate_many(100, bytes)) old_pages.insert(page_of(block));
    heap_.epoch();
    for (void* const block : allocate_many(100, bytes))
      EXPECT_FALSE(old_pages.contains(page_of(block))) << bytes;
  }
}

TEST_F(Epoch, NewBlocksDoNotFillTheGapsOfOldSlabs) {
  const std::vector<void*> old = allocate_many(10'000, 48);
  std::set<Address> old_pages;
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (i % 2 == 0) {
      heap_.free(old[i]);
    } else {
      old_pages.insert(page_of(old[i]));
    }
  }
  heap_.epoch();
  for (void* const block : allocate_many(10'000, 48))
    ASSERT_FALSE(old_pages.contains(page_of(block)));
}

TEST_F(Epoch, BlocksFreedLaterInOldSlabsAreNotReused) {
  const std::vector<void*> old = allocate_many(10'000, 48);
  heap_.epoch();
  std::set<Address> old_pages;
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (i % 10 != 0) {
      heap_.free(old[i]);
    } else {
      old_pages.insert(page_of(old[i]));
    }
  }
  for (void* const block : allocate_many(10'000, 48))
    ASSERT_FALSE(old_pages.contains(page_of(block)));
}

TEST_F(Epoch, OldSlabsAreGivenUpOnceTheyAreEmpty) {
  const std::vector<void*> old = allocate_many(10'000, 48);
  heap_.epoch();
  const std::size_t before = slabs_of(48);
  for (void* const block : old) heap_.free(block);
  EXPECT_EQ(slabs_of(48), 0u) << "of " << before;
  EXPECT_EQ(heap_.live_block_count(), 0u);
}

TEST_F(Epoch, EmptySlabsDoNotOutliveIt) {
  std::vector<void*> blocks = allocate_many(10'000, 48);
  for (void* const block : blocks) heap_.free(block);
  ASSERT_GT(slabs_of(48), 1u);
  heap_.epoch();
  EXPECT_EQ(slabs_of(48), 0u);
}

TEST_F(Epoch, ChangesNothingAboutLiveBlocks) {
  testing::Random random = testing::seeded_random();
  testing::HeapModel model(heap_);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 1000; ++i)
      model.allocate(random.below(2000), static_cast<Domain>(random.below(2)));
    while (model.size() > 2000) model.free(random.below(model.size()));
    model.epoch();
    model.check();
    ASSERT_EQ(model.problem(), "") << "round " << round;
  }
}

TEST_F(Epoch, ManyInARowAreFine) {
  const std::vector<void*> blocks = allocate_many(1000, 48);
  for (int i = 0; i < 1000; ++i) heap_.epoch();
  EXPECT_EQ(heap_.live_block_count(), 1000u);
  for (void* const block : blocks) heap_.free(block);
  EXPECT_EQ(heap_.live_block_count(), 0u);
}

TEST_F(Epoch, BeginsOnAnUnusedHeap) {
  heap_.epoch();
  EXPECT_NE(heap_.allocate(10), nullptr);
}

TEST_F(Epoch, OldBlocksCanBeResizedAndFreed) {
  testing::HeapModel model(heap_);
  for (const std::size_t bytes :
       {std::size_t{16}, std::size_t{500}, std::size_t{5000}, 100 * kKiB, 2 * kMiB}) {
    for (int i = 0; i < 10; ++i) model.allocate(bytes, Domain::kMemory);
  }
  model.epoch();
  for (std::size_t i = 0; i < model.size(); ++i) model.resize(i, model.block(i).bytes * 3 / 2);
  model.check();
  model.free_all();
  model.check();
  EXPECT_EQ(model.problem(), "");
}

// Without anything freed later: what was idle when the epoch began comes back by ticks too.
TEST_F(Epoch, IdlePagesOfSlabsThatWereInUseAreGivenBackByTicks) {
  const std::vector<void*> blocks = allocate_many(256, 64);  // one slab, the one in use
  for (std::size_t i = 64; i < 256; ++i) heap_.free(blocks[i]);
  heap_.epoch();
  Nanoseconds now = os::monotonic_now();
  for (int round = 0; round < 8; ++round) heap_.tick(now += Trimmer::kRoundInterval);
  EXPECT_EQ(testing::resident_bytes(page_of(blocks[0]) * kPageBytes, kUnitBytes), kPageBytes);
}

TEST_F(Epoch, PagesThatFallIdleInOldSlabsAreGivenBackByTicks) {
  // Partial slabs, settled by the trimmer, then a page of each falls idle.
  const std::vector<void*> blocks = allocate_many(20 * 256, 64);
  for (std::size_t i = 0; i < 19 * 256; ++i) {
    if (i % 256 < 70) heap_.free(blocks[i]);
  }
  Nanoseconds now = os::monotonic_now();
  for (int round = 0; round < 8; ++round) heap_.tick(now += Trimmer::kRoundInterval);
  heap_.epoch();
  for (int round = 0; round < 8; ++round) heap_.tick(now += Trimmer::kRoundInterval);
  for (std::size_t i = 0; i < 19 * 256; ++i) {
    if (i % 256 >= 70 && i % 256 < 128) heap_.free(blocks[i]);
  }
  for (int round = 0; round < 8; ++round) heap_.tick(now += Trimmer::kRoundInterval);
  for (std::size_t slab = 0; slab < 19; ++slab) {
    EXPECT_EQ(testing::resident_bytes(page_of(blocks[slab * 256]) * kPageBytes, kUnitBytes),
              2 * kPageBytes)
        << slab;
  }
}

}  // namespace
}  // namespace hoop::heap
