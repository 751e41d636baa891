// SPDX-License-Identifier: Apache-2.0
#include "os/report_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "base/text.h"
#include "os/interval_timers.h"

extern char** environ;

namespace hoop::os {
namespace {

constexpr int kMaxVariables = 4096;

bool is_ours(const char* entry) {
  return std::strncmp(entry, "LD_PRELOAD=", 11) == 0 || std::strncmp(entry, "HOOP_", 5) == 0;
}

// The environment without what brought us here.
char** plain_environment() {
  static char* kept[kMaxVariables + 1];
  int count = 0;
  for (char** entry = environ; *entry != nullptr && count < kMaxVariables; ++entry) {
    if (!is_ours(*entry)) kept[count++] = *entry;
  }
  kept[count] = nullptr;
  return kept;
}

// The report must not inherit blocked or ignored signals: Ctrl-C has to end it.
void use_default_signals(posix_spawnattr_t* attributes) {
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(attributes, &none);
  ::posix_spawnattr_setsigdefault(attributes, &all);
  ::posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

// The program's own limits may be too tight for a Python: they are loosened while the report is
// started, which inherits them. By the system call itself: the shim need not hear of it.
class LooseLimits {
 public:
  LooseLimits() noexcept {
    for (int i = 0; i < kCount; ++i) {
      if (exchange(kResources[i], nullptr, &before_[i]) != 0) continue;
      const rlimit loose{before_[i].rlim_max, before_[i].rlim_max};
      is_changed_[i] = exchange(kResources[i], &loose, nullptr) == 0;
    }
  }
  ~LooseLimits() {
    for (int i = 0; i < kCount; ++i) {
      if (is_changed_[i]) exchange(kResources[i], &before_[i], nullptr);
    }
  }
  LooseLimits(const LooseLimits&) = delete;
  LooseLimits& operator=(const LooseLimits&) = delete;

 private:
  static constexpr int kResources[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE};
  static constexpr int kCount = std::size(kResources);

  static long exchange(int resource, const rlimit* limit, rlimit* old_limit) {
    return ::syscall(SYS_prlimit64, 0, resource, limit, old_limit);
  }

  rlimit before_[kCount] = {};
  bool is_changed_[kCount] = {};
};

bool has_descriptors_enough() {
  constexpr rlim_t kFewest = 16;
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= kFewest;
}

void wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

const char* variable(const char* name) noexcept {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == 0 ? nullptr : value;
}

bool is_disabled() noexcept {
  const char* const value = variable("HOOP_DISABLE");
  return value != nullptr && std::strcmp(value, "0") != 0;
}

bool is_root_process() noexcept {
  const char* text = variable("HOOP_ROOT_PID");
  return text != nullptr && parse_decimal(text) == static_cast<std::uint64_t>(::getpid());
}

namespace {

// The report's process, or 0.
pid_t start_report(const char* python, const char* run_dir) {
  const char* const arguments[] = {python,   "-I",       "-m",    "hoopsnake",
                                   "report", "--finish", run_dir, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (::posix_spawn_file_actions_init(&actions) != 0) return 0;
  pid_t child = 0;
  if (::posix_spawnattr_init(&attributes) == 0) {
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (::fcntl(2, F_GETFD) >= 0) {
      ::posix_spawn_file_actions_adddup2(&actions, 2, 1);
    } else {
      // The program closed it; a file may have been asked for all the same.
      ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
      ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    }
    use_default_signals(&attributes);
    const LooseLimits loose;
    const int error = ::posix_spawn(&child, python, &actions, &attributes,
                                    const_cast<char* const*>(arguments), plain_environment());
    if (error != 0) child = 0;
    ::posix_spawnattr_destroy(&attributes);
  }
  ::posix_spawn_file_actions_destroy(&actions);
  return child;
}

}  // namespace

void run_report(const char* run_dir) noexcept {
  const char* const python = variable("HOOP_PYTHON");
  if (python == nullptr || !has_descriptors_enough()) return;
  const IntervalTimersStopped stopped;
  if (const pid_t child = start_report(python, run_dir)) wait_for(child);
}

}  // namespace hoop::os
