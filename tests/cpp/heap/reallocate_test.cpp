// SPDX-License-Identifier: Apache-2.0
// Resizing: content, places, and what happens when there is no memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpp/support/heap_model.h"
#include "cpp/support/random.h"
#include "heap/heap.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

class Reallocate : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(heap_.init()); }
  void TearDown() override {
    os::fail_mappings_from_for_testing(0);
    EXPECT_TRUE(heap_.validate());
    heap_.release();
  }
  void* filled(std::size_t bytes) {
    void* const block = heap_.allocate(bytes);
    testing::fill(reinterpret_cast<Address>(block), bytes, 1);
    return block;
  }
  static bool is_filled(const void* block, std::size_t bytes) {
    return testing::is_filled(reinterpret_cast<Address>(block), bytes, 1);
  }

  Heap heap_;
};

// Sizes of small and medium blocks, runs and direct blocks.
const std::vector<std::size_t>& sizes_of_every_kind() {
  static const std::vector<std::size_t> sizes = {0,    1,         40,        512,       513,
                                                 3000, 32 * kKiB, 40 * kKiB, 64 * kKiB, 300'000,
                                                 kMiB, kMiB + 1,  2 * kMiB,  20 * kMiB};
  return sizes;
}

TEST_F(Reallocate, KeepsTheContentFromEveryKindOfBlockToEveryOther) {
  for (const std::size_t from : sizes_of_every_kind()) {
    for (const std::size_t to : sizes_of_every_kind()) {
      void* const block = heap_.reallocate(filled(from), to);
      ASSERT_NE(block, nullptr) << from << " -> " << to;
      EXPECT_TRUE(is_filled(block, std::min(from, to))) << from << " -> " << to;
      EXPECT_GE(heap_.usable_size(block), to) << from << " -> " << to;
      EXPECT_EQ(heap_.live_block_count(), 1u) << from << " -> " << to;
      heap_.free(block);
    }
  }
}

TEST_F(Reallocate, WalksThroughAllSizesUpAndDown) {
  void* block = filled(1);
  std::size_t old = 1;
  std::vector<std::size_t> path;
  for (std::size_t size = 1; size < 3 * kMiB; size += 1 + size / 7) path.push_back(size);
  for (std::size_t i = path.size(); i-- > 0;) path.push_back(path[i]);
  for (const std::size_t size : path) {
    block = heap_.reallocate(block, size);
    ASSERT_TRUE(is_filled(block, std::min(size, old))) << old << " -> " << size;
    testing::fill(reinterpret_cast<Address>(block), size, 1);
    old = size;
  }
  EXPECT_EQ(heap_.live_block_count(), 1u);
}

TEST_F(Reallocate, OfNothingAllocates) {
  void* const block = heap_.reallocate(nullptr, 100, Domain::kObject);
  EXPECT_TRUE(heap_.owns(block));
  EXPECT_EQ(heap_.statistics().domains[0].live_blocks, 1u);
}

TEST_F(Reallocate, ToNothingLeavesABlock) {
  for (const std::size_t from : sizes_of_every_kind()) {
    void* const block = heap_.reallocate(heap_.allocate(from), 0);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(heap_.usable_size(block), 16u);
    heap_.free(block);
  }
}

TEST_F(Reallocate, MovesIntoTheDomainThatIsAskedFor) {
  EXPECT_NE(heap_.reallocate(heap_.allocate(100, Domain::kObject), 1000, Domain::kObject), nullptr);
  EXPECT_EQ(heap_.statistics().domains[0].live_blocks, 1u);
  EXPECT_EQ(heap_.statistics().domains[1].live_blocks, 0u);
}

// --- in place ------------------------------------------------------------------------------------

TEST_F(Reallocate, StaysInPlaceWhenItShrinksByAQuarterOrLess) {
  for (const ClassInfo& info : kClasses) {
    void* const block = heap_.allocate(info.block_bytes);
    for (std::size_t size = info.block_bytes; size * 4 > std::size_t{info.block_bytes} * 3;
         --size) {
      ASSERT_EQ(heap_.reallocate(block, size), block) << info.block_bytes << " -> " << size;
    }
    heap_.free(block);
  }
}

TEST_F(Reallocate, StaysInPlaceWhereTheNewSizeIsOfTheSameClass) {
  for (unsigned i = 0; i < kClassCount; ++i) {
    const std::size_t bytes = kClasses[i].block_bytes;
    const std::size_t smallest = i == 0 ? 1 : kClasses[i - 1].block_bytes + 1u;
    void* const block = heap_.allocate(bytes);
    ASSERT_EQ(heap_.reallocate(block, smallest), block) << bytes << " -> " << smallest;
    heap_.free(block);
  }
}

