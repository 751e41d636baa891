// SPDX-License-Identifier: Apache-2.0
// Goes on after a read of memory that is not there. Only for a copy of a process, which nobody else
// needs: it takes over the copy's handlers.
#pragma once

#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "os/bare.h"

namespace hoop::snapshot {

class FaultGuard {
 public:
  FaultGuard() {
    current() = this;
    // As the kernel has it: handler, flags, what returns from it, blocked signals.
    struct Action {
      void (*handler)(int);
      unsigned long flags;
      void (*restorer)();
      std::uint64_t mask;
    };
    constexpr unsigned long kNoDefer = 0x40000000, kRestorer = 0x04000000;
    const Action action{&FaultGuard::jump, kNoDefer | kRestorer, nullptr, 0};
    for (const int signal : {7, 11}) {  // SIGBUS, SIGSEGV
      os::bare::call(SYS_rt_sigaction, signal, reinterpret_cast<long>(&action), 0,
                     sizeof(std::uint64_t));
      const std::uint64_t mask = std::uint64_t{1} << (signal - 1);
      constexpr long kUnblock = 1;
      os::bare::call(SYS_rt_sigprocmask, kUnblock, reinterpret_cast<long>(&mask), 0, sizeof mask);
    }
  }

  // Runs `body` until it comes to its end; after a fault `recover` runs, and body anew. False:
  // faults enough.
  template <class Body, class Recover>
  __attribute__((noinline)) bool run(Body& body, Recover& recover) {
    if (__builtin_setjmp(buffer_) != 0) {
      if (++faults_ > kMostFaults) return false;
      recover();
    }
    body();
    return true;
  }

 private:
  static constexpr unsigned kMostFaults = 10'000;

  static FaultGuard*& current() {
    static FaultGuard* guard = nullptr;
    return guard;
  }
  [[noreturn]] static void jump(int) { __builtin_longjmp(current()->buffer_, 1); }

  void* buffer_[5];
  unsigned faults_ = 0;
};

}  // namespace hoop::snapshot
