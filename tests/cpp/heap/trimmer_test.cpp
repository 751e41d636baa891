// SPDX-License-Identifier: Apache-2.0
// The trimmer over slabs that the test sets up, checked by what the kernel says is resident.
#include "heap/trimmer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <vector>

#include "cpp/support/random.h"
#include "cpp/support/residency.h"
#include "heap/slab_index.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

using testing::Random;
using testing::resident_bytes;

constexpr Nanoseconds kInterval = Trimmer::kRoundInterval;
constexpr SizeClass kClass64 = small_class_of(64);
constexpr unsigned kBlocksOfAPage64 = kPageBytes / 64;

class Trimming : public ::testing::Test {
 protected:
  void SetUp() override { init(SIZE_MAX); }
  void TearDown() override { space_.release(); }

  void init(std::size_t huge_page_threshold) {
    space_.release();
    ASSERT_TRUE(space_.init(256 * kMiB, huge_page_threshold));
  }

  // A slab all of whose blocks are live and were written to.
  Slab* full_slab(SizeClass size_class) {
    const ClassInfo& info = kClasses[size_class];
    const auto placement =
        info.units == 1 ? UnitSpace::Placement::kAny : UnitSpace::Placement::kMultipleOf4;
    Slab* const slab = space_.take(info.units, placement);
    slab->size_class = size_class;
    slab->virgin_pages = info.pages;
    SlabBlocks blocks(*slab, space_.address_of(slab));
    while (blocks.carve()) {
    }
    for (FreeBlock* block = slab->free; block != nullptr;) {
      FreeBlock* const next = block->next;
      std::memset(static_cast<void*>(block), 1, info.block_bytes);
      block = next;
    }
    slab->free = nullptr;
    slab->state = UnitState::kFull;
    slab->arm(info.capacity, 1);
    return slab;
  }
  void* block_of(Slab* slab, unsigned index) {
    return reinterpret_cast<void*>(SlabBlocks(*slab, space_.address_of(slab)).address_of(index));
  }
  // Frees blocks as a heap that looks at once, and files the slab by what is left.
  void free_blocks(Slab* slab, const std::vector<unsigned>& indices) {
    const int live = slab->live() - static_cast<int>(indices.size());
    for (const unsigned index : indices) slab->push(block_of(slab, index));
    file(slab, static_cast<unsigned>(live));
    space_.chunk(space_.chunk_of(slab)).pending = true;
    trimmer_.note_free();
  }
  static void file(Slab* slab, unsigned live) {
    const unsigned capacity = slab->info().capacity;
    slab->state = live == 0          ? UnitState::kKept
                  : live == capacity ? UnitState::kFull
                                     : UnitState::kPartial;
    const unsigned least = SlabIndex::least_live(
        SlabIndex::quarter_of(std::min(live, capacity - 1), capacity), capacity);
    slab->arm(live, live == 0 ? 1 : static_cast<std::int32_t>(live - least + 1));
  }
  // Every block of so many pages from the first, of the class of 64 bytes.
  static std::vector<unsigned> blocks_of_pages(unsigned pages) {
    std::vector<unsigned> indices(std::size_t{pages} * kBlocksOfAPage64);
    for (unsigned i = 0; i < indices.size(); ++i) indices[i] = i;
    return indices;
  }
  std::size_t resident(const Slab* slab) {
    return resident_bytes(space_.address_of(slab), slab->info().units * kUnitBytes);
  }
  std::size_t resident_units(const Slab* first, unsigned units) {
    return resident_bytes(space_.address_of(first), units * kUnitBytes);
  }
  // Units written to by somebody and given up.
  Slab* dirty_units(unsigned units) {
    Slab* const first = space_.take(units, UnitSpace::Placement::kAny);
    std::memset(reinterpret_cast<void*>(space_.address_of(first)), 1, units * kUnitBytes);
    give(first, units);
    return first;
  }
  void give(Slab* first, unsigned units) {
    space_.give(first, units);
    trimmer_.note_free();
  }
  // The next round, whole.
  std::size_t round() {
    now_ += kInterval;
    std::size_t given = trimmer_.tick(space_, now_);
    while (trimmer_.pending() && trimmer_.is_due(now_)) given += trimmer_.tick(space_, now_);
    return given;
  }

