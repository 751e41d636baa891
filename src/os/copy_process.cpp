// SPDX-License-Identifier: Apache-2.0
#include "os/copy_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace hoop::os {
namespace {

void close_descriptors(unsigned first, unsigned last) {
  if (first > last) return;
#ifdef SYS_close_range
  if (::syscall(SYS_close_range, first, last, 0u) == 0) return;
#endif
  constexpr rlim_t kMost = 1 << 16;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t count = limit.rlim_cur < kMost ? limit.rlim_cur : kMost;
  for (rlim_t i = first; i < count && i <= last; ++i) ::close(static_cast<int>(i));
}

// The copy has descriptors of its own: closing them here closes nothing of the program's, and a
// peer of one of its sockets is not kept waiting for an end that only we hold back.
void close_all_descriptors_but(int keep) {
  if (keep < 0) return close_descriptors(0, UINT_MAX);
  const auto kept = static_cast<unsigned>(keep);
  if (kept > 0) close_descriptors(0, kept - 1);
  close_descriptors(kept + 1, UINT_MAX);
}

void limit_to(int resource, rlim_t value) {
  const rlimit limit{value, value};
  ::syscall(SYS_prlimit64, 0, resource, &limit, nullptr);
}

void volunteer_to_die_first() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(file, "1000", 4);
  ::close(file);
}

// The one signal that may come in ends it.
void end_after(unsigned seconds) {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  ::alarm(seconds);
}

[[noreturn]] void run_copy(CopyBody body, void* context, unsigned most_seconds, int keep) {
  close_all_descriptors_but(keep);
  volunteer_to_die_first();
  limit_to(RLIMIT_CORE, 0);
  ::prctl(PR_SET_DUMPABLE, 0);  // after this, files of /proc/self are root's
  end_after(most_seconds);
  body(context);
  while (true) ::syscall(SYS_exit_group, 0);
}

// No flags: nothing is shared, and no signal at the end. The stack is copied with the rest.
pid_t clone_bare() {
  return static_cast<pid_t>(::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr));
}

}  // namespace

pid_t start_copy(CopyBody body, void* context, unsigned most_seconds, int keep) noexcept {
  const int saved = errno;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t copy = clone_bare();
  if (copy == 0) run_copy(body, context, most_seconds, keep);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = saved;
  return copy < 0 ? -error : copy;
}

CopyState poll_copy(pid_t copy) noexcept {
  const int saved = errno;
  int status = 0;
  pid_t found = 0;
  do found = ::waitpid(copy, &status, WNOHANG | __WCLONE);
  while (found < 0 && errno == EINTR);
  errno = saved;
  if (found == 0) return CopyState::kRuns;
  const bool ended = found == copy && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return ended ? CopyState::kEnded : CopyState::kCrashed;
}

void end_copy(pid_t copy) noexcept {
  const int saved = errno;
  ::kill(copy, SIGKILL);
  while (::waitpid(copy, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
  errno = saved;
}

bool is_orphan(pid_t parent) noexcept { return ::getppid() != parent; }

}  // namespace hoop::os
