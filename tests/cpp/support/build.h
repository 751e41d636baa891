// SPDX-License-Identifier: Apache-2.0
// What kind of build the tests are in.
#pragma once

#include <cstddef>

namespace hoop::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

#ifdef __OPTIMIZE__
inline constexpr bool kOptimized = true;
#else
inline constexpr bool kOptimized = false;
#endif

// `operations` in an optimized build, fewer where each takes longer.
constexpr std::size_t scaled(std::size_t operations) {
  return operations / (kOptimized ? 1 : 4) / (kSanitized ? 4 : 1);
}

}  // namespace hoop::testing
