// SPDX-License-Identifier: Apache-2.0
// Random programs over objects, against a naive search (tests/cpp/support/object_world.h).
#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "../support/object_world.h"

namespace hoop {
namespace {

class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

void run(std::uint64_t seed, std::size_t most_objects, int steps) {
  RandomNumbers numbers(seed);
  testing::ObjectWorld world(most_objects);
  for (int i = 0; i < steps && world.problem().empty(); ++i) {
    testing::step(world, numbers);
    if (i % 16 == 0) world.check_counts();
    ASSERT_EQ(world.problem(), "") << "seed " << seed << ", step " << i;
  }
}

TEST(ObjectsRandomized, SmallGraphsAgreeWithANaiveSearch) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    run(seed, 12, 2000);
    if (HasFatalFailure()) return;
  }
}

TEST(ObjectsRandomized, LargerGraphsAgreeWithANaiveSearch) {
  for (std::uint64_t seed = 1001; seed <= 1020; ++seed) {
    run(seed, 300, 8000);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace hoop
