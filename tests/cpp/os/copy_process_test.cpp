// SPDX-License-Identifier: Apache-2.0
#include "os/copy_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <new>
#include <string>
#include <thread>

#include "base/units.h"
#include "cpp/support/child.h"
#include "cpp/support/scratch_directory.h"
#include "cpp/support/seccomp.h"
#include "os/clock.h"
#include "os/pages.h"

namespace hoop::os {
namespace {

constexpr unsigned kLongLife = 60;  // seconds; longer than any test
constexpr std::size_t kMostCopies = 24;

void rest() {
  const timespec millisecond{0, 1'000'000};
  ::nanosleep(&millisecond, nullptr);
}

// True once the condition holds; false when it did not for half a minute.
template <class F>
bool comes_true(F&& condition) {
  const Nanoseconds begin = monotonic_now();
  while (!condition()) {
    if (monotonic_now() - begin > 30 * kSecond) return false;
    rest();
  }
  return true;
}

// What a process and its copies share.
struct Board {
  std::atomic<bool> is_started{false};
  std::atomic<bool> may_end{false};
  std::atomic<unsigned> beats{0};
  std::atomic<int> found{0};
  std::array<std::atomic<int>, kMostCopies> answers{};
};

// Private memory that copies read.
std::atomic<int> number{0};
std::atomic<int> signals_handled{0};

Board& on(void* context) { return *static_cast<Board*>(context); }

void live_until_told(void* context) noexcept {
  Board& board = on(context);
  board.is_started = true;
  while (!board.may_end) {
    ++board.beats;
    rest();
  }
}

CopyState state_at_end(pid_t copy) {
  CopyState state = CopyState::kRuns;
  EXPECT_TRUE(comes_true([&] { return (state = poll_copy(copy)) != CopyState::kRuns; }));
  return state;
}

// How the copy ended, as the system says; takes its remains away.
int wait_status(pid_t copy) {
  int status = -1;
  EXPECT_TRUE(comes_true([&] { return ::waitpid(copy, &status, WNOHANG | __WCLONE) == copy; }));
  return status;
}

bool is_gone(pid_t copy) {
  return ::kill(copy, 0) == -1 && errno == ESRCH &&
         ::waitpid(copy, nullptr, WNOHANG | __WCLONE) == -1 && errno == ECHILD;
}

void count_signal(int) { ++signals_handled; }

void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = count_signal;
  ASSERT_EQ(::sigaction(signal, &action, nullptr), 0);
}

class CopyProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    void* const pages = map_shared(kPageBytes);
    ASSERT_NE(pages, nullptr);
    board_ = new (pages) Board;
    signals_handled = 0;
  }
  void TearDown() override { unmap(board_, kPageBytes); }

  pid_t start(CopyBody body, unsigned most_seconds = kLongLife) {
    return start_copy(body, board_, most_seconds);
  }
  // One that runs now, and goes on until it is told.
  pid_t start_living() {
    const pid_t copy = start(live_until_told);
    EXPECT_GT(copy, 0);
    EXPECT_TRUE(comes_true([&] { return board_->is_started.load(); }));
    return copy;
  }
  bool beats_on() {
    const unsigned before = board_->beats;
    return comes_true([&] { return board_->beats > before + 2; });
  }

  Board* board_ = nullptr;
};

TEST_F(CopyProcess, SeesMemoryAsItWasAndNotWhatIsWrittenLater) {
  number = 1;
  const pid_t copy = start([](void* context) noexcept {
    while (!on(context).may_end) rest();
    on(context).found = number.load();
  });
  ASSERT_GT(copy, 0);
  number = 2;
  board_->may_end = true;
  EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
  EXPECT_EQ(board_->found, 1);
}

TEST_F(CopyProcess, ChangesSharedMemoryOnly) {
  number = 1;
  const pid_t copy = start([](void* context) noexcept {
    number = 5;
    on(context).found = number.load();
  });
  ASSERT_GT(copy, 0);
  EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
  EXPECT_EQ(board_->found, 5);
  EXPECT_EQ(number, 1);
}

TEST_F(CopyProcess, RunsUntilItsBodyReturns) {
  const pid_t copy = start_living();
  EXPECT_TRUE(beats_on());
  EXPECT_EQ(poll_copy(copy), CopyState::kRuns);
  board_->may_end = true;
  EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
}

TEST_F(CopyProcess, HasCrashedWhenItEndedInAnyOtherWay) {
  const pid_t trapped = start([](void*) noexcept { __builtin_trap(); });
  const pid_t exited = start([](void*) noexcept { ::syscall(SYS_exit_group, 3); });
  EXPECT_EQ(state_at_end(trapped), CopyState::kCrashed);
  EXPECT_EQ(state_at_end(exited), CopyState::kCrashed);
}

