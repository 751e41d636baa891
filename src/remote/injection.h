// SPDX-License-Identifier: Apache-2.0
// System calls made by a stopped thread of another process, at an instruction that it has anyway:
// nothing is written to its memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/units.h"
#include "remote/proc_files.h"
#include "remote/registers.h"
#include "remote/tracer.h"
#include "remote/trouble.h"

namespace hoop::remote {

// Where in the process an instruction that calls the system stands, before one that returns if that
// can be had; 0: nowhere.
Address find_call_instruction(pid_t pid, const TargetMemory& memory);
bool is_call_instruction(const TargetMemory& memory, Address at);

// Whether a thread may be sent elsewhere and back: not in the middle of a restartable sequence,
// which the kernel would forget.
bool can_be_diverted(const TargetMemory& memory, pid_t thread, const Registers& registers);

// Makes calls in one stopped thread. From begin() to end() every signal waits.
//
//   stopped -- begin() --> call() ... call() --> end() --> stopped, as before
//
// A tracer that is killed in between leaves the thread with registers that are not its own: the
// process crashes. Nothing slow belongs there.
class Injection {
 public:
  Injection(Tracer& tracer, pid_t thread, Address instruction)
      : tracer_(tracer), thread_(thread), instruction_(instruction) {}

  // `options` (PTRACE_O_*) hold until end().
  Trouble begin(long options = 0);
  // What the kernel returned, -errno included; nothing when the thread is gone. A process that is
  // born by the call is left in `newborn()`, stopped, traced.
  std::optional<long> call(long number, const CallArguments& arguments);
  Trouble end();

  [[nodiscard]] pid_t newborn() const { return newborn_; }

 private:
  std::optional<Event> next_event();
  bool run_to_call_stop();
  std::optional<long> call_once(long number, const CallArguments& arguments);

  Tracer& tracer_;
  const pid_t thread_;
  const Address instruction_;
  Registers saved_;
  std::uint64_t saved_blocked_ = 0;
  pid_t newborn_ = 0;
};

}  // namespace hoop::remote
