// SPDX-License-Identifier: Apache-2.0
// A forked child works on its copy of the heap at once; the parent does not notice.
#include <gtest/gtest.h>

#include "cpp/support/child.h"
#include "cpp/support/heap_driver.h"
#include "cpp/support/heap_model.h"
#include "cpp/support/random.h"
#include "heap/heap.h"

namespace hoop::heap {
namespace {

using testing::HeapModel;
using testing::Random;

class Fork : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(heap_.init());
    for (int i = 0; i < 2000; ++i)
      model_.allocate(random_.below(3000), static_cast<Domain>(random_.below(2)));
    for (int i = 0; i < 5; ++i) model_.allocate(kMiB + random_.below(2 * kMiB), Domain::kMemory);
    while (model_.size() > 1000) model_.free(random_.below(model_.size()));
  }
  void TearDown() override {
    model_.check();
    EXPECT_EQ(model_.problem(), "");
    heap_.release();
  }
  void work(int steps) {
    testing::DriverOptions driving;
    driving.most_live_bytes = 16 * kMiB;
    driving.rarity = 5;
    testing::HeapDriver<Random> driver(heap_, model_, random_, driving);
    for (int step = 0; step < steps; ++step) driver.step();
    model_.close_log();
    model_.check();
    EXPECT_EQ(model_.problem(), "");
  }

  Random random_ = testing::seeded_random();
  Heap heap_;
  HeapModel model_{heap_};
};

TEST_F(Fork, ChildAllocatesAndFreesAtOnce) {
  EXPECT_TRUE(testing::passes_in_child([this] { work(5000); }));
}

TEST_F(Fork, ChildSeesTheBlocksOfTheParent) {
  EXPECT_TRUE(testing::passes_in_child([this] {
    model_.check();
    EXPECT_EQ(model_.problem(), "");
    model_.free_all();
    EXPECT_EQ(heap_.live_block_count(), 0u);
    heap_.trim();
  }));
}

TEST_F(Fork, ChildForksAgain) {
  EXPECT_TRUE(testing::passes_in_child([this] {
    work(500);
    EXPECT_TRUE(testing::passes_in_child([this] {
      work(500);
      EXPECT_TRUE(testing::passes_in_child([this] { work(500); }));
    }));
    work(500);
  }));
}

TEST_F(Fork, ParentWorksOnWhileChildrenDo) {
  for (int child = 0; child < 5; ++child) {
    work(300);
    EXPECT_TRUE(testing::passes_in_child([this] { work(300); }));
  }
}

TEST_F(Fork, ChildInAnEpochOfItsOwnSharesNoPageOfNewBlocksWithTheParent) {
  EXPECT_TRUE(testing::passes_in_child([this] {
    model_.epoch();
    work(3000);
  }));
}

TEST_F(Fork, ChildTrimsAndReleasesItsCopyOnly) {
  EXPECT_TRUE(testing::passes_in_child([this] {
    heap_.trim();
    heap_.release();
    EXPECT_TRUE(heap_.init());
    EXPECT_NE(heap_.allocate(100), nullptr);
  }));
  work(1000);
}

TEST_F(Fork, ParentsLogTellsWhatTheCopyMayStillName) {
  model_.open_log();
  EXPECT_TRUE(testing::passes_in_child([this] {
    model_.check();
    EXPECT_EQ(model_.problem(), "") << "nothing was freed yet";
  }));
  for (int i = 0; i < 500; ++i) model_.free(random_.below(model_.size()));
  model_.close_log();
  EXPECT_EQ(model_.problem(), "");
}

}  // namespace
}  // namespace hoop::heap
