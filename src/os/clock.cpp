// SPDX-License-Identifier: Apache-2.0
#include "os/clock.h"

#include <time.h>

#include <ctime>

#include "base/units.h"

namespace hoop::os {
namespace {

Nanoseconds read(clockid_t clock) noexcept {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + static_cast<Nanoseconds>(time.tv_nsec);
}

}  // namespace

Nanoseconds monotonic_now() noexcept { return read(CLOCK_MONOTONIC); }
Nanoseconds monotonic_now_coarse() noexcept { return read(CLOCK_MONOTONIC_COARSE); }
Nanoseconds wall_clock_now() noexcept { return read(CLOCK_REALTIME); }

}  // namespace hoop::os
