// SPDX-License-Identifier: Apache-2.0
// The registers of a stopped thread, as far as system calls go. x86-64 only so far.
#pragma once

#include <sys/syscall.h>
#include <sys/user.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::remote {

// What the kernel leaves in the result of a system call that a stop interrupted, and takes away
// before the program sees it: it makes the call again, or fails it with EINTR where a handler runs.
inline constexpr long kRestartWithoutHandler = -514;  // ERESTARTNOHAND
// ERESTARTSYS to ERESTART_RESTARTBLOCK
inline constexpr bool is_interrupted(long result) { return result <= -512 && result >= -516; }

#if defined(__x86_64__)

inline constexpr bool kCanTrace = true;
inline constexpr std::size_t kCallBytes = 2;
inline constexpr std::array<unsigned char, kCallBytes> kCallInstruction = {0x0F, 0x05};  // syscall
inline constexpr unsigned char kReturnInstruction = 0xC3;
inline constexpr int kElfMachine = 62;  // EM_X86_64
inline constexpr int kElfRelative = 8;  // R_X86_64_RELATIVE

using CallArguments = std::array<long, 6>;

struct Registers {
  user_regs_struct raw{};

  // Of the call that the thread is in, or came out of last; negative: it ran code of its own.
  [[nodiscard]] long call_number() const { return static_cast<long>(raw.orig_rax); }
  [[nodiscard]] bool in_system_call() const { return call_number() >= 0; }
  [[nodiscard]] long result() const { return static_cast<long>(raw.rax); }
  void set_result(long value) { raw.rax = static_cast<std::uint64_t>(value); }
  [[nodiscard]] Address instruction() const { return raw.rip; }

  // Next is a system call, made by the instruction at `instruction`. The kernel is not to restart
  // anything first.
  void prepare_call(Address instruction, long number, const CallArguments& arguments) {
    raw.rip = instruction;
    raw.rax = static_cast<std::uint64_t>(number);
    raw.orig_rax = static_cast<std::uint64_t>(-1);
    raw.rdi = static_cast<std::uint64_t>(arguments[0]);
    raw.rsi = static_cast<std::uint64_t>(arguments[1]);
    raw.rdx = static_cast<std::uint64_t>(arguments[2]);
    raw.r10 = static_cast<std::uint64_t>(arguments[3]);
    raw.r8 = static_cast<std::uint64_t>(arguments[4]);
    raw.r9 = static_cast<std::uint64_t>(arguments[5]);
  }

  // Next is the function at `entry`, as if called with these arguments; it must not return.
  void prepare_function(Address entry, Address stack_end, Address first, Address second,
                        Address third) {
    raw.rip = entry;
    raw.rsp = round_down(stack_end, 16) - 8;
    raw.rbp = 0;
    raw.rdi = first;
    raw.rsi = second;
    raw.rdx = third;
    raw.rax = 0;
    raw.orig_rax = static_cast<std::uint64_t>(-1);
    raw.eflags &= ~std::uint64_t{0x400};  // the direction flag: C code counts upwards
  }
};

// Calls that the kernel fails with EINTR after any stop of a tracer's, though no handler ran, and
// that may be made again with no harm done: they did nothing yet. (`close` is not among them.)
inline bool fails_after_any_stop(long number) {
  switch (number) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_rt_sigtimedwait:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_io_getevents:
    case SYS_io_pgetevents:
    case SYS_io_uring_enter:
    // Sockets with a time limit of their own (SO_RCVTIMEO, SO_SNDTIMEO).
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
      return true;
    default:
      return false;
  }
}

#else
#error "threads are stopped on x86-64 only so far"
#endif

}  // namespace hoop::remote
