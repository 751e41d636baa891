// SPDX-License-Identifier: Apache-2.0
#include "remote/stopped_threads.h"

#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/clock.h"
#include "remote/proc_files.h"
#include "remote/process.h"
#include "remote/registers.h"
#include "remote/tracer.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr Nanoseconds kLookAgain = 5 * kMillisecond;

bool is_gone(char state) { return state == 0 || state == 'Z' || state == 'X' || state == 'x'; }

}  // namespace

bool is_good(const Judge& judge, const std::vector<ThreadLook>& threads,
             const TargetMemory& memory) {
  const Verdict verdict = judge ? judge(threads, memory) : Verdict::kUnknown;
  if (verdict != Verdict::kUnknown) return verdict == Verdict::kGood;
  return std::all_of(threads.begin(), threads.end(),
                     [](const ThreadLook& one) { return one.in_system_call; });
}

std::vector<ThreadLook> look_at_running(pid_t pid) {
  std::vector<ThreadLook> looks;
  for (const pid_t thread : thread_ids(pid)) {
    const char state = thread_state(pid, thread);
    if (!is_gone(state)) looks.push_back({thread, state != 'R', nullptr});
  }
  return looks;
}

long StoppedThreads::tell_to_stop(pid_t thread) {
  long error = tracer_.seize(thread);
  if (error == 0) error = Tracer::interrupt(thread);
  if (error == 0) {
    states_.emplace(thread, State::kToldToStop);
    ++still_running_;
    return 0;
  }
  return is_gone(thread_state(pid_, thread)) ? 0 : error;
}

long StoppedThreads::tell_new_ones(bool& found_new) {
  found_new = false;
  for (const pid_t thread : thread_ids(pid_)) {
    if (states_.contains(thread)) continue;
    const long error = tell_to_stop(thread);
    if (error < 0) return error;
    found_new = found_new || states_.contains(thread);
  }
  return 0;
}

void StoppedThreads::forget(pid_t thread) {
  const auto at = states_.find(thread);
  if (at == states_.end()) return;
  if (at->second == State::kToldToStop) --still_running_;
  states_.erase(at);
}

// Nobody tells of a main thread that ends before the others, nor of the old number of a thread that
// execs.
void StoppedThreads::forget_gone_ones() {
  std::vector<pid_t> gone;
  for (const auto& [thread, state] : states_)
    if (is_gone(thread_state(pid_, thread))) gone.push_back(thread);
  for (const pid_t thread : gone) forget(thread);
}

void StoppedThreads::take_in(const Event& event) {
  if (event.is_end()) {
    forget(event.thread);
    return;
  }
  // After an exec the thread that did it goes on under its process's number.
  const auto [at, is_new] = states_.emplace(event.thread, State::kToldToStop);
  if (is_new) ++still_running_;
  if (event.is_halt()) {
    if (at->second == State::kToldToStop) --still_running_;
    at->second = State::kStopped;
    return;
  }
  // A signal on its way: it goes on, its handler is set up, and then the stop comes first.
  if (is_new) Tracer::interrupt(event.thread);
  Tracer::resume(event.thread, event.signal());
}

Trouble StoppedThreads::await_stops(Nanoseconds deadline) {
  while (still_running_ > 0) {
    const Nanoseconds now = os::monotonic_now();
    const std::optional<Event> event = tracer_.next(std::min(deadline, now + kLookAgain));
    if (event) take_in(*event);
    if (event || now < deadline) {
      if (!event) forget_gone_ones();
      continue;
    }
    for (const auto& [thread, state] : states_) {
      if (state == State::kStopped) continue;
      const std::string place = read_text(proc_path(pid_, thread, "wchan"));
      return Trouble("thread " + std::to_string(thread) + " of process " + std::to_string(pid_) +
                     " does not stop: it waits in the kernel" +
                     (place.empty() || place == "0" ? "" : " (" + place + ")") + "; try again");
    }
  }
  return {};
}

Trouble StoppedThreads::refused(pid_t thread, long error) const {
  return explain_refusal(pid_, thread, static_cast<int>(-error));
}

bool StoppedThreads::read_registers() {
  registers_.assign(states_.size(), {});
  looks_.clear();
  for (const auto& [thread, state] : states_) {
    Registers& registers = registers_[looks_.size()];
    if (state != State::kStopped || Tracer::get_registers(thread, registers) < 0) continue;
    looks_.push_back({thread, registers.in_system_call(), &registers});
  }
  return looks_.size() == states_.size();
}

Trouble StoppedThreads::stop_all(Nanoseconds deadline) {
  release();
  begin_ = os::monotonic_now();
  stopped_for_ = 0;
  Trouble trouble;
  bool found_new = true;
  // The last look finds none that is new while all that are known are stopped: nobody is left who
  // could begin another.
  while (found_new && !trouble) {
    const long error = tell_new_ones(found_new);
    if (error < 0) trouble = refused(pid_, error);
    if (!trouble) trouble = await_stops(deadline);
  }
  if (!trouble && states_.empty())
    trouble = Trouble("process " + std::to_string(pid_) + " has ended");
  if (trouble) {
    release();
    return trouble;
  }
  // An exec makes threads of another number out of stopped ones.
  if (read_registers()) return {};
  release();
  return Trouble("the threads of process " + std::to_string(pid_) + " change; try again");
}

Trouble StoppedThreads::stop_one(Nanoseconds deadline) {
  release();
  std::vector<ThreadLook> candidates = look_at_running(pid_);
  // Sleeping ones first: they stop at once, and are not in the middle of anything.
  std::partition(candidates.begin(), candidates.end(),
                 [this](const ThreadLook& one) { return thread_state(pid_, one.thread) == 'S'; });
  Trouble trouble("process " + std::to_string(pid_) + " has ended");
  constexpr Nanoseconds kPatience = 50 * kMillisecond;
  for (const ThreadLook& one : candidates) {
    begin_ = os::monotonic_now();
    stopped_for_ = 0;
    if (begin_ >= deadline) break;
    const long error = tell_to_stop(one.thread);
    if (error < 0) {
      trouble = refused(one.thread, error);
      continue;
    }
    trouble = await_stops(std::min(deadline, begin_ + kPatience));
    if (!trouble && !states_.empty() && read_registers()) return {};
    release();
  }
  return trouble ? trouble : Trouble("no thread of process " + std::to_string(pid_) + " stops");
}

void StoppedThreads::release() {
  if (states_.empty()) return;
  for (const auto& [thread, state] : states_) {
    if (state != State::kStopped || Tracer::release(thread) < 0)
      tracer_.release_when_it_stops(thread);
  }
  states_.clear();
  looks_.clear();
  still_running_ = 0;
  stopped_for_ = os::monotonic_now() - begin_;
}

}  // namespace hoop::remote