TEST_F(Reallocate, MovesABlockThatShrinksMuchToASmallerOne) {
  for (const ClassInfo& info : kClasses) {
    if (info.block_bytes < 128) continue;
    void* const block = heap_.allocate(info.block_bytes);
    void* const moved = heap_.reallocate(block, info.block_bytes / 2);
    EXPECT_NE(moved, block);
    EXPECT_LT(heap_.usable_size(moved), info.block_bytes);
    heap_.free(moved);
  }
}

TEST_F(Reallocate, GrowsInPlaceUpToTheUsableSize) {
  void* const block = heap_.allocate(513);
  EXPECT_EQ(heap_.reallocate(block, 576), block);
}

TEST_F(Reallocate, GrowsARunOverTheFreeUnitsBehindIt) {
  void* const run = filled(40 * kKiB);
  for (const std::size_t size : {48 * kKiB, 100 * kKiB, 500 * kKiB, kMiB}) {
    ASSERT_EQ(heap_.reallocate(run, size), run);
    EXPECT_EQ(heap_.usable_size(run), size);
  }
  EXPECT_TRUE(is_filled(run, 40 * kKiB));
}

TEST_F(Reallocate, MovesARunThatCannotGrow) {
  void* const run = filled(40 * kKiB);
  void* const wall = heap_.allocate(40 * kKiB);
  void* const moved = heap_.reallocate(run, 100 * kKiB);
  EXPECT_NE(moved, run);
  EXPECT_TRUE(is_filled(moved, 40 * kKiB));
  EXPECT_EQ(heap_.live_block_count(), 2u);
  heap_.free(wall);
}

TEST_F(Reallocate, ShrinksARunInPlaceAndFreesItsEnd) {
  auto* const run = static_cast<char*>(filled(kMiB));
  ASSERT_EQ(heap_.reallocate(run, 50 * kKiB), run);
  EXPECT_EQ(heap_.usable_size(run), 50 * kKiB);
  EXPECT_EQ(heap_.allocate(900 * kKiB), run + 4 * kUnitBytes) << "the units behind are free";
  EXPECT_TRUE(is_filled(run, 50 * kKiB));
}

TEST_F(Reallocate, GivesTheEndOfAShrunkRunBack) {
  void* const run = filled(kMiB);
  ASSERT_EQ(heap_.reallocate(run, 40 * kKiB), run);
  EXPECT_GE(heap_.trim(), kMiB - 48 * kKiB);
}

// --- out of memory -------------------------------------------------------------------------------

TEST_F(Reallocate, LeavesTheBlockWhenThereIsNoMemory) {
  for (const std::size_t from : sizes_of_every_kind()) {
    void* const block = filled(from);
    EXPECT_EQ(heap_.reallocate(block, SIZE_MAX), nullptr);
    EXPECT_EQ(heap_.reallocate(block, std::size_t{1} << 60), nullptr);
    EXPECT_TRUE(heap_.owns(block)) << from;
    EXPECT_TRUE(is_filled(block, from)) << from;
    EXPECT_EQ(heap_.live_block_count(), 1u);
    heap_.free(block);
  }
}

TEST_F(Reallocate, LeavesTheBlockWhenTheSystemRefuses) {
  for (const std::size_t from : sizes_of_every_kind()) {
    void* const block = filled(from);
    heap_.trim();
    os::fail_mappings_from_for_testing(1);
    EXPECT_EQ(heap_.reallocate(block, 50 * kMiB), nullptr) << from;
    os::fail_mappings_from_for_testing(0);
    EXPECT_TRUE(is_filled(block, from)) << from;
    EXPECT_EQ(heap_.live_block_count(), 1u) << from;
    heap_.free(block);
  }
}

// --- at random -----------------------------------------------------------------------------------

TEST_F(Reallocate, BehavesLikeANaiveListThroughManyResizes) {
  testing::Random random = testing::seeded_random();
  testing::HeapModel model(heap_);
  for (int i = 0; i < 50; ++i)
    model.allocate(random.below(5000), static_cast<Domain>(random.below(2)));
  for (int step = 0; step < 5000; ++step) {
    const std::size_t size = std::size_t{1} << random.below(22);
    model.resize(random.below(model.size()), random.below(size));
    if (step % 500 == 0) model.check();
    ASSERT_EQ(model.problem(), "") << "step " << step;
  }
}

}  // namespace
}  // namespace hoop::heap
