// SPDX-License-Identifier: Apache-2.0
#include "remote/guardian.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/poll.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "os/clock.h"
#include "remote/blob.h"
#include "remote/injected_copy.h"
#include "remote/injection.h"
#include "remote/proc_files.h"
#include "remote/process.h"
#include "remote/registers.h"
#include "remote/seccomp_filter.h"
#include "remote/snapshot_unprepared.h"
#include "remote/stopped_threads.h"
#include "remote/tracer.h"
#include "remote/trouble.h"
#include "remote/urgency.h"

namespace hoop::remote {
namespace {

// Stopping a process in vain disturbs it.
constexpr unsigned kMostStops = 5;
constexpr Nanoseconds kBetweenLooks = 2 * kMillisecond;
constexpr Nanoseconds kOneStopTakes = 500 * kMillisecond;
constexpr Nanoseconds kReapWithin = 5 * kSecond;
constexpr Nanoseconds kLookAtCaller = 200 * kMillisecond;
constexpr std::size_t kPassOnBytes = 256 * kKiB;

void rest(Nanoseconds time) {
  const timespec length{static_cast<time_t>(time / kSecond), static_cast<long>(time % kSecond)};
  ::nanosleep(&length, nullptr);
}

CallArguments wait_for(pid_t child) { return {child, 0, WNOHANG | __WALL, 0, 0, 0}; }

}  // namespace

void Board::put(Line& line, const std::string& text) {
  const std::size_t length = std::min(text.size(), line.size() - 1);
  std::memcpy(line.data(), text.data(), length);
  line[length] = 0;
}

Guardian::Guardian(pid_t pid, const Blob& blob, int output, int lifeline, const Options& options,
                   Board& board)
    : pid_(pid),
      blob_(blob),
      output_(output),
      lifeline_(lifeline),
      options_(options),
      board_(board),
      caller_(::getppid()) {}

void Guardian::reached(Step step) {
  board_.step = step;
  if (options_.on_step) options_.on_step(step);
}

// The pipe tells at once, unless somebody has forked and holds its other end too.
bool Guardian::is_caller_there() const {
  pollfd end{lifeline_, POLLIN, 0};
  return ::getppid() == caller_ && ::poll(&end, 1, 0) == 0;
}

Trouble Guardian::find_call_instruction_again() {
  const int error = memory_.open(pid_);
  if (error != 0) return explain_refusal(pid_, pid_, error);
  call_instruction_ = find_call_instruction(pid_, memory_);
  if (call_instruction_ != 0) return {};
  return Trouble(name_of(pid_) + " has no readable code that calls the system");
}

// The main thread if it will do: the process's name, rights and priority are its.
pid_t Guardian::thread_to_divert(const StoppedThreads& threads) const {
  pid_t found = 0;
  for (const ThreadLook& one : threads.threads()) {
    if (!can_be_diverted(memory_, one.thread, *one.registers)) continue;
    if (one.thread == pid_) return pid_;
    if (found == 0) found = one.thread;
  }
  return found;
}

// `is_final`: it would be the same next time.
Trouble Guardian::choose_thread(const StoppedThreads& threads, pid_t& chosen,
                                bool& is_final) const {
  chosen = thread_to_divert(threads);
  is_final = true;
  if (!is_call_instruction(memory_, call_instruction_))
    return Trouble(name_of(pid_) + " began another program just now; try again");
  if (chosen != 0) {
    // Both, or neither: else a zombie would stay.
    Trouble trouble = check_filters(pid_, chosen, call_instruction_, SYS_clone, kCloneArguments);
    if (!trouble)
      trouble = check_filters(pid_, chosen, call_instruction_, SYS_wait4, wait_for(pid_));
    is_final = static_cast<bool>(trouble);
    return trouble;
  }
  is_final = false;
  return Trouble("no thread of " + name_of(pid_) + " can be interrupted; try again");
}

// Looks from outside, which disturbs nobody, until stopping seems worth while; then stops, and
// looks again. Takes what there is when time is up.
Trouble Guardian::stop_at_an_instant(StoppedThreads& threads, pid_t& chosen) {
  const Nanoseconds begin = os::monotonic_now();
  const Nanoseconds patience = begin + options_.look_for_at_most;
  const Nanoseconds deadline = patience + options_.stop_within;
  Trouble trouble;
  while (true) {
    const Nanoseconds look = os::monotonic_now();
    if (!is_caller_there()) return Trouble("nobody waits for it any more");
    const bool takes_any = look >= patience || board_.stops + 1 >= kMostStops;
    if (!takes_any && !is_good(options_.judge, look_at_running(pid_), memory_)) {
      // At most a tenth of the time is spent looking.
      rest(kBetweenLooks + 9 * (os::monotonic_now() - look));
      continue;
    }
    ++board_.stops;
    bool is_final = false;
    trouble = threads.stop_all(os::monotonic_now() + kOneStopTakes);
    if (!trouble) {
      const bool good = is_good(options_.judge, threads.threads(), memory_);
      board_.instant = {good, os::wall_clock_now(),
                        static_cast<unsigned>(threads.threads().size())};
      trouble = choose_thread(threads, chosen, is_final);
      if (!trouble && (good || takes_any)) return {};
    }
    threads.release();
    if (is_final || (trouble && os::monotonic_now() >= deadline)) return trouble;
    rest(kBetweenLooks);
  }
}

Trouble Guardian::take_copy(Birth& birth) {
  Trouble trouble = find_call_instruction_again();
  if (trouble) return trouble;
  const Urgency urgency(0);  // ours, while others stand still because of us
  StoppedThreads threads(tracer_, pid_);
  pid_t chosen = 0;
  trouble = stop_at_an_instant(threads, chosen);
  if (trouble) return trouble;
  reached(Step::kStopped);
  trouble = clone_process(tracer_, chosen, call_instruction_, birth);
  if (!trouble) reached(Step::kBorn);
  threads.release();
  board_.stop_time = threads.stopped_for();
  board_.clone_time = birth.clone_time;
  if (!trouble) reached(Step::kReleased);
  return trouble;
}

Trouble Guardian::pass_on(int pipe, bool& is_more) {
  static std::vector<char> buffer(kPassOnBytes);
  ssize_t got = 0;
  do got = ::read(pipe, buffer.data(), buffer.size());
  while (got < 0 && errno == EINTR);
  is_more = got > 0;
  std::size_t done = 0;
  while (got > 0 && done < static_cast<std::size_t>(got)) {
    const ssize_t written =
        ::write(output_, buffer.data() + done, static_cast<std::size_t>(got) - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_trouble("the snapshot cannot be written", errno);
    done += static_cast<std::size_t>(written);
    board_.bytes += static_cast<std::uint64_t>(written);
  }
  return {};
}

Trouble Guardian::relay(InjectedCopy& copy, int pipe) {
  const Nanoseconds deadline = os::monotonic_now() + options_.run_for_at_most;
  bool is_more = true;
  while (is_more || !copy.has_ended()) {
    while (const std::optional<Event> event = tracer_.next(0)) copy.take_in(*event);
    if (copy.has_ended() && !is_more) break;
    const Nanoseconds now = os::monotonic_now();
    if (now >= deadline)
      return Trouble("the copy was ended: it was not done after " +
                     std::to_string(options_.run_for_at_most / kSecond) + " s");
    if (!is_caller_there()) return Trouble("nobody waits for it any more");
    pollfd files[] = {{lifeline_, POLLIN, 0}, {is_more ? pipe : -1, POLLIN, 0}};
    tracer_.await(files, 2, std::min(deadline, now + kLookAtCaller));
    if (files[1].revents == 0) continue;
    const Trouble trouble = pass_on(pipe, is_more);
    if (trouble) return trouble;
  }
  return copy.end_trouble();
}

Trouble Guardian::use_copy(InjectedCopy& copy, int niceness) {
  Trouble trouble = copy.take_over(niceness);
  int pipe = -1;
  if (!trouble) {
    const std::string arguments =
        options_.arguments ? options_.arguments(board_.instant) : std::string();
    trouble = copy.load(blob_, arguments, options_.stack_bytes, pipe);
  }
  if (!trouble) reached(Step::kLoaded);
  const Nanoseconds begin = os::monotonic_now();
  if (!trouble) trouble = copy.start();
  if (!trouble) {
    reached(Step::kStarted);
    trouble = relay(copy, pipe);
  }
  board_.run_time = os::monotonic_now() - begin;
  if (pipe >= 0) ::close(pipe);
  copy.end();
  return trouble;
}

bool Guardian::reap_once(pid_t copy_inside, Trouble& trouble) {
  // It may run another program by now.
  if (!is_call_instruction(memory_, call_instruction_)) {
    ProcessFacts facts;
    trouble = look_at_process(pid_, facts);
    if (!trouble) trouble = find_call_instruction_again();
    if (trouble) return false;
  }
  const Urgency urgency(0);  // ours, while others stand still because of us
  StoppedThreads threads(tracer_, pid_);
  trouble = threads.stop_one(os::monotonic_now() + kOneStopTakes);
  if (trouble) return false;
  const pid_t thread = thread_to_divert(threads);
  if (thread == 0 || !is_call_instruction(memory_, call_instruction_)) return false;
  const CallArguments arguments = wait_for(copy_inside);
  trouble = check_filters(pid_, thread, call_instruction_, SYS_wait4, arguments);
  if (trouble) return false;
  const Urgency its_urgency(thread);
  Injection injection(tracer_, thread, call_instruction_);
  trouble = injection.begin();
  if (trouble) return false;
  const std::optional<long> result = injection.call(SYS_wait4, arguments);
  trouble = injection.end();
  threads.release();
  board_.reap_stop_time = threads.stopped_for();
  // Somebody else may have waited for it.
  return result && (*result == copy_inside || *result == -ECHILD);
}

// The process is the copy's parent, and only a parent's wait takes a zombie away.
void Guardian::reap(pid_t copy, pid_t copy_inside) {
  const Nanoseconds deadline = os::monotonic_now() + kReapWithin;
  Trouble trouble;
  while (os::monotonic_now() < deadline) {
    // The process has ended: somebody else is the parent.
    const char state = thread_state(pid_, pid_);
    if (state == 0 || state == 'Z' || state == 'X') return reached(Step::kReaped);
    if (reap_once(copy_inside, trouble)) return reached(Step::kReaped);
    rest(kBetweenLooks);
  }
  Board::put(board_.leftover, "the copy, process " + std::to_string(copy) +
                                  ", stays as a zombie among the children of " + name_of(pid_) +
                                  (trouble ? ": " + trouble.line() : ""));
}

Trouble Guardian::run() {
  reached(Step::kBegun);
  Birth birth;
  Trouble at_birth = take_copy(birth);
  if (birth.born == 0) return at_birth;
  Trouble trouble;
  {
    InjectedCopy copy(tracer_, birth.born, call_instruction_);
    trouble = at_birth ? at_birth : use_copy(copy, birth.niceness);
  }
  reached(Step::kEnded);
  if (birth.born_inside != 0) reap(birth.born, birth.born_inside);
  return trouble;
}

}  // namespace hoop::remote
