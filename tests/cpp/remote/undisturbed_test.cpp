// SPDX-License-Identifier: Apache-2.0
// That a process does not notice that it is copied.
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/units.h"
#include "cpp/remote/target.h"
#include "cpp/remote/test_blob.h"
#include "cpp/support/build.h"
#include "os/clock.h"
#include "remote/proc_files.h"
#include "remote/snapshot_unprepared.h"

namespace hoop::testing {
namespace {

using remote::Options;
using remote::Step;

// As many snapshots as fit into this time; none of them may fail.
int copy_for(pid_t pid, Nanoseconds time) {
  const Nanoseconds begin = os::monotonic_now();
  Options how;
  how.look_for_at_most = 5 * kMillisecond;
  int count = 0;
  for (; os::monotonic_now() - begin < time; ++count) {
    const Attempt attempt(pid, 0, 0, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_EQ(attempt.result.leftover, "");
    if (::testing::Test::HasFailure()) break;
  }
  return count;
}

// ---- system calls that wait

constexpr Nanoseconds kWait = 1500 * kMillisecond;
constexpr timespec kWaitSpec{1, 500'000'000};

struct Waiting {
  const char* name;
  std::function<long()> call;  // -1 with errno; what it returns when its time is over
  long at_the_end;
  int error_at_the_end;
  bool may_be_late;  // begins its time anew
};

std::vector<Waiting> calls_that_wait() {
  static std::array<int, 2> empty_pipe;
  static std::array<int, 2> sockets;
  static int nobody = 0;
  EXPECT_EQ(::pipe(empty_pipe.data()), 0);
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets.data()), 0);
  const timeval limit{1, 500'000};
  ::setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  static const int kEvents = ::epoll_create1(0);
  static const int kSemaphore = ::semget(IPC_PRIVATE, 1, 0600);
  return {
      {"nanosleep", [] { return ::nanosleep(&kWaitSpec, nullptr); }, 0, 0, false},
      {"clock_nanosleep",
       [] {
         timespec until{};
         ::clock_gettime(CLOCK_MONOTONIC, &until);
         until.tv_sec += 1;
         return ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == 0 ? 0 : -1;
       },
       0, 0, true},
      {"poll",
       [] {
         pollfd one{empty_pipe[0], POLLIN, 0};
         return ::poll(&one, 1, 1500);
       },
       0, 0, false},
      {"ppoll",
       [] {
         pollfd one{empty_pipe[0], POLLIN, 0};
         sigset_t mask;
         ::sigfillset(&mask);
         return ::ppoll(&one, 1, &kWaitSpec, &mask);
       },
       0, 0, false},
      {"select",
       [] {
         timeval time{1, 500'000};
         fd_set set;
         FD_ZERO(&set);
         FD_SET(empty_pipe[0], &set);
         return ::select(empty_pipe[0] + 1, &set, nullptr, nullptr, &time);
       },
       0, 0, false},
      {"futex", [] { return ::syscall(SYS_futex, &nobody, FUTEX_WAIT_PRIVATE, 0, &kWaitSpec); }, -1,
       ETIMEDOUT, false},
      {"epoll_wait",
       [] {
         epoll_event event{};
         return ::epoll_wait(kEvents, &event, 1, 1500);
       },
       0, 0, true},
      {"recv with a time limit",
       [] {
         char byte = 0;
         return ::recv(sockets[0], &byte, 1, 0);
       },
       -1, EAGAIN, true},
      {"sigtimedwait",
       [] {
         sigset_t set;
         ::sigemptyset(&set);
         ::sigaddset(&set, SIGUSR2);
         return ::sigtimedwait(&set, nullptr, &kWaitSpec);
       },
       -1, EAGAIN, true},
      {"semtimedop",
       [] {
         sembuf down{0, -1, 0};
         return ::semtimedop(kSemaphore, &down, 1, &kWaitSpec);
       },
       -1, EAGAIN, true},
  };
}

TEST_F(Remote, CallsThatWaitEndAsTheyWouldHave) {
  Target target([](SharedNumbers& numbers) {
    std::vector<std::thread> threads;
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGUSR2);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    for (const Waiting& one : calls_that_wait())
      threads.emplace_back([&numbers, one] {
        const Nanoseconds begin = os::monotonic_now();
        errno = 0;
        const long result = one.call();
        const int error = errno;
        const Nanoseconds took = os::monotonic_now() - begin;
        const bool is_early = took < kWait - 600 * kMillisecond;
        const bool is_late = !one.may_be_late && took > kWait + 1500 * kMillisecond;
        if (result != one.at_the_end || error != one.error_at_the_end || is_early || is_late) {
          ++numbers.errors;
          std::fprintf(stderr, "%s returned %ld, %s, after %lu us\n", one.name, result,
                       std::strerror(error), static_cast<unsigned long>(took / kMicrosecond));
        }
        ++numbers.done;
      });
    numbers.is_ready = true;
    for (std::thread& one : threads) one.join();
    numbers.beats = 1;
  });
  rest(100 * kMillisecond);  // all of them wait
  EXPECT_GT(copy_for(target.pid(), kSecond), 0);
  EXPECT_TRUE(comes_true([&] { return target.numbers->beats == 1; }));
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, CallsThatWaitForeverGoOnWaiting) {
  static std::array<int, 2> data;
  ASSERT_EQ(::pipe(data.data()), 0);
  Target target([](SharedNumbers& numbers) {
    std::vector<std::thread> threads;
    static const int kEvents = ::epoll_create1(0);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    ::epoll_ctl(kEvents, EPOLL_CTL_ADD, data[0], &wanted);
    threads.emplace_back([&numbers] {
      epoll_event event{};
      numbers.errors += ::epoll_wait(kEvents, &event, 1, -1) == 1 ? 0 : 1;
      char byte = 0;
      numbers.errors += ::read(data[0], &byte, 1) == 1 ? 0 : 1;
      numbers.errors += ::read(data[0], &byte, 1) == 1 ? 0 : 1;
      numbers.done = 1;
    });
    numbers.is_ready = true;
    threads[0].join();
  });
  rest(50 * kMillisecond);
  copy_for(target.pid(), 300 * kMillisecond);
  EXPECT_EQ(::write(data[1], "a", 1), 1);
  rest(50 * kMillisecond);
  copy_for(target.pid(), 300 * kMillisecond);
  EXPECT_EQ(target.numbers->done, 0U);
  EXPECT_EQ(::write(data[1], "b", 1), 1);
  EXPECT_EQ(target.end(), 0);
  ::close(data[0]);
  ::close(data[1]);
}

TEST_F(Remote, HandlerStillInterruptsAWaitThatItWouldHave) {
  Target target([](SharedNumbers& numbers) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGUSR1, &action, nullptr);
    static const int kEvents = ::epoll_create1(0);
    numbers.is_ready = true;
    epoll_event event{};
    const int result = ::epoll_wait(kEvents, &event, 1, -1);
    numbers.errors = result == -1 && errno == EINTR ? 0 : 1;
  });
  rest(50 * kMillisecond);
  copy_for(target.pid(), 200 * kMillisecond);
  ::kill(target.pid(), SIGUSR1);
  EXPECT_EQ(target.end(), 0);
}

