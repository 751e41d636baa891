// SPDX-License-Identifier: Apache-2.0
// Holds the program's timers while we work at its end: Python has given up its handlers by then,
// and the next signal would kill the process.
#pragma once

#include <sys/time.h>

namespace hoop::os {

// Stops setitimer's three timers, alarm's among them, and puts them back with the time that was
// left. May be nested.
class IntervalTimersStopped {
 public:
  IntervalTimersStopped() noexcept;
  ~IntervalTimersStopped();
  IntervalTimersStopped(const IntervalTimersStopped&) = delete;
  IntervalTimersStopped& operator=(const IntervalTimersStopped&) = delete;

 private:
  itimerval before_[3] = {};
};

}  // namespace hoop::os
