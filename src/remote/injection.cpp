// SPDX-License-Identifier: Apache-2.0
#include "remote/injection.h"

#include <sys/ptrace.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/clock.h"
#include "remote/proc_files.h"
#include "remote/registers.h"
#include "remote/tracer.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr std::size_t kMostText = 4 * kMiB;  // of one mapping
// However long a clone takes: the thread's registers are to be put back, and that cannot be done
// before.
constexpr Nanoseconds kLongestCall = 3600 * kSecond;

// The address in `text`, of an instruction with a return behind it, or else of any.
Address call_in(const std::vector<unsigned char>& text, Address start, bool& returns) {
  Address any = 0;
  const auto begin = text.begin();
  for (auto at = begin;; ++at) {
    at = std::search(at, text.end(), kCallInstruction.begin(), kCallInstruction.end());
    if (at == text.end()) break;
    const Address address = start + static_cast<Address>(at - begin);
    if (at + kCallBytes < text.end() && at[kCallBytes] == kReturnInstruction) {
      returns = true;
      return address;
    }
    if (any == 0) any = address;
  }
  return any;
}

}  // namespace

bool is_call_instruction(const TargetMemory& memory, Address at) {
  const auto found = memory.value<std::array<unsigned char, kCallBytes>>(at);
  return found && *found == kCallInstruction;
}

Address find_call_instruction(pid_t pid, const TargetMemory& memory) {
  Address any = 0;
  std::vector<unsigned char> text;
  std::vector<Mapping> mappings = read_mappings(pid);
  // The C library's calls end with a return; elsewhere it takes longer to find one.
  std::partition(mappings.begin(), mappings.end(),
                 [](const Mapping& one) { return one.path.find("libc") != std::string::npos; });
  for (const Mapping& one : mappings) {
    // The page at the top is the kernel's own and cannot be read.
    if (!one.executable || !one.readable || one.path == "[vsyscall]") continue;
    text.resize(std::min<std::size_t>(one.end - one.start, kMostText));
    if (!memory.read(one.start, text.data(), text.size())) continue;
    bool returns = false;
    const Address at = call_in(text, one.start, returns);
    if (returns) return at;
    if (any == 0) any = at;
  }
  return any;
}

bool can_be_diverted(const TargetMemory& memory, pid_t thread, const Registers& registers) {
  // No call is made in the middle of such a sequence.
  if (registers.in_system_call()) return true;
#ifdef PTRACE_GET_RSEQ_CONFIGURATION
  __ptrace_rseq_configuration found{};
  if (::ptrace(PTRACE_GET_RSEQ_CONFIGURATION, thread, sizeof found, &found) <= 0) return true;
  if (found.rseq_abi_pointer == 0) return true;
  constexpr Address kSequence = 8;  // struct rseq: rseq_cs
  return memory.value<std::uint64_t>(found.rseq_abi_pointer + kSequence).value_or(1) == 0;
#else
  return true;
#endif
}

Trouble Injection::begin(long options) {
  long error = Tracer::get_registers(thread_, saved_);
  if (error == 0) error = Tracer::get_blocked(thread_, saved_blocked_);
  // A handler that began between here and end() would return to registers that are not the
  // thread's.
  if (error == 0) error = Tracer::set_blocked(thread_, ~std::uint64_t{0});
  if (error == 0) error = Tracer::set_options(thread_, options);
  return error == 0 ? Trouble() : system_trouble("thread " + std::to_string(thread_), error);
}

// Of this thread; the newborn's own first stop may come before its parent's.
std::optional<Event> Injection::next_event() {
  const Nanoseconds deadline = os::monotonic_now() + kLongestCall;
  while (const std::optional<Event> event = tracer_.next(deadline)) {
    if (event->thread == thread_) return event;
    tracer_.put_back(*event);
  }
  return std::nullopt;
}

bool Injection::run_to_call_stop() {
  int signal = 0;
  while (Tracer::resume_to_call(thread_, signal) == 0) {
    const std::optional<Event> event = next_event();
    if (!event || event->is_end()) return false;
    if (event->is_call()) return true;
    signal = event->signal();
    if (event->kind() != PTRACE_EVENT_CLONE) continue;  // a stop signal: it holds later
    unsigned long number = 0;
    Tracer::event_message(thread_, number);
    newborn_ = static_cast<pid_t>(number);
  }
  return false;
}

std::optional<long> Injection::call_once(long number, const CallArguments& arguments) {
  Registers registers = saved_;
  registers.prepare_call(instruction_, number, arguments);
  if (Tracer::set_registers(thread_, registers) < 0) return std::nullopt;
  // In, and out again.
  if (!run_to_call_stop() || !run_to_call_stop()) return std::nullopt;
  if (Tracer::get_registers(thread_, registers) < 0) return std::nullopt;
  return registers.result();
}

// A stop signal cannot be blocked; a call that it interrupts is made again after it was taken in.
std::optional<long> Injection::call(long number, const CallArguments& arguments) {
  constexpr int kMostTries = 100;
  std::optional<long> result;
  for (int i = 0; i < kMostTries; ++i) {
    result = call_once(number, arguments);
    if (!result || !is_interrupted(*result)) break;
  }
  return result;
}

Trouble Injection::end() {
  // A system call that was interrupted is made again by the kernel, on the way out of a stop of
  // this kind only. It comes before any instruction of the program.
  Tracer::interrupt(thread_);
  int signal = 0;
  while (true) {
    if (Tracer::resume(thread_, signal) < 0) break;
    const std::optional<Event> event = next_event();
    if (!event || event->is_end()) break;
    if (event->is_halt()) {
      Tracer::set_registers(thread_, saved_);
      Tracer::set_blocked(thread_, saved_blocked_);
      Tracer::set_options(thread_, 0);
      return {};
    }
    signal = event->signal();
  }
  return Trouble("thread " + std::to_string(thread_) + " ended while it was stopped");
}

}  // namespace hoop::remote