// ---- registers and memory

#if defined(__x86_64__)
// Fills the registers, the red zone and a vector register with what it knows, and looks whether it
// is all still there, for so many rounds. 0: it is.
extern "C" std::uint64_t hoop_watch_registers(std::uint64_t rounds);
asm(R"(
  .text
  .type hoop_watch_registers, @function
hoop_watch_registers:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rdi, %rcx
  mov $0x1111, %rbx
  mov $0x2222, %rdx
  mov $0x3333, %rsi
  mov $0x4444, %rdi
  mov $0x5555, %r8
  mov $0x6666, %r9
  mov $0x7777, %r10
  mov $0x8888, %r11
  mov $0x9999, %r12
  mov $0xaaaa, %r13
  mov $0xbbbb, %r14
  mov $0xcccc, %rbp
  mov $0xdddd, %rax
  movq %rax, %xmm7
  movq %rax, -8(%rsp)
  movq %rax, -120(%rsp)
1:
  cmp $0x1111, %rbx
  jne 2f
  cmp $0x2222, %rdx
  jne 2f
  cmp $0x3333, %rsi
  jne 2f
  cmp $0x4444, %rdi
  jne 2f
  cmp $0x5555, %r8
  jne 2f
  cmp $0x6666, %r9
  jne 2f
  cmp $0x7777, %r10
  jne 2f
  cmp $0x8888, %r11
  jne 2f
  cmp $0x9999, %r12
  jne 2f
  cmp $0xaaaa, %r13
  jne 2f
  cmp $0xbbbb, %r14
  jne 2f
  cmp $0xcccc, %rbp
  jne 2f
  cmp $0xdddd, %rax
  jne 2f
  movq %xmm7, %r15
  cmp %r15, %rax
  jne 2f
  cmp -8(%rsp), %rax
  jne 2f
  cmp -120(%rsp), %rax
  jne 2f
  dec %rcx
  jnz 1b
  xor %eax, %eax
  jmp 3f
2:
  mov $1, %eax
3:
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
  .size hoop_watch_registers, . - hoop_watch_registers
)");