TEST_F(CopyProcess, OfAnotherProcessHasCrashedForAllThatIsKnown) {
  EXPECT_EQ(poll_copy(::getpid()), CopyState::kCrashed);
}

TEST_F(CopyProcess, LeavesNothingBehindAfterItsEndWasSeen) {
  const pid_t copy = start([](void*) noexcept {});
  EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
  EXPECT_TRUE(is_gone(copy));
}

TEST_F(CopyProcess, CanBeEndedAtAnyTimeAndLeavesNothingBehind) {
  const pid_t fresh = start(live_until_told);
  end_copy(fresh);
  EXPECT_TRUE(is_gone(fresh));
  board_->is_started = false;
  const pid_t running = start_living();
  end_copy(running);
  EXPECT_TRUE(is_gone(running));
  const pid_t ended = start([](void* context) noexcept { on(context).found = 1; });
  EXPECT_TRUE(comes_true([&] { return board_->found == 1; }));
  end_copy(ended);
  EXPECT_TRUE(is_gone(ended));
}

TEST_F(CopyProcess, IsNoChildThatTheProgramWaitsFor) {
  EXPECT_TRUE(testing::passes_in_child([&] {
    handle(SIGCHLD);
    const pid_t copy = start_living();
    const auto expect_no_child = [] {
      EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
      EXPECT_EQ(errno, ECHILD);
    };
    expect_no_child();
    board_->may_end = true;
    // Looks without taking anything away.
    siginfo_t facts{};
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(copy), &facts, WEXITED | WNOWAIT | __WCLONE), 0);
    expect_no_child();
    EXPECT_EQ(poll_copy(copy), CopyState::kEnded);
    expect_no_child();
    EXPECT_EQ(signals_handled, 0) << "SIGCHLD came";
  }));
}

TEST_F(CopyProcess, IsSeenToEndWhereTheProgramIgnoresItsChildren) {
  EXPECT_TRUE(testing::passes_in_child([&] {
    ::signal(SIGCHLD, SIG_IGN);
    const pid_t copy = start([](void*) noexcept {});
    EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
  }));
}

TEST_F(CopyProcess, HoldsNoEndOfAPipeOpen) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t copy = start_living();
  ::close(ends[1]);
  pollfd waiting{ends[0], POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 30'000), 1) << "somebody may still write";
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  EXPECT_EQ(poll_copy(copy), CopyState::kRuns);
  ::close(ends[0]);
  end_copy(copy);
}

TEST_F(CopyProcess, HasNoDescriptorAndLeavesThoseOfTheProcess) {
  const int open_one = ::dup2(0, 777);
  ASSERT_EQ(open_one, 777);
  const pid_t copy = start([](void* context) noexcept {
    for (int i = 0; i < 1024; ++i) on(context).found += ::fcntl(i, F_GETFD) == -1 ? 0 : 1;
  });
  EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
  EXPECT_EQ(board_->found, 0);
  EXPECT_EQ(::close(open_one), 0);
}

TEST_F(CopyProcess, TakesNoNoticeOfSignals) {
  for (const int signal : {SIGTERM, SIGUSR1, SIGINT}) {
    // Handlers are copied: none of them may run in the copy either.
    handle(signal);
  }
  const pid_t copy = start_living();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE, SIGQUIT})
    EXPECT_EQ(::kill(copy, signal), 0);
  EXPECT_TRUE(beats_on());
  EXPECT_EQ(poll_copy(copy), CopyState::kRuns);
  for (const int signal : {SIGTERM, SIGUSR1, SIGINT}) ::signal(signal, SIG_DFL);
  ::kill(copy, SIGKILL);
  EXPECT_EQ(state_at_end(copy), CopyState::kCrashed);
}

TEST_F(CopyProcess, EndsByItselfWhenItsTimeIsOver) {
  handle(SIGALRM);
  sigset_t alarm;
  ::sigemptyset(&alarm);
  ::sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
  const Nanoseconds begin = monotonic_now();
  const pid_t copy = start(
      [](void*) noexcept {
        while (true) rest();
      },
      1);
  const int status = wait_status(copy);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) << status;
  EXPECT_GE(monotonic_now() - begin, 900 * kMillisecond);
  ::signal(SIGALRM, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
}

TEST_F(CopyProcess, FaultsWithoutAHandlerAndWithoutACore) {
  static void* forbidden = nullptr;
  forbidden = reserve(kPageBytes, kPageBytes);
  ASSERT_NE(forbidden, nullptr);
  EXPECT_TRUE(testing::passes_in_child([&] {
    struct sigaction action {};
    action.sa_sigaction = [](int, siginfo_t*, void*) {
      ::syscall(SYS_exit_group, 0);  // would pass for an orderly end
    };
    action.sa_flags = SA_SIGINFO;
    ASSERT_EQ(::sigaction(SIGSEGV, &action, nullptr), 0);
    rlimit cores{};
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &cores), 0);
    cores.rlim_cur = cores.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_CORE, &cores), 0);
    const pid_t copy = start([](void*) noexcept { *static_cast<volatile char*>(forbidden) = 1; });
    const int status = wait_status(copy);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) << status;
    EXPECT_FALSE(WCOREDUMP(status));
  }));
  unmap(forbidden, kPageBytes);
}

