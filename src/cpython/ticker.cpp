// SPDX-License-Identifier: Apache-2.0
#include "cpython/ticker.h"

#include <Python.h>
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

#include "base/units.h"
#include "cpython/agent.h"
#include "cpython/allocator.h"
#include "cpython/compat/thread_state.h"
#include "cpython/figures.h"
#include "cpython/gil_gate.h"
#include "heap/trimmer.h"
#include "os/clock.h"
#include "os/native_thread.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kThreadStackBytes = 128 * kKiB;
constexpr Nanoseconds kBetweenTicks = 2 * kMillisecond;
constexpr Nanoseconds kBetweenErrands = 5 * kMillisecond;
// The thread leaves the heap alone while the program itself ticks.
constexpr Nanoseconds kIdleAfter = 100 * kMillisecond;
// After so long without anything to give the thread ends.
constexpr Nanoseconds kLingers = 1 * kSecond;

// kClosed: the interpreter is not up, or about to end; what asks for a thread is not heard.
enum class Permission : std::uint8_t { kClosed, kHeld, kGiven };

// The thread's state. `mutex` guards stop_requested, at_gil, is_joined and the condition; the rest
// is written by the starter and by who stops it, with the GIL held.
struct TickerThread {
  os::NativeThread native;
  bool exists = false;
  Permission permission = Permission::kClosed;
  std::atomic<bool> finished{false};
  std::atomic<bool> has_errands{false};
  std::atomic<Nanoseconds> last_program_tick{0};
  bool stop_requested = false;
  bool at_gil = false;     // waits for the GIL, or has it
  bool is_joined = false;  // somebody waits for its end
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
};
constinit TickerThread thread;
using Errands = bool (*)(Nanoseconds now) noexcept;
constinit Errands errands = nullptr;

// False when the thread is to end.
bool sleep_unless_stopped(Nanoseconds duration) {
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  const Nanoseconds end = static_cast<Nanoseconds>(until.tv_nsec) + duration;
  until.tv_sec += static_cast<time_t>(end / kSecond);
  until.tv_nsec = static_cast<long>(end % kSecond);
  ::pthread_mutex_lock(&thread.mutex);
  int result = 0;
  while (!thread.stop_requested && result != ETIMEDOUT) {
    result = ::pthread_cond_timedwait(&thread.wake, &thread.mutex, &until);
  }
  const bool go_on = !thread.stop_requested;
  ::pthread_mutex_unlock(&thread.mutex);
  return go_on;
}

// False when the thread is to end instead, or to try later. An interpreter that ends gives the GIL
// to nobody.
bool announce_gil() {
  if (Py_IsInitialized() == 0 || is_finalizing()) return false;
  ::pthread_mutex_lock(&thread.mutex);
  const bool go_on = !thread.stop_requested && enter_gil_gate();
  thread.at_gil = go_on;
  ::pthread_mutex_unlock(&thread.mutex);
  return go_on;
}

void renounce_gil() {
  ::pthread_mutex_lock(&thread.mutex);
  thread.at_gil = false;
  ::pthread_mutex_unlock(&thread.mutex);
  leave_gil_gate();
}

// One step with the GIL; returns whether a round is unfinished.
bool tick_with_gil(Nanoseconds now) {
  if (!announce_gil()) return false;
  const PyGILState_STATE state = PyGILState_Ensure();
  {
    const HeapLock lock;
    process_heap.tick(now);
    if (figures_are_due(now)) record_sample(now);
  }
  PyGILState_Release(state);
  renounce_gil();
  return process_heap.trim_is_due(os::monotonic_now());
}

// Whether there are more.
bool do_errands(Nanoseconds now) {
  if (!thread.has_errands.load(std::memory_order_relaxed)) return false;
  // Before they run: what is asked for meanwhile is not lost.
  thread.has_errands.store(false, std::memory_order_relaxed);
  if (errands(now)) thread.has_errands.store(true, std::memory_order_relaxed);
  return thread.has_errands.load(std::memory_order_relaxed);
}

Nanoseconds pause_before_next(bool in_round, bool has_errands) {
  if (in_round) return kBetweenTicks;
  return has_errands ? kBetweenErrands : heap::Trimmer::kRoundInterval;
}

void* run_thread(void*) {
  thread.native.note_kernel_id();
  Nanoseconds pending_since = os::monotonic_now();
  bool in_round = false;
  bool has_errands = thread.has_errands.load(std::memory_order_relaxed);
  while (sleep_unless_stopped(pause_before_next(in_round, has_errands))) {
    const Nanoseconds now = os::monotonic_now();
    has_errands = do_errands(now);
    // Read without the GIL: a stale answer costs one round.
    if (process_heap.trim_pending() || has_errands) pending_since = now;
    if (now - pending_since > kLingers) break;
    const bool program_ticks =
        now - thread.last_program_tick.load(std::memory_order_relaxed) < kIdleAfter;
    in_round = !program_ticks && process_heap.trim_is_due(now) && tick_with_gil(now);
  }
  thread.finished.store(true, std::memory_order_release);
  return nullptr;
}

