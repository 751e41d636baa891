// SPDX-License-Identifier: Apache-2.0
// Runs code of ours in a copy of a process that never heard of us, and keeps what it writes.
//
//   hoop            guardian                 the process              its copy
//   ----            --------                 -----------              --------
//   fork  ------->  choose an instant
//   wait            stop all threads ------> stopped
//                   make one call clone ---> clone  --------------->  born stopped, traced
//                   registers back, release  goes on
//                   close files, load the blob, make a pipe ------->  made to do it
//                   start ----------------------------------------->  runs, writes
//                   read the pipe, write the file  <----------------  ends
//                   stop one thread -------> wait4(copy)              gone
//   result <------  end                      goes on
//
// The *guardian* is a child of the caller's with every signal blocked, in a session of its own. It
// does all the tracing. When the caller is killed, at whatever instant, the guardian notices, ends
// the copy, has it waited for, and ends. What is left in danger:
//
// - The guardian itself is killed (by SIGKILL to its own number, or for want of memory) between
//   the clone or wait4 being set up in a thread and that thread's registers being put back: some
//   milliseconds (the clone), or microseconds (wait4). The process then goes on with registers that
//   are not its own, and crashes. At any other time it goes on unharmed, and the copy dies.
// - When the guardian is killed before wait4 was called, a zombie stays among the process's
//   children, without threads, memory or files, until the process ends or waits with __WALL.
//
// While threads are stopped, nothing but the kernel and the guardian is waited for, each time
// within a bound.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/units.h"
#include "remote/stopped_threads.h"
#include "remote/trouble.h"

namespace hoop::remote {

struct Instant {
  bool is_good = false;   // as `judge` says: nobody was in the middle of something
  Nanoseconds taken = 0;  // since 1970
  unsigned threads = 0;
};

enum class Step : std::uint8_t {
  kBegun,
  kStopped,   // all threads of the process
  kBorn,      // the copy; the process still stopped
  kReleased,  // the process
  kLoaded,    // the blob
  kStarted,
  kEnded,   // the copy
  kReaped,  // by the process
};

struct Options {
  Judge judge;  // none: an instant at which every thread is in a system call
  Nanoseconds look_for_at_most = 200 * kMillisecond;  // then any instant will do
  Nanoseconds stop_within = 2 * kSecond;              // all threads, after that
  Nanoseconds run_for_at_most = 600 * kSecond;
  std::size_t stack_bytes = 256 * kKiB;
  // What the blob is given. Called in the guardian.
  std::function<std::string(const Instant&)> arguments;
  // Asked now and then, in the caller; false ends everything in good order.
  std::function<bool()> may_go_on;
  // Called in the guardian after each step.
  std::function<void(Step)> on_step;
};

struct Result {
  Instant instant;
  unsigned stops = 0;              // of all threads; more than one when the first instants were bad
  Nanoseconds stop_time = 0;       // of all threads, the last time
  Nanoseconds clone_time = 0;      // part of it
  Nanoseconds reap_stop_time = 0;  // of one thread, at the end
  Nanoseconds run_time = 0;        // of the blob
  std::uint64_t bytes = 0;         // written
  std::string leftover;            // what could not be cleaned up, in one line; mostly ""
};

// What the blob writes goes to `output`. Trouble: see the line; the process goes on as if nothing
// had been, and `result` holds what is known. REQUIRES: `blob` as in remote/blob.h.
Trouble snapshot_unprepared(pid_t pid, std::span<const std::byte> blob, int output,
                            const Options& options, Result& result);

}  // namespace hoop::remote