TEST_F(CopyProcess, DiesFirstWhenMemoryIsShort) {
  const pid_t copy = start_living();
  const std::string folder = "/proc/" + std::to_string(copy);
  EXPECT_EQ(testing::content_of(folder + "/oom_score_adj"), "1000\n");
  EXPECT_NE(testing::content_of("/proc/self/oom_score_adj"), "1000\n");
  end_copy(copy);
}

TEST_F(CopyProcess, ChangesNothingInTheProcess) {
  EXPECT_TRUE(testing::passes_in_child([&] {
    ::alarm(50);
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGUSR2);
    ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &before), 0);
    const int dumpable = ::prctl(PR_GET_DUMPABLE);
    errno = 77;
    const pid_t copy = start(live_until_told);
    EXPECT_EQ(poll_copy(copy), CopyState::kRuns);
    EXPECT_EQ(errno, 77);
    end_copy(copy);
    poll_copy(copy);  // fails inside
    EXPECT_EQ(errno, 77);
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int signal = 1; signal < 32; ++signal)
      EXPECT_EQ(::sigismember(&after, signal), signal == SIGUSR2 ? 1 : 0) << signal;
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    EXPECT_EQ(limit.rlim_cur, before.rlim_cur);
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), dumpable);
    EXPECT_GE(::alarm(0), 40U);
  }));
}

TEST_F(CopyProcess, OutlivesTheThreadThatStartedIt) {
  pid_t copy = 0;
  std::thread([&] { copy = start_living(); }).join();
  EXPECT_TRUE(beats_on());
  EXPECT_EQ(poll_copy(copy), CopyState::kRuns);
  board_->may_end = true;
  EXPECT_EQ(state_at_end(copy), CopyState::kEnded);
}

TEST_F(CopyProcess, CanBeOneOfMany) {
  // Each sees the number of its own instant.
  std::array<pid_t, kMostCopies> copies{};
  for (std::size_t i = 0; i < kMostCopies; ++i) {
    number = static_cast<int>(i);
    copies[i] = start([](void* context) noexcept {
      while (!on(context).may_end) rest();
      on(context).answers[static_cast<std::size_t>(number.load())] = number + 1;
    });
    ASSERT_GT(copies[i], 0);
  }
  for (std::size_t i = 0; i < kMostCopies; i += 3) end_copy(copies[i]);
  board_->may_end = true;
  for (std::size_t i = kMostCopies; i-- > 0;) {
    if (i % 3 != 0) {
      EXPECT_EQ(state_at_end(copies[i]), CopyState::kEnded);
    }
    EXPECT_EQ(board_->answers[i], i % 3 != 0 ? static_cast<int>(i) + 1 : 0);
  }
}

TEST_F(CopyProcess, IsAnOrphanOnceItsProcessIsGone) {
  EXPECT_TRUE(testing::passes_in_child([&] {
    number = ::getpid();
    const pid_t copy = start([](void* context) noexcept {
      on(context).answers[0] = is_orphan(number) ? 1 : 2;
      on(context).is_started = true;
      while (!is_orphan(number)) rest();
      on(context).found = 1;
    });
    EXPECT_GT(copy, 0);
    EXPECT_TRUE(comes_true([&] { return board_->is_started.load(); }));
  }));
  EXPECT_EQ(board_->answers[0], 2);
  EXPECT_TRUE(comes_true([&] { return board_->found == 1; }));
}

TEST_F(CopyProcess, IsRefusedWhereTheUserMayHaveNoMoreProcesses) {
  EXPECT_TRUE(testing::passes_in_child([&] {
    constexpr uid_t kNobody = 65534;
    // Limits do not hold for root.
    if (::geteuid() == 0) {
      ASSERT_EQ(::setuid(kNobody), 0);
    }
    const rlimit none{0, 0};
    ASSERT_EQ(::setrlimit(RLIMIT_NPROC, &none), 0);
    EXPECT_EQ(start([](void*) noexcept {}), -EAGAIN);
  }));
}

TEST_F(CopyProcess, IsRefusedWhereTheSystemCallIs) {
  EXPECT_TRUE(testing::passes_in_child([&] {
    if (!testing::refuse_system_call(SYS_clone, EPERM)) return;
    errno = 77;
    EXPECT_EQ(start([](void*) noexcept {}), -EPERM);
    EXPECT_EQ(errno, 77);
  }));
}

}  // namespace
}  // namespace hoop::os