void join_thread() {
  thread.native.join();
  ::pthread_mutex_lock(&thread.mutex);
  thread.finished.store(false, std::memory_order_relaxed);
  thread.stop_requested = thread.is_joined = false;
  ::pthread_cond_broadcast(&thread.wake);
  ::pthread_mutex_unlock(&thread.mutex);
}

bool is_joined_by_another() {
  ::pthread_mutex_lock(&thread.mutex);
  const bool result = thread.is_joined;
  ::pthread_mutex_unlock(&thread.mutex);
  return result;
}

void wait_for_the_join_of_another() {
  if (!is_joined_by_another()) return;
  PyThreadState* const released = PyEval_SaveThread();
  ::pthread_mutex_lock(&thread.mutex);
  while (thread.is_joined) ::pthread_cond_wait(&thread.wake, &thread.mutex);
  ::pthread_mutex_unlock(&thread.mutex);
  PyEval_RestoreThread(released);
}

enum class Join : std::uint8_t { kFollows, kNever };

// Returns whether the thread waits for the GIL, or has it.
bool request_stop(Join join) {
  ::pthread_mutex_lock(&thread.mutex);
  thread.stop_requested = true;
  thread.is_joined = join == Join::kFollows;
  const bool at_gil = thread.at_gil;
  ::pthread_cond_broadcast(&thread.wake);
  ::pthread_mutex_unlock(&thread.mutex);
  return at_gil;
}

void start_thread() {
  if (is_joined_by_another()) return;
  if (thread.exists) {
    if (!thread.finished.load(std::memory_order_acquire)) return;
    join_thread();
    thread.exists = false;
  }
  thread.exists = thread.native.start(run_thread, kThreadStackBytes);
}

void tick_and_watch(heap::Heap& heap, Nanoseconds now) {
  if (!heap.trim_pending()) return;
  if (!heap.trim_rests(now)) heap.tick(now);
  thread.last_program_tick.store(now, std::memory_order_relaxed);
  if (thread.permission == Permission::kGiven && heap.trim_pending()) start_thread();
}

}  // namespace

void on_beat(heap::Heap& heap) {
  const int saved_errno = errno;
  const Nanoseconds now = os::monotonic_now_coarse();
  tick_and_watch(heap, now);
  if (figures_are_due(now)) record_sample(now);
  on_agent_beat();
  errno = saved_errno;
}

void after_full_collection() {
  const HeapLock lock;
  on_beat(process_heap);
}

void sample_now() {
  const HeapLock lock;
  record_sample(os::monotonic_now());
}

void open_ticker() { thread.permission = Permission::kGiven; }

void allow_thread() {
  if (thread.permission == Permission::kHeld) thread.permission = Permission::kGiven;
}

void set_errands(bool (*run)(Nanoseconds now) noexcept) { errands = run; }

void request_errands() {
  thread.has_errands.store(true, std::memory_order_relaxed);
  if (thread.permission == Permission::kGiven) start_thread();
}

void resume_thread() {
  allow_thread();
  const bool is_needed = process_heap.trim_pending() || thread.has_errands.load();
  if (thread.permission == Permission::kGiven && is_needed) start_thread();
}

void stop_thread() {
  if (thread.permission == Permission::kGiven) thread.permission = Permission::kHeld;
  // It may never return from its wait for the GIL.
  if (is_finalizing()) return close_ticker_unwaited();
  if (!thread.exists) return wait_for_the_join_of_another();
  // Before the GIL is given up: another thread may come here meanwhile.
  thread.exists = false;
  const bool needs_gil = request_stop(Join::kFollows);
  // Other threads must not run here if it can be helped: one may end the interpreter while this one
  // forks.
  PyThreadState* const released = needs_gil ? PyEval_SaveThread() : nullptr;
  join_thread();
  if (released != nullptr) PyEval_RestoreThread(released);
}

void close_ticker() {
  stop_thread();
  thread.permission = Permission::kClosed;
}

void close_ticker_unwaited() {
  thread.permission = Permission::kClosed;
  if (!thread.exists) return;
  thread.exists = false;
  request_stop(Join::kNever);
  thread.native.detach();
}

void forget_thread() {
  thread.exists = false;
  thread.has_errands.store(false, std::memory_order_relaxed);
  thread.finished.store(false, std::memory_order_relaxed);
  thread.stop_requested = thread.at_gil = thread.is_joined = false;
  ::pthread_mutex_init(&thread.mutex, nullptr);
  ::pthread_cond_init(&thread.wake, nullptr);
}

}  // namespace hoop::cpython
