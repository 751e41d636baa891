// SPDX-License-Identifier: Apache-2.0
#include "cpython/attendant.h"

#include <Python.h>
#include <fcntl.h>
#include <poll.h>  // IWYU pragma: keep
#include <pthread.h>
#include <signal.h>
#include <sys/poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "base/text.h"
#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/compat/thread_state.h"
#include "cpython/gil_gate.h"
#include "cpython/growth_watch.h"
#include "cpython/process.h"
#include "cpython/snapshot_copy.h"
#include "cpython/snapshot_triggers.h"
#include "os/clock.h"
#include "os/native_thread.h"
#include "os/own_descriptor.h"
#include "os/standard_error.h"

namespace hoop::cpython {
namespace {

// The copy goes on with this stack.
constexpr std::size_t kStackBytes = 512 * kKiB;
// How long the GIL is waited for; after that the copy is taken as things are.
constexpr Nanoseconds kPatienceForGil = 500 * kMillisecond;
constexpr int kPollWhileWriting = 5;          // ms
constexpr int kBetweenLooks = 1000;           // ms, where a trigger has to be looked for
constexpr unsigned kExitSnapshotTakes = 300;  // seconds, at most
constexpr int kBacklog = 4;

// What a client sends, with the file as a descriptor beside it. docs/format/run-directory.md.
struct SnapshotRequest {
  char magic[8];
  std::uint32_t flags;  // 1: with values
  std::uint32_t reserved;
};
constexpr char kRequestMagic[] = "HOOPSNP1";

// For whom a snapshot is being written: a client, or the process itself.
struct Job {
  int client = -1;
  const char* trigger = nullptr;  // nullptr: a client's, or none
  FixedText<512> path;            // of the file; it is written as path.part
};

struct Attendant {
  os::NativeThread thread;
  bool exists = false;
  bool is_open = false;
  std::atomic<bool> stop_requested{false};
  os::OwnDescriptor listener;
  // Two ends of a connection: something comes through, or one is closed, and the thread looks up.
  os::OwnDescriptor woken;
  os::OwnDescriptor wake;
};
constinit Attendant attendant;
// One, as there is one copy.
Job job;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
// Of a snapshot that the program's own thread has started, for the attendant to look after.
Job handed_over;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
constinit std::atomic<bool> is_handed_over{false};

// Who takes the copy: a thread that waits for the GIL, or, when that takes too long, the attendant.
struct Claim {
  enum class State : std::uint8_t { kNone, kWaiting, kTaken, kGivenUp };

  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
  State state = State::kNone;
  int file = -1;
  bool with_values = false;
  const char* trigger = nullptr;
  const char* failure = nullptr;
};
constinit Claim claim;

void close_descriptor(int& descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  descriptor = -1;
}

void socket_path(TextBuffer& path) {
  path.add(process.run_dir).add_char('/').add_decimal(static_cast<std::uint64_t>(process.pid));
  path.add(".sock");
}

// A socket's name is short; the directory's may not be. So it is named by a descriptor of the
// directory.
bool bind_in_run_directory(int socket) {
  const int directory = ::open(process.run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  FixedText<sizeof(sockaddr_un::sun_path)> name;
  name.add("/proc/self/fd/").add_decimal(static_cast<std::uint64_t>(directory)).add_char('/');
  name.add_decimal(static_cast<std::uint64_t>(process.pid)).add(".sock");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size() + 1);
  ::unlink(address.sun_path);
  const bool bound =
      ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(directory);
  return bound;
}

void close_own() {
  attendant.listener.close();
  attendant.woken.close();
  attendant.wake.close();
}

bool listen_in_run_directory() {
  int ends[2] = {-1, -1};
  constexpr int kKind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (::socketpair(AF_UNIX, kKind, 0, ends) != 0) return false;
  attendant.woken.take(ends[0]);
  attendant.wake.take(ends[1]);
  attendant.listener.take(::socket(AF_UNIX, kKind, 0));
  const int listener = attendant.listener.number();
  if (listener >= 0 && bind_in_run_directory(listener) && ::listen(listener, kBacklog) == 0)
    return true;
  close_own();
  return false;
}

void say(int client, const TextBuffer& line) {
  [[maybe_unused]] const auto sent =
      ::send(client, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void refuse(int& client, const char* reason) {
  FixedText<256> line;
  line.add("{\"error\": \"").add(reason).add("\"}\n");
  say(client, line);
  close_descriptor(client);
}

void report(int& client, const SnapshotReport& result) {
  if (result.failure != nullptr) return refuse(client, result.failure);
  FixedText<256> line;
  const auto number = [&line](const char* name, std::uint64_t value) {
    line.add(", \"").add(name).add("\": ").add_decimal(value);
  };
  line.add("{\"pid\": ").add_decimal(static_cast<std::uint64_t>(process.pid));
  number("objects", result.outcome.objects);
  number("bytes", result.outcome.bytes);
  number("damaged", result.outcome.damaged);
  number("pause_ns", result.pause);
  number("write_ns", result.outcome.took);
  line.add("}\n");
  say(client, line);
  close_descriptor(client);
}

// --- taking the copy ---

void take_with_gil() {
  ::pthread_mutex_lock(&claim.mutex);
  if (claim.state == Claim::State::kWaiting) {
    claim.failure =
        snapshot_copy.start(claim.file, claim.with_values, claim.trigger, Instant::kPython);
    claim.state = Claim::State::kTaken;
  } else {
    claim.state = Claim::State::kNone;
  }
  ::pthread_cond_broadcast(&claim.changed);
  ::pthread_mutex_unlock(&claim.mutex);
}

bool can_have_gil() { return Py_IsInitialized() != 0 && !is_finalizing(); }

void* wait_for_gil(void*) {
  constexpr unsigned kBetweenTries = 1'000;  // us
  while (!enter_gil_gate()) ::usleep(kBetweenTries);
  if (can_have_gil()) {
    const PyGILState_STATE state = PyGILState_Ensure();
    take_with_gil();
    PyGILState_Release(state);
  }
  leave_gil_gate();
  return nullptr;
}

bool start_claim(int file, bool with_values, const char* trigger) {
  ::pthread_mutex_lock(&claim.mutex);
  const bool is_free = claim.state == Claim::State::kNone;
  if (is_free) {
    claim.file = file;
    claim.with_values = with_values;
    claim.trigger = trigger;
    claim.state = Claim::State::kWaiting;
  }
  ::pthread_mutex_unlock(&claim.mutex);
  if (!is_free) return false;  // one of before still waits
  os::NativeThread waiter;
  const bool started = waiter.start(wait_for_gil, kStackBytes);
  if (started) {
    waiter.detach();
  } else {
    claim.state = Claim::State::kNone;
  }
  return started;
}

// False: nobody has got the GIL in time; nobody will take the copy any more.
bool wait_for_claim() {
  constexpr Nanoseconds kStep = 10 * kMillisecond;
  const Nanoseconds end = os::monotonic_now() + kPatienceForGil;
  ::pthread_mutex_lock(&claim.mutex);
  while (claim.state == Claim::State::kWaiting && os::monotonic_now() < end &&
         !attendant.stop_requested.load(std::memory_order_relaxed)) {
    timespec until{};
    ::clock_gettime(CLOCK_REALTIME, &until);
    const Nanoseconds step = static_cast<Nanoseconds>(until.tv_nsec) + kStep;
    until.tv_sec += static_cast<time_t>(step / kSecond);
    until.tv_nsec = static_cast<long>(step % kSecond);
    ::pthread_cond_timedwait(&claim.changed, &claim.mutex, &until);
  }
  const bool taken = claim.state == Claim::State::kTaken;
  claim.state = taken ? Claim::State::kNone : Claim::State::kGivenUp;
  ::pthread_mutex_unlock(&claim.mutex);
  return taken;
}

const char* take_snapshot(int file, bool with_values, const char* trigger) {
  if (start_claim(file, with_values, trigger) && wait_for_claim()) return claim.failure;
  if (attendant.stop_requested.load(std::memory_order_relaxed))
    return "the process was about to fork or to end; try again";
  return snapshot_copy.start(file, with_values, trigger, Instant::kAnywhere);
}

// --- clients ---

bool is_allowed(int client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

// The descriptor that came along; -1: none, or no request.
int receive_request(int client, SnapshotRequest& request) {
  timeval patience{0, 100'000};
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  iovec part{&request, sizeof request};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto size = ::recvmsg(client, &message, MSG_CMSG_CLOEXEC);
  const cmsghdr* const header = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int file = -1;
  std::memcpy(&file, CMSG_DATA(header), sizeof file);
  if (size == sizeof request &&
      std::memcmp(request.magic, kRequestMagic, sizeof request.magic) == 0)
    return file;
  ::close(file);
  return -1;
}

void serve(int client) {
  SnapshotRequest request{};
  if (!is_allowed(client)) return refuse(client, "another user asks");
  int file = receive_request(client, request);
  if (file < 0) return refuse(client, "this is no request that is understood here");
  const char* const failure = take_snapshot(file, (request.flags & 1) != 0, "hoop snap");
  close_descriptor(file);
  if (failure != nullptr) return refuse(client, failure);
  job.client = client;
}

// --- triggers ---

// One line of ours: where a snapshot lies that nobody has waited for.
void tell_of(const Job& own, const char* failure) {
  if (failure == nullptr && snapshot_triggers.is_quiet()) return;
  FixedText<1024> line;
  line.add("hoop: snapshot (").add(own.trigger).add("): ");
  if (failure != nullptr) line.add("none, ").add(failure);
  if (failure == nullptr) line.add(own.path.data());
  line.add_char('\n');
  os::write_to_standard_error(line.data(), line.size());
}

void part_path(const Job& own, TextBuffer& path) { path.add(own.path.data()).add(".part"); }

// Another one is being written: not worth a word.
void drop_own(Job& own) {
  FixedText<520> part;
  part_path(own, part);
  ::unlink(part.data());
  own.trigger = nullptr;
}

void finish_own(Job& own, const char* failure) {
  FixedText<520> part;
  part_path(own, part);
  if (failure != nullptr) {
    ::unlink(part.data());
  } else if (::rename(part.data(), own.path.data()) != 0) {
    failure = "the file could not be given its name";
  }
  tell_of(own, failure);
  own.trigger = nullptr;
}

// The file to write into; -1: there can be none, which was told.
int open_own(Job& own, const char* trigger) {
  own.trigger = trigger;
  own.path.clear();
  snapshot_triggers.make_path(trigger, own.path);
  FixedText<520> part;
  part_path(own, part);
  const int file = ::open(part.data(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) finish_own(own, "no file can be written there");
  return file;
}

void take_own(const char* trigger) {
  int file = open_own(job, trigger);
  if (file < 0) return;
  const char* const failure = take_snapshot(file, false, trigger);
  close_descriptor(file);
  if (failure != nullptr) finish_own(job, failure);
}

// False: it takes longer than that.
bool wait_for_copy(Job& own, Nanoseconds patience) {
  constexpr unsigned kBetweenPolls = 2'000;
  const Nanoseconds end = os::monotonic_now() + patience;
  SnapshotReport result;
  while (!snapshot_copy.poll(result)) {
    if (os::monotonic_now() > end) return false;
    ::usleep(kBetweenPolls);
  }
  finish_own(own, result.failure);
  return true;
}

// A client that has gone wants nothing any more.
void look_after_snapshot(bool client_is_gone) {
  SnapshotReport result;
  if (client_is_gone) {
    snapshot_copy.end();
    return close_descriptor(job.client);
  }
  if (!snapshot_copy.poll(result)) return;
  if (job.client >= 0) return report(job.client, result);
  finish_own(job, result.failure);
}

void forget_wake() {
  char bytes[64];
  while (::read(attendant.woken.number(), bytes, sizeof bytes) > 0) {
  }
}

bool is_writing() { return job.client >= 0 || job.trigger != nullptr; }

void take_over() {
  if (is_writing() || !is_handed_over.exchange(false, std::memory_order_acquire)) return;
  job.path.clear();
  job.path.add(handed_over.path.data());
  job.trigger = handed_over.trigger;
}

int patience() {
  if (is_writing()) return kPollWhileWriting;
  const int until_growth = growth_watch_sees_time(os::monotonic_now());
  if (!snapshot_triggers.needs_looks()) return until_growth;
  return until_growth < 0 ? kBetweenLooks : std::min(until_growth, kBetweenLooks);
}

// False: somebody has closed our descriptors, and nobody can ask any more. The end of the
// connection that was closed with them ends the wait.
bool wait_for_something(bool& is_asked, bool& client_is_gone) {
  pollfd waiting[] = {{attendant.woken.number(), POLLIN, 0},
                      {attendant.listener.number(), POLLIN, 0},
                      {job.client, 0, 0}};
  if (waiting[0].fd < 0 || waiting[1].fd < 0) return false;
  ::poll(waiting, 3, patience());
  if (!attendant.woken.is_ours() || !attendant.listener.is_ours()) return false;
  if ((waiting[0].revents & POLLIN) != 0) forget_wake();
  is_asked = (waiting[1].revents & POLLIN) != 0;
  client_is_gone = (waiting[2].revents & (POLLHUP | POLLERR)) != 0;
  return true;
}

void* attend(void*) {
  attendant.thread.note_kernel_id();
  bool is_asked = false;
  bool client_is_gone = false;
  while (!attendant.stop_requested.load(std::memory_order_acquire) &&
         wait_for_something(is_asked, client_is_gone)) {
    if (attendant.stop_requested.load(std::memory_order_acquire)) break;
    take_over();
    if (is_writing()) look_after_snapshot(client_is_gone);
    const bool looks = !is_writing() && snapshot_triggers.is_any();
    const char* const trigger = looks ? snapshot_triggers.due(os::monotonic_now()) : nullptr;
    if (trigger != nullptr) take_own(trigger);
    if (!is_asked) continue;
    const int client = ::accept4(attendant.listener.number(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) serve(client);
  }
  return nullptr;
}

void wake_up() {
  const int saved = errno;
  [[maybe_unused]] const auto written = ::send(attendant.wake.number(), "", 1, MSG_NOSIGNAL);
  errno = saved;
}

void on_signal(int) {
  snapshot_triggers.note_signal();
  wake_up();
}

void handle_signal() {
  if (snapshot_triggers.signal() == 0) return;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(snapshot_triggers.signal(), &action, nullptr);
}

// The program is over, and waits for it.
void take_last() {
  int file = open_own(job, "exit");
  if (file < 0) return;
  const char* const failure = snapshot_copy.start(file, false, "exit", Instant::kPython);
  close_descriptor(file);
  if (failure != nullptr) return finish_own(job, failure);
  if (wait_for_copy(job, kExitSnapshotTakes * kSecond)) return;
  snapshot_copy.end();
  finish_own(job, "it took too long");
}

void start() {
  attendant.stop_requested.store(false, std::memory_order_relaxed);
  attendant.exists = attendant.thread.start(attend, kStackBytes);
}

bool is_small(std::size_t bytes) {
  const HeapLock lock;
  return process_heap.statistics().live_bytes() < bytes;
}

// Until the attendant is done with what was taken before.
void wait_for_attendant() {
  const Nanoseconds end = os::monotonic_now() + kExitSnapshotTakes * kSecond;
  PyThreadState* const released = PyEval_SaveThread();
  while ((is_handed_over.load(std::memory_order_acquire) || snapshot_copy.is_running()) &&
         os::monotonic_now() < end)
    ::usleep(1000);
  PyEval_RestoreThread(released);
}

}  // namespace

void open_attendant() noexcept {
  if (process.run_dir == nullptr || attendant.is_open || prepare_snapshots() != nullptr) return;
  attendant.is_open = listen_in_run_directory();
  if (!attendant.is_open) return;
  snapshot_triggers.read_environment();
  handle_signal();
  start();
}

bool take_snapshot_now(const char* trigger, Patience patience_asked) noexcept {
  // Of a small heap a copy writes in a few hundredths of a second, unless the machine is busy.
  constexpr std::size_t kSmall = 64 * kMiB;
  const bool to_the_end = patience_asked == Patience::kToTheEnd;
  if (to_the_end) wait_for_attendant();
  if (!attendant.is_open || is_handed_over.load(std::memory_order_relaxed)) return false;
  Job& own = handed_over;
  int file = open_own(own, trigger);
  if (file < 0) return false;
  const char* const failure = snapshot_copy.start(file, false, trigger, Instant::kPython);
  close_descriptor(file);
  if (failure != nullptr) {
    drop_own(own);
    return false;
  }
  const bool can_hand_over = attendant.exists && !to_the_end;
  Nanoseconds patience = kExitSnapshotTakes * kSecond;
  if (can_hand_over) patience = is_small(kSmall) ? 3 * kSecond : 100 * kMillisecond;
  if (wait_for_copy(own, patience)) return true;
  if (!can_hand_over) {
    snapshot_copy.end();
    return false;
  }
  is_handed_over.store(true, std::memory_order_release);
  wake_up();
  return true;
}

void wake_attendant() noexcept {
  if (attendant.exists) wake_up();
}

void pause_attendant() noexcept {
  if (!attendant.exists) return;
  attendant.exists = false;
  attendant.stop_requested.store(true, std::memory_order_release);
  wake_up();
  attendant.thread.join();
  forget_wake();
}

void resume_attendant() noexcept {
  if (attendant.is_open && !attendant.exists) start();
}

void close_attendant() noexcept {
  if (!attendant.is_open) return;
  pause_attendant();
  leave_attendant();
  attendant.is_open = false;
  take_over();
  if (is_writing()) snapshot_copy.end();
  if (job.client >= 0) refuse(job.client, "the process ended before the snapshot was written");
  if (job.trigger != nullptr) finish_own(job, "the process ended before it was written");
  if (snapshot_triggers.is_at_exit() && !growth_watch_saw_exit()) take_last();
  close_own();
}

void leave_attendant() noexcept {
  if (!attendant.is_open) return;
  FixedText<512> path;
  socket_path(path);
  ::unlink(path.data());
}

void note_memory_error() noexcept {
  if (!attendant.is_open || !snapshot_triggers.is_at_memory_error()) return;
  snapshot_triggers.note_memory_error();
  wake_up();
}

void forget_attendant() noexcept {
  snapshot_copy.forget();
  close_own();
  close_descriptor(job.client);
  job.trigger = nullptr;
  is_handed_over.store(false, std::memory_order_relaxed);
  attendant.exists = attendant.is_open = false;
  claim.state = Claim::State::kNone;
  ::pthread_mutex_init(&claim.mutex, nullptr);
  ::pthread_cond_init(&claim.changed, nullptr);
}

}  // namespace hoop::cpython
