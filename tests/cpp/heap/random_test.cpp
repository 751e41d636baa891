// SPDX-License-Identifier: Apache-2.0
// A heap under random operations against a naive model.
#include "cpp/support/random.h"

#include <gtest/gtest.h>

#include "cpp/support/build.h"
#include "cpp/support/heap_driver.h"
#include "cpp/support/heap_model.h"
#include "heap/heap.h"

namespace hoop::heap {
namespace {

using testing::DriverOptions;
using testing::HeapDriver;
using testing::HeapModel;
using testing::Random;

class RandomHeap : public ::testing::Test {
 protected:
  void TearDown() override { heap_.release(); }

  void run(const Options& options, const DriverOptions& driving, HeapModel::Refusals refusals,
           std::size_t steps) {
    Random random = testing::seeded_random();
    ASSERT_TRUE(heap_.init(options));
    testing::without_own_ticks(heap_);
    HeapModel model(heap_, refusals);
    HeapDriver<Random> driver(heap_, model, random, driving);
    const std::size_t steps_per_check = steps / 40 + 1;
    for (std::size_t step = 0; step < steps; ++step) {
      driver.step();
      if (step % steps_per_check == 0) model.check();
      ASSERT_EQ(model.problem(), "") << "step " << step;
    }
    model.check();
    model.close_log();
    model.free_all();
    model.check();
    ASSERT_EQ(model.problem(), "");
    EXPECT_EQ(heap_.live_block_count(), 0u);
    heap_.trim();
    EXPECT_TRUE(heap_.validate());
  }

  Heap heap_;
};

TEST_F(RandomHeap, BehavesLikeANaiveList) {
  run(Options{}, DriverOptions{}, HeapModel::Refusals::kAreProblems, testing::scaled(300'000));
}

TEST_F(RandomHeap, OfSmallBlocksBehavesLikeANaiveList) {
  DriverOptions driving;
  driving.most_live_bytes = 8 * kMiB;
  driving.large_one_in = 100'000;
  run(Options{}, driving, HeapModel::Refusals::kAreProblems, testing::scaled(500'000));
}

TEST_F(RandomHeap, OnHugePagesBehavesLikeANaiveList) {
  Options options;
  options.huge_page_threshold = 0;
  DriverOptions driving;
  driving.rarity = 20;
  driving.most_live_bytes = 24 * kMiB;
  run(options, driving, HeapModel::Refusals::kAreProblems, testing::scaled(150'000));
}

TEST_F(RandomHeap, WithManyEpochsAndTrimsBehavesLikeANaiveList) {
  DriverOptions driving;
  driving.rarity = 2;
  driving.most_live_bytes = 8 * kMiB;
  run(Options{}, driving, HeapModel::Refusals::kAreProblems, testing::scaled(150'000));
}

TEST_F(RandomHeap, ThatIsTooSmallBehavesLikeANaiveList) {
  Options options;
  options.reservation_bytes = 10 * kMiB;
  options.huge_page_threshold = 4 * kMiB;
  DriverOptions driving;
  driving.most_live_bytes = 14 * kMiB;
  driving.rarity = 10;
  run(options, driving, HeapModel::Refusals::kAreFine, testing::scaled(200'000));
}

}  // namespace
}  // namespace hoop::heap