  UnitSpace space_;
  Trimmer trimmer_;
  Nanoseconds now_ = 10 * kSecond;
};

// --- rounds --------------------------------------------------------------------------------------

TEST_F(Trimming, IsNotDueBeforeAnythingWasFreed) {
  ASSERT_NE(full_slab(kClass64), nullptr);
  EXPECT_FALSE(trimmer_.pending());
  EXPECT_FALSE(trimmer_.is_due(UINT64_MAX));
  EXPECT_EQ(trimmer_.tick(space_, now_), 0u);
}

TEST_F(Trimming, GivesFreeUnitsBackInTheSecondRoundThatSeesThem) {
  Slab* const units = dirty_units(10);
  EXPECT_EQ(round(), 0u);
  EXPECT_EQ(resident_units(units, 10), 10 * kUnitBytes);
  EXPECT_EQ(round(), 10 * kUnitBytes);
  EXPECT_EQ(resident_units(units, 10), 0u);
  EXPECT_EQ(round(), 0u);
  EXPECT_FALSE(trimmer_.pending());
}

TEST_F(Trimming, BeginsRoundsAnIntervalApart) {
  Slab* const units = dirty_units(1);
  EXPECT_EQ(trimmer_.tick(space_, now_), 0u);
  EXPECT_EQ(trimmer_.next_round(), now_ + kInterval);
  EXPECT_FALSE(trimmer_.is_due(now_ + kInterval - 1));
  EXPECT_EQ(trimmer_.tick(space_, now_ + kInterval - 1), 0u);
  EXPECT_EQ(resident_units(units, 1), kUnitBytes);
  EXPECT_TRUE(trimmer_.is_due(now_ + kInterval));
  EXPECT_EQ(trimmer_.tick(space_, now_ + kInterval), kUnitBytes);
}

TEST_F(Trimming, KeepsUnitsThatWereTakenAgainInTime) {
  Slab* const units = dirty_units(10);
  round();
  Slab* const taken = space_.take(10, UnitSpace::Placement::kAny);
  ASSERT_EQ(taken, units);
  give(taken, 10);
  EXPECT_EQ(round(), 0u) << "free for less than a round";
  EXPECT_EQ(resident_units(units, 10), 10 * kUnitBytes);
  EXPECT_EQ(round(), 10 * kUnitBytes);
}

TEST_F(Trimming, GivesIdlePagesOfAQuietSlabBackInTheSecondRound) {
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, blocks_of_pages(2));
  EXPECT_EQ(round(), 0u);
  EXPECT_EQ(resident(slab), kUnitBytes);
  EXPECT_EQ(round(), 2 * kPageBytes);
  EXPECT_EQ(resident(slab), kUnitBytes - 2 * kPageBytes);
  EXPECT_EQ(slab->virgin_pages, 3u);
  EXPECT_FALSE(trimmer_.pending());
}

TEST_F(Trimming, LeavesASlabAloneWhileBlocksOfItAreFreed) {
  Slab* const slab = full_slab(kClass64);
  std::vector<unsigned> first_page_and_more = blocks_of_pages(1);
  for (unsigned i = 0; i < 8; ++i) first_page_and_more.push_back(kBlocksOfAPage64 + i);
  free_blocks(slab, first_page_and_more);
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_EQ(round(), 0u);
    ASSERT_GT(slab->countdown, 0);
    --slab->countdown;
    slab->push(block_of(slab, 2 * kBlocksOfAPage64 + i));
  }
  EXPECT_EQ(round(), 0u) << "something was freed since the round before";
  EXPECT_EQ(round(), kPageBytes);
}

TEST_F(Trimming, DoesNotTouchSlabsInUseByTick) {
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, blocks_of_pages(3));
  slab->state = UnitState::kCurrent;
  slab->countdown = slab->armed = Slab::kNeverFires;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(round(), 0u);
  EXPECT_EQ(resident(slab), kUnitBytes);
}

