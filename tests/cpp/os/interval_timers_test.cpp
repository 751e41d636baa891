// SPDX-License-Identifier: Apache-2.0
#include "os/interval_timers.h"

#include <gtest/gtest.h>
#include <sys/time.h>
#include <unistd.h>

#include "cpp/support/child.h"

namespace hoop::os {
namespace {

const auto kKinds = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

bool runs(decltype(ITIMER_REAL) kind) {
  itimerval timer{};
  ::getitimer(kind, &timer);
  return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

TEST(IntervalTimersStopped, StopsAllAndPutsThemBack) {
  EXPECT_TRUE(testing::passes_in_child([] {
    const itimerval later{{7, 0}, {50, 0}};
    for (const auto kind : kKinds) ::setitimer(kind, &later, nullptr);
    {
      const IntervalTimersStopped stopped;
      for (const auto kind : kKinds) EXPECT_FALSE(runs(kind));
    }
    for (const auto kind : kKinds) {
      itimerval timer{};
      ::getitimer(kind, &timer);
      EXPECT_EQ(timer.it_interval.tv_sec, 7);
      EXPECT_GE(timer.it_value.tv_sec, 40);
    }
  }));
}

TEST(IntervalTimersStopped, PutsBackAnAlarm) {
  EXPECT_TRUE(testing::passes_in_child([] {
    ::alarm(50);
    { const IntervalTimersStopped stopped; }
    EXPECT_GE(::alarm(0), 40u);
  }));
}

TEST(IntervalTimersStopped, StartsNoneThatDidNotRun) {
  EXPECT_TRUE(testing::passes_in_child([] {
    { const IntervalTimersStopped stopped; }
    for (const auto kind : kKinds) EXPECT_FALSE(runs(kind));
  }));
}

}  // namespace
}  // namespace hoop::os
