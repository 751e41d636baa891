// SPDX-License-Identifier: Apache-2.0
// The one way to die: a line on standard error, then abort(). And the checks that lead there.
#pragma once

namespace hoop::os {

// Writes "hoopsnake: <message>\n" to descriptor 2 in one write and aborts. Allocates nothing.
[[noreturn]] void fatal(const char* message) noexcept;

}  // namespace hoop::os

// Always on: the state that it guards must never be acted on when broken.
#define HOOP_CHECK(condition, message) \
  do {                                 \
    if (!(condition)) [[unlikely]]     \
      ::hoop::os::fatal(message);      \
  } while (false)

#ifdef NDEBUG
#define HOOP_ASSERT(condition) \
  do {                         \
  } while (false)
#else
#define HOOP_ASSERT(condition) HOOP_CHECK(condition, "assertion failed: " #condition)
#endif
