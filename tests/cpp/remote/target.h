// SPDX-License-Identifier: Apache-2.0
// Processes that are copied in tests, and what the copies are asked for.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "cpp/remote/test_blob.h"
#include "cpp/support/scratch_directory.h"
#include "os/clock.h"
#include "remote/proc_files.h"
#include "remote/snapshot_unprepared.h"

namespace hoop::testing {

inline void rest(Nanoseconds time = kMillisecond) {
  const timespec length{static_cast<time_t>(time / kSecond), static_cast<long>(time % kSecond)};
  ::nanosleep(&length, nullptr);
}

// True once the condition holds; false when it did not for half a minute.
template <class F>
bool comes_true(F&& condition) {
  const Nanoseconds begin = os::monotonic_now();
  while (!condition()) {
    if (os::monotonic_now() - begin > 30 * kSecond) return false;
    rest();
  }
  return true;
}

// What a test and its processes share.
struct SharedNumbers {
  std::atomic<bool> is_ready{false};
  std::atomic<bool> may_end{false};
  std::atomic<std::uint64_t> beats{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> signals{0};
  std::atomic<std::uint64_t> children{0};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> address{0};
  std::atomic<std::uint64_t> pid{0};
};

// Memory that goes on being shared after a fork.
template <class T>
class Shared {
 public:
  Shared() {
    void* const at =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) std::abort();
    value_ = new (at) T{};
  }
  ~Shared() { ::munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

// A child that runs `body`, which sets is_ready; killed at the end.
class Target {
 public:
  template <class F>
  explicit Target(F&& body) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::forward<F>(body)(*numbers);
      ::_exit(numbers->errors == 0 ? 0 : 1);
    }
    EXPECT_TRUE(comes_true([&] { return numbers->is_ready.load(); }));
  }
  ~Target() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Lets it end by itself; its exit status, or -1 when a signal ended it.
  int end() {
    numbers->may_end = true;
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  bool beats_on() {
    const std::uint64_t before = numbers->beats;
    return comes_true([&] { return numbers->beats > before + 2; });
  }

  Shared<SharedNumbers> numbers;

 private:
  pid_t pid_ = 0;
};

inline const std::vector<std::byte>& test_blob() {
  static const std::vector<std::byte> kBlob = [] {
    const std::string file = content_of(HOOP_TEST_BLOB);
    std::vector<std::byte> bytes(file.size());
    std::memcpy(bytes.data(), file.data(), file.size());
    return bytes;
  }();
  return kBlob;
}

// Of a process that has begun none; a sanitizer may have one of its own.
inline std::size_t least_threads() { return remote::thread_ids(::getpid()).size(); }

inline std::string children_of(pid_t pid) {
  std::string all;
  for (const pid_t thread : remote::thread_ids(pid))
    all += remote::read_text(remote::proc_path(pid, thread, "children"));
  return all;
}

inline bool is_traced(pid_t pid) {
  for (const pid_t thread : remote::thread_ids(pid)) {
    const std::string status = remote::read_text(remote::proc_path(pid, thread, "status"));
    if (!status.empty() && remote::field_of(status, "TracerPid") != "0") return true;
  }
  return false;
}

// One snapshot that copies `bytes` at `from` out of the copy.
struct Attempt {
  explicit Attempt(pid_t pid, std::uint64_t from = 0, std::uint64_t bytes = 0,
                   BlobDeed deed = BlobDeed::kWrite, remote::Options how = {}) {
    const int file = ::memfd_create("snapshot", MFD_CLOEXEC);
    how.arguments = [=](const remote::Instant&) {
      const BlobOrder order{deed, from, bytes};
      return std::string(reinterpret_cast<const char*>(&order), sizeof order);
    };
    const remote::Trouble said = remote::snapshot_unprepared(pid, test_blob(), file, how, result);
    trouble = said.line();
    content.resize(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)));
    EXPECT_EQ(::pread(file, content.data(), content.size(), 0),
              static_cast<ssize_t>(content.size()));
    ::close(file);
    if (content.size() >= sizeof report) std::memcpy(&report, content.data(), sizeof report);
    content.erase(0, sizeof report);
  }

  remote::Result result;
  std::string trouble;
  BlobReport report{};
  std::string content;
};

// Containers often forbid it. "" where it is allowed.
inline std::string why_no_tracing() {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) rest();
  });
  return Attempt(target.pid()).trouble;
}

// Cases that need ptrace are skipped, by name, where it is forbidden.
class Remote : public ::testing::Test {
 protected:
  void SetUp() override {
    static const std::string kWhyNot = why_no_tracing();
    if (kWhyNot.find("may not be traced") != std::string::npos) GTEST_SKIP() << kWhyNot;
  }
};

}  // namespace hoop::testing
