// SPDX-License-Identifier: Apache-2.0
#include "os/interval_timers.h"

#include <sys/time.h>

namespace hoop::os {
namespace {

constexpr decltype(ITIMER_REAL) kKinds[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};

bool runs(const itimerval& timer) {
  return timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0;
}

}  // namespace

IntervalTimersStopped::IntervalTimersStopped() noexcept {
  const itimerval stopped{};
  for (const auto kind : kKinds) ::setitimer(kind, &stopped, &before_[kind]);
}

IntervalTimersStopped::~IntervalTimersStopped() {
  for (const auto kind : kKinds) {
    if (runs(before_[kind])) ::setitimer(kind, &before_[kind], nullptr);
  }
}

}  // namespace hoop::os