TEST_F(Trimming, LooksAtEverythingWhenAskedForAll) {
  Slab* const current = full_slab(kClass64);
  free_blocks(current, blocks_of_pages(3));
  current->state = UnitState::kCurrent;
  current->countdown = current->armed = Slab::kNeverFires;
  Slab* const partial = full_slab(kClass64);
  free_blocks(partial, blocks_of_pages(1));
  Slab* const kept = full_slab(kClass64);
  free_blocks(kept, blocks_of_pages(4));
  Slab* const units = dirty_units(5);
  EXPECT_EQ(trimmer_.trim_all(space_), 8 * kPageBytes + 5 * kUnitBytes);
  EXPECT_EQ(resident(current), kPageBytes);
  EXPECT_EQ(resident(partial), 3 * kPageBytes);
  EXPECT_EQ(resident(kept), 0u);
  EXPECT_EQ(resident_units(units, 5), 0u);
  EXPECT_FALSE(trimmer_.pending());
}

TEST_F(Trimming, FindsNothingTheSecondTimeWhenAskedForAll) {
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, blocks_of_pages(3));
  dirty_units(4);
  EXPECT_GT(trimmer_.trim_all(space_), 0u);
  EXPECT_EQ(trimmer_.trim_all(space_), 0u);
  EXPECT_EQ(round(), 0u);
}

TEST_F(Trimming, AddsUpWhatItGave) {
  dirty_units(3);
  round();
  round();
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, blocks_of_pages(1));
  trimmer_.trim_all(space_);
  trimmer_.note_given_back(100);
  EXPECT_EQ(trimmer_.given_back_bytes(), 3 * kUnitBytes + kPageBytes + 100);
  EXPECT_GT(trimmer_.time_spent(), 0u);
}

TEST_F(Trimming, GivesOnlyPagesWithoutALiveBlockForEveryClass) {
  Random random = testing::seeded_random();
  for (unsigned size_class = 0; size_class < kClassCount; ++size_class) {
    SCOPED_TRACE(::testing::Message()
                 << "blocks of " << kClasses[size_class].block_bytes << " bytes");
    Slab* const slab = full_slab(static_cast<SizeClass>(size_class));
    const ClassInfo& info = slab->info();
    std::vector<unsigned> freed;
    for (unsigned i = 0; i < info.capacity; ++i) {
      if (random.percent(50) || random.percent(70)) freed.push_back(i);
    }
    if (freed.size() == info.capacity) freed.pop_back();
    if (freed.empty()) freed.push_back(0);
    free_blocks(slab, freed);
    std::vector<bool> is_live(info.capacity, true);
    for (const unsigned i : freed) is_live[i] = false;
    std::vector<bool> expected(info.units * kUnitBytes / kPageBytes, false);
    for (std::size_t i = 0; i < info.capacity; ++i) {
      const std::size_t last = ((i + 1) * info.block_bytes - 1) / kPageBytes;
      for (std::size_t page = i * info.block_bytes / kPageBytes; is_live[i] && page <= last; ++page)
        expected[page] = true;
    }
    round();
    round();
    ASSERT_EQ(testing::resident_pages(space_.address_of(slab), info.units * kUnitBytes), expected);
  }
}

