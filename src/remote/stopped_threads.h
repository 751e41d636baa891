// SPDX-License-Identifier: Apache-2.0
// All threads of a process, stopped at one instant, and how such an instant is chosen.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "remote/proc_files.h"
#include "remote/registers.h"
#include "remote/tracer.h"
#include "remote/trouble.h"

namespace hoop::remote {

struct ThreadLook {
  pid_t thread = 0;
  // It waits in a system call, or has just come out of one.
  bool in_system_call = false;
  // nullptr while the thread runs: then all of this is a guess.
  const Registers* registers = nullptr;
};

enum class Verdict : std::uint8_t {
  kGood,  // nobody is in the middle of something
  kBad,
  kUnknown,  // then it is good if every thread is in a system call
};

// Judges an instant, for the memory that it is about: called on running threads to see when
// stopping them may be worth while, and on stopped ones to see whether it was.
using Judge = std::function<Verdict(const std::vector<ThreadLook>&, const TargetMemory&)>;

// Takes kUnknown for what it says.
bool is_good(const Judge& judge, const std::vector<ThreadLook>& threads,
             const TargetMemory& memory);

// From outside, with nobody stopped.
std::vector<ThreadLook> look_at_running(pid_t pid);

class StoppedThreads {
 public:
  StoppedThreads(Tracer& tracer, pid_t pid) : tracer_(tracer), pid_(pid) {}
  ~StoppedThreads() { release(); }
  StoppedThreads(const StoppedThreads&) = delete;
  StoppedThreads& operator=(const StoppedThreads&) = delete;

  // Until every thread is stopped, those too that begin meanwhile. Trouble: none is stopped.
  Trouble stop_all(Nanoseconds deadline);
  // Any one thread, those first that are easily stopped. Trouble: none is stopped.
  Trouble stop_one(Nanoseconds deadline);

  // All go on as if nothing had been. A stop signal that came to the process meanwhile holds.
  void release();

  [[nodiscard]] const std::vector<ThreadLook>& threads() const { return looks_; }
  // From the first thread's stop to the last one's release; 0 while they are stopped.
  [[nodiscard]] Nanoseconds stopped_for() const { return stopped_for_; }

  // In the hands of the caller: an event of this thread, or of none that is known.
  [[nodiscard]] bool holds(pid_t thread) const { return states_.contains(thread); }
  void forget(pid_t thread);

 private:
  enum class State : std::uint8_t { kToldToStop, kStopped };

  // -errno; 0 also when the thread is gone.
  long tell_to_stop(pid_t thread);
  long tell_new_ones(bool& found_new);
  Trouble await_stops(Nanoseconds deadline);
  void take_in(const Event& event);
  // False: some thread is not stopped after all.
  bool read_registers();
  void forget_gone_ones();
  Trouble refused(pid_t thread, long error) const;

  Tracer& tracer_;
  const pid_t pid_;
  std::unordered_map<pid_t, State> states_;
  std::size_t still_running_ = 0;
  std::vector<Registers> registers_;
  std::vector<ThreadLook> looks_;
  Nanoseconds begin_ = 0;
  Nanoseconds stopped_for_ = 0;
};

}  // namespace hoop::remote
