// SPDX-License-Identifier: Apache-2.0
// System calls without a C library: for code that also runs in a copy of a process in which nothing
// of ours is loaded. They return what the kernel returns: -errno on failure.
#pragma once

#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::os::bare {

#if defined(__x86_64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  long result = number;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
}
#else
#error "no system calls for this processor yet"
#endif

// Zero-filled pages that are not counted before they are touched; nullptr when refused.
inline void* map(std::size_t bytes) {
  constexpr long kReadWrite = 3;            // PROT_READ | PROT_WRITE
  constexpr long kPrivate = 0x22 | 0x4000;  // MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
  const long at = call(SYS_mmap, 0, static_cast<long>(bytes), kReadWrite, kPrivate, -1, 0);
  return at < 0 && at > -4096 ? nullptr : reinterpret_cast<void*>(at);
}

inline void unmap(void* start, std::size_t bytes) {
  call(SYS_munmap, reinterpret_cast<long>(start), static_cast<long>(bytes));
}

inline void want_huge_pages(void* start, std::size_t bytes) {
  constexpr long kHugePage = 14;  // MADV_HUGEPAGE
  call(SYS_madvise, reinterpret_cast<long>(start), static_cast<long>(bytes), kHugePage);
}

inline long write(int file, const void* data, std::size_t bytes) {
  return call(SYS_write, file, reinterpret_cast<long>(data), static_cast<long>(bytes));
}

inline Nanoseconds monotonic_now() {
  constexpr long kMonotonic = 1;  // CLOCK_MONOTONIC
  long now[2] = {};
  call(SYS_clock_gettime, kMonotonic, reinterpret_cast<long>(now));
  return static_cast<Nanoseconds>(now[0]) * kSecond + static_cast<Nanoseconds>(now[1]);
}

}  // namespace hoop::os::bare
