// SPDX-License-Identifier: Apache-2.0
#include "os/report_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "base/text.h"

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

// The program's own limits may be too tight for a Python. False when they cannot be loosened
// enough.
bool loosen_limits() {
  constexpr rlim_t kFewestDescriptors = 16;
  rlimit descriptors{};
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE}) {
    if (::getrlimit(resource, &descriptors) != 0) continue;
    descriptors.rlim_cur = descriptors.rlim_max;
    ::setrlimit(resource, &descriptors);
  }
  return descriptors.rlim_cur >= kFewestDescriptors;
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

void run_report(const char* run_dir) noexcept {
  const char* const python = variable("HOOP_PYTHON");
  if (python == nullptr || !loosen_limits()) return;
  const char* const arguments[] = {python,   "-I",       "-m",    "hoopsnake",
                                   "report", "--finish", run_dir, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (::posix_spawn_file_actions_init(&actions) != 0) return;
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
    pid_t child = 0;
    const int error = ::posix_spawn(&child, python, &actions, &attributes,
                                    const_cast<char* const*>(arguments), plain_environment());
    if (error == 0) wait_for(child);
    ::posix_spawnattr_destroy(&attributes);
  }
  ::posix_spawn_file_actions_destroy(&actions);
}

}  // namespace hoop::os
