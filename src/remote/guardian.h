// SPDX-License-Identifier: Apache-2.0
// The process that does the tracing for snapshot_unprepared(); see there.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "base/units.h"
#include "remote/blob.h"
#include "remote/injected_copy.h"
#include "remote/snapshot_unprepared.h"
#include "remote/stopped_threads.h"
#include "remote/tracer.h"
#include "remote/trouble.h"

namespace hoop::remote {

// In memory that the guardian and its caller share: what is known outlives the guardian.
struct Board {
  using Line = std::array<char, 500>;

  std::atomic<Step> step;
  std::atomic<bool> is_finished;
  Instant instant;
  unsigned stops;
  Nanoseconds stop_time;
  Nanoseconds clone_time;
  Nanoseconds reap_stop_time;
  Nanoseconds run_time;
  std::atomic<std::uint64_t> bytes;
  Line trouble;
  Line leftover;

  static void put(Line& line, const std::string& text);
};

class Guardian {
 public:
  // `lifeline`: the read end of a pipe that says nothing and ends with the caller.
  Guardian(pid_t pid, const Blob& blob, int output, int lifeline, const Options& options,
           Board& board);

  // All of it. Trouble: the process goes on unharmed.
  Trouble run();

 private:
  Trouble stop_at_an_instant(StoppedThreads& threads, pid_t& chosen);
  Trouble choose_thread(const StoppedThreads& threads, pid_t& chosen, bool& is_final) const;
  Trouble take_copy(Birth& birth);
  Trouble use_copy(InjectedCopy& copy, int niceness);
  Trouble relay(InjectedCopy& copy, int pipe);
  Trouble pass_on(int pipe, bool& is_more);
  void reap(pid_t copy, pid_t copy_inside);
  bool reap_once(pid_t copy_inside, Trouble& trouble);
  Trouble find_call_instruction_again();
  [[nodiscard]] pid_t thread_to_divert(const StoppedThreads& threads) const;
  [[nodiscard]] bool is_caller_there() const;
  void reached(Step step);

  const pid_t pid_;
  const Blob& blob_;
  const int output_;
  const int lifeline_;
  const Options& options_;
  Board& board_;
  const pid_t caller_;
  Tracer tracer_;
  TargetMemory memory_;
  Address call_instruction_ = 0;
};

}  // namespace hoop::remote
