// SPDX-License-Identifier: Apache-2.0
#include "os/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace hoop::os {
namespace {

TEST(Clock, MonotonicNeverRunsBackwards) {
  Nanoseconds last = monotonic_now();
  for (int i = 0; i < 10'000; ++i) {
    const Nanoseconds now = monotonic_now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, CoarseIsNeverAheadAndAtMostSomeMillisecondsBehind) {
  const Nanoseconds before = monotonic_now();
  const Nanoseconds coarse = monotonic_now_coarse();
  EXPECT_LE(coarse, monotonic_now());
  EXPECT_GE(coarse + 100 * kMillisecond, before);
}

TEST(Clock, WallClockCountsFrom1970) {
  const auto seconds = static_cast<Nanoseconds>(::time(nullptr));
  const Nanoseconds wall = wall_clock_now() / kSecond;
  EXPECT_GE(wall + 1, seconds);
  EXPECT_LE(wall, seconds + 1);
}

}  // namespace
}  // namespace hoop::os
