// SPDX-License-Identifier: Apache-2.0
// ptrace, and what it tells. One per process, used by one thread; the process has no other
// children, and at its end the kernel lets go of every thread that it still holds.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/units.h"
#include "remote/registers.h"

namespace hoop::remote {

// A thread stopped or ended.
struct Event {
  pid_t thread = 0;
  int status = 0;  // as waitpid() gives it

  [[nodiscard]] bool is_end() const;
  // PTRACE_EVENT_*; 0: a signal on its way, or a system call.
  [[nodiscard]] int kind() const { return status >> 16; }
  // Stopped by us, or with its whole process by a stop signal.
  [[nodiscard]] bool is_halt() const;
  [[nodiscard]] bool is_call() const;  // at the begin or the end of a system call
  // Stopped before this signal is delivered; 0: not such a stop.
  [[nodiscard]] int signal() const;
};

class Tracer {
 public:
  Tracer();
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // All return 0 or -errno. The options are PTRACE_O_*.
  long seize(pid_t thread);
  static long interrupt(pid_t thread);
  static long set_options(pid_t thread, long options);
  static long resume(pid_t thread, int signal = 0);
  static long resume_to_call(pid_t thread, int signal = 0);
  static long get_registers(pid_t thread, Registers& registers);
  static long set_registers(pid_t thread, const Registers& registers);
  // As the kernel has it: bit n - 1 is signal n.
  static long get_blocked(pid_t thread, std::uint64_t& signals);
  static long set_blocked(pid_t thread, std::uint64_t signals);
  static long event_message(pid_t thread, unsigned long& message);
  // Lets go of a stopped thread; `signal` reaches it. A system call that the stop made fail is made
  // again.
  static long release(pid_t thread, int signal = 0);

  // A thread that was told to stop and did not: it is let go as soon as it does.
  void release_when_it_stops(pid_t thread) { lingering_.insert(thread); }

  // The next event by `deadline` (os::monotonic_now()); there is none.
  std::optional<Event> next(Nanoseconds deadline);

  // Until one of the files is ready, an event may be there, or the deadline.
  void await(pollfd* files, unsigned count, Nanoseconds deadline);

  // An event that somebody else waits for.
  void put_back(const Event& event) { put_back_.push_back(event); }
  // The next event of this thread, of those put back; there is none.
  std::optional<Event> put_back_of(pid_t thread);

  // Blocked, but for short moments; pending when there may be an event.
  static constexpr int kWakeUpSignal = SIGCHLD;

 private:
  std::optional<Event> take();

  std::unordered_set<pid_t> lingering_;
  std::vector<Event> put_back_;
};

}  // namespace hoop::remote
