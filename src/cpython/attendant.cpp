// SPDX-License-Identifier: Apache-2.0
#include "cpython/attendant.h"

#include <Python.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "base/text.h"
#include "base/units.h"
#include "cpython/compat/thread_state.h"
#include "cpython/process.h"
#include "cpython/snapshot_copy.h"
#include "os/clock.h"
#include "os/native_thread.h"

namespace hoop::cpython {
namespace {

// The copy goes on with this stack.
constexpr std::size_t kStackBytes = 512 * kKiB;
// How long the GIL is waited for; after that the copy is taken as things are.
constexpr Nanoseconds kPatienceForGil = 500 * kMillisecond;
constexpr int kPollWhileWriting = 5;  // ms
constexpr int kBacklog = 4;

// What a client sends, with the file as a descriptor beside it. docs/format/run-directory.md.
struct SnapshotRequest {
  char magic[8];
  std::uint32_t flags;  // 1: with values
  std::uint32_t reserved;
};
constexpr char kRequestMagic[] = "HOOPSNP1";

struct Attendant {
  os::NativeThread thread;
  bool exists = false;
  bool is_open = false;
  std::atomic<bool> stop_requested{false};
  int listener = -1;
  int wake = -1;    // an eventfd: the thread is to look up
  int client = -1;  // for whom a snapshot is written
};
constinit Attendant attendant;

// Who takes the copy: a thread that waits for the GIL, or, when that takes too long, the attendant.
struct Claim {
  enum class State : std::uint8_t { kNone, kWaiting, kTaken, kGivenUp };

  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
  State state = State::kNone;
  int file = -1;
  bool with_values = false;
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

bool listen_in_run_directory() {
  attendant.listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  attendant.wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const bool done = attendant.listener >= 0 && attendant.wake >= 0 &&
                    bind_in_run_directory(attendant.listener) &&
                    ::listen(attendant.listener, kBacklog) == 0;
  if (!done) {
    close_descriptor(attendant.listener);
    close_descriptor(attendant.wake);
  }
  return done;
}

void say(int client, const TextBuffer& line) {
  [[maybe_unused]] const ssize_t sent =
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
        snapshot_copy.start(claim.file, claim.with_values, "hoop snap", Instant::kPython);
    claim.state = Claim::State::kTaken;
  } else {
    claim.state = Claim::State::kNone;
  }
  ::pthread_cond_broadcast(&claim.changed);
  ::pthread_mutex_unlock(&claim.mutex);
}

void* wait_for_gil(void*) {
  if (Py_IsInitialized() == 0 || is_finalizing()) return nullptr;
  const PyGILState_STATE state = PyGILState_Ensure();
  take_with_gil();
  PyGILState_Release(state);
  return nullptr;
}

bool start_claim(int file, bool with_values) {
  ::pthread_mutex_lock(&claim.mutex);
  const bool is_free = claim.state == Claim::State::kNone;
  if (is_free) {
    claim.file = file;
    claim.with_values = with_values;
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

const char* take_snapshot(int file, bool with_values) {
  if (start_claim(file, with_values) && wait_for_claim()) return claim.failure;
  if (attendant.stop_requested.load(std::memory_order_relaxed))
    return "the process was about to fork or to end; try again";
  return snapshot_copy.start(file, with_values, "hoop snap", Instant::kAnywhere);
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
  const ssize_t size = ::recvmsg(client, &message, MSG_CMSG_CLOEXEC);
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
  const char* const failure = take_snapshot(file, (request.flags & 1) != 0);
  close_descriptor(file);
  if (failure != nullptr) return refuse(client, failure);
  attendant.client = client;
}

// A client that has gone wants nothing any more.
void look_after_snapshot(bool client_is_gone) {
  SnapshotReport result;
  if (client_is_gone) {
    snapshot_copy.end();
    return close_descriptor(attendant.client);
  }
  if (snapshot_copy.poll(result)) report(attendant.client, result);
}

void* attend(void*) {
  attendant.thread.note_kernel_id();
  while (!attendant.stop_requested.load(std::memory_order_acquire)) {
    const bool writes = attendant.client >= 0;
    pollfd waiting[] = {
        {attendant.wake, POLLIN, 0}, {attendant.listener, POLLIN, 0}, {attendant.client, 0, 0}};
    ::poll(waiting, 3, writes ? kPollWhileWriting : -1);
    if (writes) look_after_snapshot((waiting[2].revents & (POLLHUP | POLLERR)) != 0);
    if ((waiting[1].revents & POLLIN) == 0) continue;
    const int client = ::accept4(attendant.listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) serve(client);
  }
  return nullptr;
}

void start() {
  attendant.stop_requested.store(false, std::memory_order_relaxed);
  attendant.exists = attendant.thread.start(attend, kStackBytes);
}

}  // namespace

void open_attendant() noexcept {
  if (process.run_dir == nullptr || attendant.is_open || prepare_snapshots() != nullptr) return;
  attendant.is_open = listen_in_run_directory();
  if (attendant.is_open) start();
}

void pause_attendant() noexcept {
  if (!attendant.exists) return;
  attendant.exists = false;
  attendant.stop_requested.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(attendant.wake, &one, sizeof one);
  attendant.thread.join();
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(attendant.wake, &count, sizeof count);
}

void resume_attendant() noexcept {
  if (attendant.is_open && !attendant.exists) start();
}

void close_attendant() noexcept {
  if (!attendant.is_open) return;
  pause_attendant();
  leave_attendant();
  attendant.is_open = false;
  if (attendant.client >= 0) {
    snapshot_copy.end();
    refuse(attendant.client, "the process ended before the snapshot was written");
  }
  close_descriptor(attendant.listener);
  close_descriptor(attendant.wake);
}

void leave_attendant() noexcept {
  if (!attendant.is_open) return;
  FixedText<512> path;
  socket_path(path);
  ::unlink(path.data());
}

void forget_attendant() noexcept {
  snapshot_copy.forget();
  close_descriptor(attendant.listener);
  close_descriptor(attendant.wake);
  close_descriptor(attendant.client);
  attendant.exists = attendant.is_open = false;
  claim.state = Claim::State::kNone;
  ::pthread_mutex_init(&claim.mutex, nullptr);
  ::pthread_cond_init(&claim.changed, nullptr);
}

}  // namespace hoop::cpython
