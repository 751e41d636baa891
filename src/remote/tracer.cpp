// SPDX-License-Identifier: Apache-2.0
#include "remote/tracer.h"

#include <poll.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>

#include "base/units.h"
#include "os/clock.h"
#include "remote/registers.h"

namespace hoop::remote {
namespace {

constexpr int kTracedCall = SIGTRAP | 0x80;  // with PTRACE_O_TRACESYSGOOD

// What the handler took. It runs inside seize() only, in this very thread.
constexpr std::size_t kMostEarly = 1024;
std::array<Event, kMostEarly> early;
std::size_t early_begin = 0;
std::atomic<std::size_t> early_end = 0;

std::optional<Event> reap_one() {
  Event event;
  do event.thread = ::waitpid(-1, &event.status, __WALL | WNOHANG);
  while (event.thread < 0 && errno == EINTR);
  if (event.thread <= 0) return std::nullopt;
  return event;
}

// A thread that execs waits, under the lock that PTRACE_SEIZE needs, until all others of its
// process are gone; and those that are traced are gone when the tracer has waited for them. So a
// tracer that is kept waiting by PTRACE_SEIZE has to wait for them from a handler.
void take_early(int) {
  const int saved = errno;
  while (early_end < kMostEarly) {
    const std::optional<Event> event = reap_one();
    if (!event) break;
    early[early_end] = *event;
    ++early_end;
  }
  errno = saved;
}

sigset_t wake_up_set() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, Tracer::kWakeUpSignal);
  return set;
}

timespec time_left(Nanoseconds now, Nanoseconds deadline) {
  const Nanoseconds left = deadline > now ? deadline - now : 0;
  return {static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
}

template <class Address, class Data>
long request(__ptrace_request what, pid_t thread, Address address, Data data) {
  return ::ptrace(what, thread, address, data) < 0 ? -errno : 0;
}

}  // namespace

bool Event::is_end() const { return !WIFSTOPPED(status); }

bool Event::is_halt() const { return WIFSTOPPED(status) && kind() == PTRACE_EVENT_STOP; }

bool Event::is_call() const { return WIFSTOPPED(status) && WSTOPSIG(status) == kTracedCall; }

int Event::signal() const {
  return WIFSTOPPED(status) && kind() == 0 && !is_call() ? WSTOPSIG(status) : 0;
}

Tracer::Tracer() {
  struct sigaction action {};
  action.sa_handler = take_early;
  action.sa_flags = SA_RESTART;
  ::sigaction(kWakeUpSignal, &action, nullptr);
  const sigset_t set = wake_up_set();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Tracer::~Tracer() = default;

long Tracer::seize(pid_t thread) {
  const bool is_ours = lingering_.erase(thread) > 0;
  const sigset_t set = wake_up_set();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  const long result = request(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACESYSGOOD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return result == -EPERM && is_ours ? 0 : result;
}

long Tracer::interrupt(pid_t thread) { return request(PTRACE_INTERRUPT, thread, nullptr, nullptr); }

long Tracer::set_options(pid_t thread, long options) {
  return request(PTRACE_SETOPTIONS, thread, nullptr, options | PTRACE_O_TRACESYSGOOD);
}

long Tracer::resume(pid_t thread, int signal) {
  return request(PTRACE_CONT, thread, nullptr, static_cast<long>(signal));
}

long Tracer::resume_to_call(pid_t thread, int signal) {
  return request(PTRACE_SYSCALL, thread, nullptr, static_cast<long>(signal));
}

long Tracer::get_registers(pid_t thread, Registers& registers) {
  return request(PTRACE_GETREGS, thread, nullptr, &registers.raw);
}

long Tracer::set_registers(pid_t thread, const Registers& registers) {
  return request(PTRACE_SETREGS, thread, nullptr, &registers.raw);
}

long Tracer::get_blocked(pid_t thread, std::uint64_t& signals) {
  return request(PTRACE_GETSIGMASK, thread, sizeof signals, &signals);
}

long Tracer::set_blocked(pid_t thread, std::uint64_t signals) {
  return request(PTRACE_SETSIGMASK, thread, sizeof signals, &signals);
}

long Tracer::event_message(pid_t thread, unsigned long& message) {
  return request(PTRACE_GETEVENTMSG, thread, nullptr, &message);
}

long Tracer::release(pid_t thread, int signal) {
  Registers registers;
  if (get_registers(thread, registers) == 0 && registers.result() == -EINTR &&
      fails_after_any_stop(registers.call_number())) {
    registers.set_result(kRestartWithoutHandler);
    set_registers(thread, registers);
  }
  return request(PTRACE_DETACH, thread, nullptr, static_cast<long>(signal));
}

std::optional<Event> Tracer::take() {
  if (early_begin < early_end) {
    const Event event = early[early_begin++];
    if (early_begin == early_end) {
      early_begin = 0;
      early_end = 0;
    }
    return event;
  }
  return reap_one();
}

void Tracer::await(pollfd* files, unsigned count, Nanoseconds deadline) {
  const Nanoseconds now = os::monotonic_now();
  const timespec most = time_left(now, deadline);
  sigset_t open;
  ::sigprocmask(SIG_BLOCK, nullptr, &open);
  ::sigdelset(&open, kWakeUpSignal);
  // The handler takes events; that ends the wait.
  if (early_begin == early_end) ::ppoll(files, count, &most, &open);
}

std::optional<Event> Tracer::put_back_of(pid_t thread) {
  const auto at = std::find_if(put_back_.begin(), put_back_.end(),
                               [thread](const Event& one) { return one.thread == thread; });
  if (at == put_back_.end()) return std::nullopt;
  const Event event = *at;
  put_back_.erase(at);
  return event;
}

std::optional<Event> Tracer::next(Nanoseconds deadline) {
  const sigset_t set = wake_up_set();
  while (true) {
    const std::optional<Event> event = take();
    if (event && lingering_.erase(event->thread) > 0) {
      if (!event->is_end()) release(event->thread, event->signal());
      continue;
    }
    if (event) return event;
    const Nanoseconds now = os::monotonic_now();
    if (now >= deadline) return std::nullopt;
    const timespec most = time_left(now, deadline);
    ::sigtimedwait(&set, nullptr, &most);
  }
}

}  // namespace hoop::remote