TEST_F(Remote, RegistersAndStackStayAsTheyWere) {
  // One thread only: it is the one that is sent elsewhere.
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) {
      numbers.errors += hoop_watch_registers(1 << 16);
      ++numbers.beats;
    }
  });
  EXPECT_GT(copy_for(target.pid(), 2 * kSecond), 0);
  EXPECT_TRUE(target.beats_on());
  EXPECT_EQ(target.end(), 0);
}
#endif

// ---- signals and children

std::atomic<std::uint64_t>* counter = nullptr;

void count(int) { ++*counter; }

void handle(int signal, std::atomic<std::uint64_t>& in) {
  counter = &in;
  struct sigaction action {};
  action.sa_handler = count;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

TEST_F(Remote, EverySignalArrivesOnce) {
  // Without any copying too.
  if (kSanitized) GTEST_SKIP() << "ThreadSanitizer makes one of several signals";
  Target target([](SharedNumbers& numbers) {
    handle(SIGRTMIN, numbers.signals);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        while (!numbers.may_end) rest();
      });
    numbers.is_ready = true;
    while (!numbers.may_end) {
      ++numbers.beats;
      rest(50 * kMicrosecond);
    }
    for (std::thread& one : threads) one.join();
  });
  std::atomic<bool> enough{false};
  std::uint64_t sent = 0;
  std::thread storm([&] {
    while (!enough) {
      const sigval value{};
      if (::sigqueue(target.pid(), SIGRTMIN, value) == 0) ++sent;
      if (sent % 8 == 0) rest(100 * kMicrosecond);
    }
  });
  EXPECT_GT(copy_for(target.pid(), 2 * kSecond), 0);
  enough = true;
  storm.join();
  EXPECT_TRUE(comes_true([&] { return target.numbers->signals == sent; }))
      << target.numbers->signals << " of " << sent;
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, CopyIsNoChildThatTheProcessSees) {
  Target target([](SharedNumbers& numbers) {
    handle(SIGCHLD, numbers.signals);
    numbers.is_ready = true;
    while (!numbers.may_end) {
      if (::waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD) ++numbers.errors;
      ++numbers.beats;
      if (numbers.beats % 64 == 0) rest();
    }
  });
  EXPECT_GT(copy_for(target.pid(), kSecond), 0);
  EXPECT_EQ(target.numbers->signals, 0U);
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, StormOfForksGoesOn) {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        while (!numbers.may_end) {
          const pid_t child = ::fork();
          if (child == 0) ::_exit(42);
          int status = 0;
          if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
              WEXITSTATUS(status) != 42)
            ++numbers.errors;
          ++numbers.children;
          std::thread([&] { ++numbers.done; }).join();
        }
      });
    for (std::thread& one : threads) one.join();
  });
  EXPECT_GT(copy_for(target.pid(), 2 * kSecond), 0);
  const std::uint64_t before = target.numbers->children;
  EXPECT_TRUE(comes_true([&] { return target.numbers->children > before + 10; }));
  EXPECT_FALSE(is_traced(target.pid()));
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, StoppedProcessStaysStopped) {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) {
      ++numbers.beats;
      rest();
    }
  });
  ::kill(target.pid(), SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(target.pid(), &status, WUNTRACED), target.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  for (int i = 0; i < 5; ++i) {
    const Attempt attempt(target.pid());
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_EQ(attempt.result.leftover, "");
    EXPECT_TRUE(
        comes_true([&] { return remote::thread_state(target.pid(), target.pid()) == 'T'; }));
  }
  EXPECT_EQ(::waitpid(target.pid(), &status, WUNTRACED | WNOHANG), 0) << "told to be stopped anew";
  const std::uint64_t before = target.numbers->beats;
  rest(20 * kMillisecond);
  EXPECT_EQ(target.numbers->beats, before);
  ::kill(target.pid(), SIGCONT);
  EXPECT_TRUE(target.beats_on());
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, StopsAndGoesMeanwhile) {
  Target target([](SharedNumbers& numbers) {
    std::thread other([&] {
      while (!numbers.may_end) ++numbers.done;
    });
    numbers.is_ready = true;
    while (!numbers.may_end) {
      ++numbers.beats;
      rest(100 * kMicrosecond);
    }
    other.join();
  });
  std::atomic<bool> enough{false};
  std::thread storm([&] {
    while (!enough) {
      ::kill(target.pid(), SIGSTOP);
      rest(3 * kMillisecond);
      ::kill(target.pid(), SIGCONT);
      rest(3 * kMillisecond);
    }
  });
  EXPECT_GT(copy_for(target.pid(), 2 * kSecond), 0);
  enough = true;
  storm.join();
  EXPECT_TRUE(target.beats_on());
  EXPECT_EQ(target.end(), 0);
}

