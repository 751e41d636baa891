// SPDX-License-Identifier: Apache-2.0
// Units of size and time, and rounding to powers of two.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hoop {

using Address = std::uintptr_t;
using Nanoseconds = std::uint64_t;

inline constexpr std::size_t kKiB = std::size_t{1} << 10;
inline constexpr std::size_t kMiB = std::size_t{1} << 20;
inline constexpr std::size_t kGiB = std::size_t{1} << 30;

inline constexpr Nanoseconds kMicrosecond = 1000;
inline constexpr Nanoseconds kMillisecond = 1000 * kMicrosecond;
inline constexpr Nanoseconds kSecond = 1000 * kMillisecond;

// REQUIRES: `unit` is a power of two.
constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) & ~(unit - 1);
}

constexpr std::size_t round_down(std::size_t value, std::size_t unit) {
  return value & ~(unit - 1);
}

}  // namespace hoop
