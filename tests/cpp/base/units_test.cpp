// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

namespace hoop {
namespace {

TEST(Rounding, GivesTheNearestMultiple) {
  for (const std::size_t unit : {std::size_t{1}, std::size_t{16}, std::size_t{4} * kKiB}) {
    for (std::size_t value = 0; value < 3 * unit + 2; ++value) {
      ASSERT_EQ(round_up(value, unit), (value + unit - 1) / unit * unit);
      ASSERT_EQ(round_down(value, unit), value / unit * unit);
    }
  }
}

TEST(Rounding, KeepsMultiples) {
  EXPECT_EQ(round_up(6 * kMiB, 2 * kMiB), 6 * kMiB);
  EXPECT_EQ(round_down(6 * kMiB, 2 * kMiB), 6 * kMiB);
}

TEST(Units, FollowFromEachOther) {
  EXPECT_EQ(kMiB, 1024 * kKiB);
  EXPECT_EQ(kGiB, 1024 * kMiB);
  EXPECT_EQ(kSecond, 1000 * kMillisecond);
}

}  // namespace
}  // namespace hoop