// ---- threads that come and go

TEST_F(Remote, TwoHundredThreads) {
  Target target([](SharedNumbers& numbers) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 200; ++i)
      threads.emplace_back([&] {
        while (!numbers.may_end) {
          rest(20 * kMillisecond);
          ++numbers.beats;
        }
      });
    numbers.is_ready = true;
    for (std::thread& one : threads) one.join();
  });
  for (int i = 0; i < 5; ++i) {
    const Attempt attempt(target.pid());
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_EQ(attempt.result.instant.threads, 200 + least_threads());
    RecordProperty("stop_us", static_cast<int>(attempt.result.stop_time / kMicrosecond));
  }
  EXPECT_TRUE(target.beats_on());
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, ThreadThatExecsMeanwhile) {
  for (int round = 0; round < 30; ++round) {
    Target target([round](SharedNumbers& numbers) {
      numbers.is_ready = true;
      std::vector<std::thread> threads;
      for (int i = 0; i < 5; ++i)
        threads.emplace_back([&, i] {
          while (i != 3) rest(i * 200 * kMicrosecond);
          rest(static_cast<Nanoseconds>(round % 10) * 300 * kMicrosecond);
          ::execl("/bin/sleep", "sleep", "30", nullptr);
          ++numbers.errors;
        });
      for (std::thread& one : threads) one.join();
    });
    Options how;
    how.look_for_at_most = kMillisecond * (round % 3);
    const Attempt attempt(target.pid(), 0, 0, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.result.leftover, "");
    EXPECT_TRUE(comes_true([&] {
      return remote::read_text(remote::proc_path(target.pid(), "comm")) == "sleep\n";
    })) << attempt.trouble;
    EXPECT_TRUE(
        comes_true([&] { return remote::thread_state(target.pid(), target.pid()) == 'S'; }));
    EXPECT_FALSE(is_traced(target.pid()));
    EXPECT_TRUE(comes_true([&] { return children_of(target.pid()).empty(); }));
    EXPECT_EQ(target.numbers->errors, 0U);
  }
}

TEST_F(Remote, ProcessThatExecsWhileItsCopyLives) {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) rest();
    ::execl("/bin/sleep", "sleep", "30", nullptr);
  });
  Options how;
  how.on_step = [&](Step step) {
    if (step != Step::kStarted) return;
    target.numbers->may_end = true;
    EXPECT_TRUE(comes_true(
        [&] { return remote::read_text(remote::proc_path(target.pid(), "comm")) == "sleep\n"; }));
  };
  const Attempt attempt(target.pid(), 0, 0, BlobDeed::kWrite, how);
  EXPECT_EQ(attempt.trouble, "");
  EXPECT_EQ(attempt.result.leftover, "");
  EXPECT_EQ(children_of(target.pid()), "");
  EXPECT_TRUE(comes_true([&] { return remote::thread_state(target.pid(), target.pid()) == 'S'; }));
}

TEST_F(Remote, ThreadThatWaitsForItsVfork) {
  Target target([](SharedNumbers& numbers) {
    std::thread other([&] {
      while (!numbers.may_end) {
        const pid_t child = ::vfork();
        if (child == 0) {
          rest(30 * kMillisecond);
          ::_exit(0);
        }
        numbers.errors += ::waitpid(child, nullptr, 0) == child ? 0 : 1;
        ++numbers.children;
        rest();
      }
    });
    numbers.is_ready = true;
    while (!numbers.may_end) {
      ++numbers.beats;
      rest();
    }
    other.join();
  });
  EXPECT_GT(copy_for(target.pid(), kSecond), 0);
  EXPECT_TRUE(target.beats_on());
  EXPECT_FALSE(is_traced(target.pid()));
  EXPECT_EQ(target.end(), 0);
}

}  // namespace
}  // namespace hoop::testing
