// SPDX-License-Identifier: Apache-2.0
// Clocks, in nanoseconds.
#pragma once

#include "base/units.h"

namespace hoop::os {

Nanoseconds monotonic_now() noexcept;
Nanoseconds monotonic_now_coarse() noexcept;  // to a few milliseconds, a few ns to read
Nanoseconds wall_clock_now() noexcept;        // since 1970

}  // namespace hoop::os