// After the trimmer has settled a slab it looks at it no more, so the countdown must run out no
// later than another page falls idle.
TEST_F(Trimming, SettlesASlabSoThatNoIdlePageIsMissed) {
  Random random = testing::seeded_random();
  for (unsigned size_class = 0; size_class < kClassCount; ++size_class) {
    for (int repeat = 0; repeat < 6; ++repeat) {
      Slab* const slab = full_slab(static_cast<SizeClass>(size_class));
      const unsigned capacity = slab->info().capacity;
      std::vector<unsigned> order(capacity);
      for (unsigned i = 0; i < capacity; ++i) order[i] = i;
      if (repeat > 0) {
        for (unsigned i = capacity - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
      }
      const auto first = static_cast<std::ptrdiff_t>(random.between(1, capacity - 1));
      free_blocks(slab, {order.begin(), order.begin() + first});
      round();
      round();
      ASSERT_EQ(slab->countdown_seen, Slab::kSettled);
      BlockSet free;
      FaultReport report;
      const SlabBlocks blocks(*slab, space_.address_of(slab));
      for (auto i = first; slab->countdown > 0; ++i) {
        ASSERT_LT(i, capacity);
        --slab->countdown;
        slab->push(block_of(slab, order[static_cast<std::size_t>(i)]));
        ASSERT_TRUE(blocks.collect_free(free, report));
        ASSERT_EQ(blocks.idle_pages(free), 0u) << slab->info().block_bytes;
      }
    }
  }
}

// --- budget --------------------------------------------------------------------------------------

TEST_F(Trimming, CutsALongRoundIntoTicks) {
  // Every second page of all chunks: as many calls to the system.
  std::vector<unsigned> every_second_page;
  for (unsigned i = 0; i < kClasses[kClass64].capacity; ++i) {
    if (i / kBlocksOfAPage64 % 2 == 0) every_second_page.push_back(i);
  }
  std::vector<Slab*> slabs;
  for (unsigned i = 0; i < 100 * kUnitsPerChunk; ++i) {
    slabs.push_back(full_slab(kClass64));
    free_blocks(slabs.back(), every_second_page);
  }
  now_ += kInterval;
  std::size_t ticks = 0;
  std::size_t given = 0;
  for (int rounds = 0; rounds < 2; ++rounds, now_ += kInterval) {
    do {
      given += trimmer_.tick(space_, now_);
      ++ticks;
    } while (trimmer_.is_due(now_));
  }
  EXPECT_GT(ticks, 4u);
  EXPECT_EQ(given, slabs.size() * 2 * kPageBytes);
  for (Slab* const slab : slabs) ASSERT_EQ(slab->virgin_pages, 5u);
  EXPECT_FALSE(trimmer_.pending());
}

TEST_F(Trimming, TrimsAllInTheMiddleOfARound) {
  std::vector<Slab*> slabs;
  for (unsigned i = 0; i < 100 * kUnitsPerChunk; ++i) {
    slabs.push_back(full_slab(kClass64));
    free_blocks(slabs.back(), blocks_of_pages(1));
  }
  trimmer_.tick(space_, now_);
  const std::size_t given = trimmer_.trim_all(space_);
  EXPECT_EQ(given, slabs.size() * kPageBytes);
  EXPECT_FALSE(trimmer_.pending());
  EXPECT_FALSE(trimmer_.is_due(now_ + 10 * kInterval));
}

// --- huge pages ----------------------------------------------------------------------------------

class TrimmingHugePages : public Trimming {
 protected:
  void SetUp() override { init(0); }
  Slab* wall() { return space_.take(1, UnitSpace::Placement::kAny); }
};

TEST_F(TrimmingHugePages, LeavesAHugePageWholeForLessThanATenthOfIt) {
  wall();
  Slab* const units = dirty_units(12);  // 48 pages of 512
  ASSERT_TRUE(space_.chunk(0).huge);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(round(), 0u);
  EXPECT_FALSE(space_.chunk(0).split);
  EXPECT_EQ(resident_units(units, 12), 12 * kUnitBytes);
}

TEST_F(TrimmingHugePages, SplitsAHugePageForATenthOfIt) {
  wall();
  Slab* const units = dirty_units(13);  // 52 pages
  round();
  EXPECT_GE(round(), 13 * kUnitBytes) << "and what nobody has used of the huge page";
  EXPECT_TRUE(space_.chunk(0).split);
  EXPECT_EQ(resident_units(units, 13), 0u);
}

TEST_F(TrimmingHugePages, GivesWhatIsLeftOfASplitPageHoweverLittle) {
  wall();
  Slab* const units = dirty_units(13);
  round();
  round();
  ASSERT_TRUE(space_.chunk(0).split);
  Slab* const again = space_.take(1, UnitSpace::Placement::kAny);
  ASSERT_EQ(again, units);
  std::memset(reinterpret_cast<void*>(space_.address_of(again)), 1, kUnitBytes);
  give(again, 1);
  round();
  EXPECT_EQ(round(), kUnitBytes);
}

TEST_F(TrimmingHugePages, RemembersPagesItLeftUntilThereIsEnough) {
  wall();
  // Slabs whose first pages are idle: 40 pages, too few.
  std::vector<Slab*> slabs;
  for (int i = 0; i < 40; ++i) {
    slabs.push_back(full_slab(kClass64));
    free_blocks(slabs.back(), blocks_of_pages(1));
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(round(), 0u);
  EXPECT_FALSE(trimmer_.pending()) << "nothing to do until something is freed in the chunk";
  Slab* const more = dirty_units(3);
  for (int i = 0; i < 3; ++i) round();
  EXPECT_GE(trimmer_.given_back_bytes(), 40 * kPageBytes + 3 * kUnitBytes);
  for (Slab* const slab : slabs) EXPECT_EQ(resident(slab), kUnitBytes - kPageBytes);
  EXPECT_EQ(resident_units(more, 3), 0u);
}

TEST_F(TrimmingHugePages, GivesAnEmptyChunkBackWithoutSplittingIt) {
  Slab* const units = dirty_units(60);
  round();
  EXPECT_EQ(round(), kChunkBytes) << "a huge page came as a whole";
  EXPECT_FALSE(space_.chunk(0).split);
  EXPECT_EQ(resident_units(units, 60), 0u);
}

TEST_F(TrimmingHugePages, SplitsAtOnceWhenAskedForAll) {
  wall();
  Slab* const units = dirty_units(1);
  EXPECT_GE(trimmer_.trim_all(space_), kUnitBytes);
  EXPECT_TRUE(space_.chunk(0).split);
  EXPECT_EQ(resident_units(units, 1), 0u);
}

TEST_F(TrimmingHugePages, MakesAChunkWholeAgainOnceAllOfItIsFreeAndGiven) {
  Slab* const last = wall();
  dirty_units(20);
  round();
  round();
  ASSERT_TRUE(space_.chunk(0).split);
  give(last, 1);
  round();
  round();
  EXPECT_FALSE(space_.chunk(0).split);
}

TEST_F(TrimmingHugePages, MakesAChunkWholeAgainThoughItsLastSlabHeldNoMemory) {
  Slab* const slab = full_slab(kClass64);
  dirty_units(20);
  ASSERT_GT(trimmer_.trim_all(space_), 0u);
  ASSERT_TRUE(space_.chunk(0).split);
  free_blocks(slab, blocks_of_pages(4));
  round();
  round();
  ASSERT_EQ(resident(slab), 0u);
  give(slab, 1);
  round();
  round();
  EXPECT_FALSE(space_.chunk(0).split);
}

// --- damage --------------------------------------------------------------------------------------

using TrimmingDeathTest = Trimming;

TEST_F(TrimmingDeathTest, DiesOfAClobberedFreeBlock) {
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, {1, 2, 3});
  std::memset(block_of(slab, 2), 0x77, 64);
  EXPECT_EXIT(trimmer_.trim_all(space_), ::testing::KilledBySignal(SIGABRT),
              "^hoopsnake: heap: a free block was written to after it was freed: block "
              "0x[0-9a-f]+, size class 64, "
              "link 0x7777777777777777\n");
}

TEST_F(TrimmingDeathTest, DiesOfAShortenedFreeList) {
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, {1, 2, 3});
  std::memset(block_of(slab, 2), 0, 64);
  EXPECT_EXIT(trimmer_.trim_all(space_), ::testing::KilledBySignal(SIGABRT),
              "^hoopsnake: heap: free blocks are missing from the free list");
}

TEST_F(TrimmingDeathTest, DiesOfABlockFreedTwiceWithinARoundToo) {
  Slab* const slab = full_slab(kClass64);
  free_blocks(slab, {1, 2, 1});
  round();
  EXPECT_EXIT(round(), ::testing::KilledBySignal(SIGABRT),
              "double free: the block is twice in its free list");
}

}  // namespace
}  // namespace hoop::heap
