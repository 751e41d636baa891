// SPDX-License-Identifier: Apache-2.0
// The in-flight log as the heap keeps it.
#include <gtest/gtest.h>

#include <vector>

#include "heap/heap.h"

namespace hoop::heap {
namespace {

class LoggedHeap : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(heap_.init()); }
  void TearDown() override { heap_.release(); }

  Heap heap_;
};

const std::vector<std::size_t>& one_size_of_each_kind() {
  static const std::vector<std::size_t> sizes = {0, 100, 5000, 100 * kKiB, 3 * kMiB};
  return sizes;
}

TEST_F(LoggedHeap, IsClosedUntilItIsBegun) {
  EXPECT_FALSE(heap_.log_is_open());
  ASSERT_TRUE(heap_.begin_log());
  EXPECT_TRUE(heap_.log_is_open());
  heap_.end_log();
  EXPECT_FALSE(heap_.log_is_open());
}

TEST_F(LoggedHeap, NamesFreedBlocksOfEveryKindAndNoOthers) {
  for (const std::size_t size : one_size_of_each_kind()) {
    void* const freed = heap_.allocate(size);
    void* const other = heap_.allocate(size);
    ASSERT_TRUE(heap_.begin_log());
    EXPECT_FALSE(heap_.freed_since_log(freed));
    EXPECT_TRUE(heap_.try_free_logged(freed));
    EXPECT_TRUE(heap_.freed_since_log(freed)) << size;
    EXPECT_FALSE(heap_.freed_since_log(other)) << size;
    heap_.end_log();
    EXPECT_FALSE(heap_.freed_since_log(freed));
  }
}

TEST_F(LoggedHeap, StillNamesAFreedBlockAfterItsMemoryWasGivenOutAgain) {
  for (const std::size_t size : one_size_of_each_kind()) {
    void* const freed = heap_.allocate(size);
    ASSERT_TRUE(heap_.begin_log());
    ASSERT_TRUE(heap_.try_free_logged(freed));
    void* const again = heap_.allocate(size);
    EXPECT_TRUE(heap_.freed_since_log(freed)) << size;
    ASSERT_TRUE(heap_.try_free_logged(again));
    heap_.end_log();
  }
}

TEST_F(LoggedHeap, NamesBlocksThatReallocateMoved) {
  for (const std::size_t from : one_size_of_each_kind()) {
    for (const std::size_t to : one_size_of_each_kind()) {
      void* const block = heap_.allocate(from);
      void* const wall = heap_.allocate(from);
      ASSERT_TRUE(heap_.begin_log());
      void* const moved = heap_.reallocate(block, to);
      ASSERT_NE(moved, nullptr);
      if (moved != block) {
        EXPECT_TRUE(heap_.freed_since_log(block)) << from << " -> " << to;
      }
      EXPECT_FALSE(heap_.freed_since_log(wall)) << from << " -> " << to;
      heap_.end_log();
      heap_.free(moved);
      heap_.free(wall);
    }
  }
}

TEST_F(LoggedHeap, DoesNotNameBlocksThatReallocateLeftInPlace) {
  for (const std::size_t size : {std::size_t{100}, std::size_t{5000}, 100 * kKiB}) {
    void* const block = heap_.allocate(size);
    ASSERT_TRUE(heap_.begin_log());
    ASSERT_EQ(heap_.reallocate(block, size - 1), block);
    EXPECT_FALSE(heap_.freed_since_log(block)) << size;
    heap_.end_log();
  }
}

TEST_F(LoggedHeap, NamesFreedBlocksOfAnotherAllocatorAndNoOthers) {
  char foreign[64] = {};
  void* const block = heap_.allocate(100);
  heap_.log_foreign_free(foreign);
  ASSERT_TRUE(heap_.begin_log());
  EXPECT_FALSE(heap_.freed_since_log(foreign)) << "the log was closed";
  heap_.log_foreign_free(foreign);
  heap_.log_foreign_free(nullptr);
  EXPECT_TRUE(heap_.freed_since_log(foreign));
  EXPECT_FALSE(heap_.freed_since_log(foreign + 16));
  EXPECT_FALSE(heap_.freed_since_log(nullptr));
  EXPECT_FALSE(heap_.freed_since_log(block));
  heap_.end_log();
  EXPECT_FALSE(heap_.freed_since_log(foreign));
}

TEST_F(LoggedHeap, ManyFreesOfAnotherAllocatorSayNothingOfItsOwnBlocks) {
  std::vector<char> foreign(2000);
  void* const block = heap_.allocate(100);
  ASSERT_TRUE(heap_.begin_log());
  for (char& byte : foreign) heap_.log_foreign_free(&byte);
  EXPECT_TRUE(heap_.freed_since_log(&foreign.front()));
  EXPECT_TRUE(heap_.freed_since_log(&foreign.back()));
  EXPECT_FALSE(heap_.freed_since_log(block));
  heap_.end_log();
}

TEST_F(LoggedHeap, TriesToFreeOnlyItsOwnBlocks) {
  char local[64] = {};
  ASSERT_TRUE(heap_.begin_log());
  EXPECT_FALSE(heap_.try_free_logged(nullptr));
  EXPECT_FALSE(heap_.try_free_logged(local));
  heap_.end_log();
}

TEST_F(LoggedHeap, KnowsNothingOfBlocksInChunksAddedLater) {
  ASSERT_TRUE(heap_.begin_log());
  void* const block = heap_.allocate(100);
  ASSERT_TRUE(heap_.try_free_logged(block));
  EXPECT_FALSE(heap_.freed_since_log(block));
  heap_.end_log();
}

TEST_F(LoggedHeap, TellsManyDirectBlocksApart) {
  std::vector<void*> blocks;
  for (int i = 0; i < 600; ++i) blocks.push_back(heap_.allocate(kMiB + 1));
  ASSERT_TRUE(heap_.begin_log());
  for (int i = 0; i < 513; ++i)
    ASSERT_TRUE(heap_.try_free_logged(blocks[static_cast<std::size_t>(i)]));
  EXPECT_TRUE(heap_.freed_since_log(blocks[0]));
  EXPECT_FALSE(heap_.freed_since_log(blocks[599]));
  heap_.end_log();
}

}  // namespace
}  // namespace hoop::heap
