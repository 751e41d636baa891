// SPDX-License-Identifier: Apache-2.0
// What cannot be copied, and what is said then.
#include "remote/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "cpp/remote/target.h"
#include "cpp/remote/test_blob.h"
#include "cpp/support/child.h"
#include "remote/proc_files.h"
#include "remote/seccomp_filter.h"

namespace hoop::testing {
namespace {

using remote::look_at_process;
using remote::ProcessFacts;

void live(SharedNumbers& numbers) {
  numbers.is_ready = true;
  while (!numbers.may_end) {
    ++numbers.beats;
    rest();
  }
}

std::string trouble_with(pid_t pid) {
  ProcessFacts facts;
  return look_at_process(pid, facts).line();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The system call does this from now on, in this process.
bool filter_call(long number, std::uint32_t action) {
  sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof instructions / sizeof instructions[0], instructions};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(Remote, FactsOfAnOrdinaryProcess) {
  Target target(live);
  ProcessFacts facts;
  EXPECT_EQ(look_at_process(target.pid(), facts).line(), "");
  EXPECT_EQ(facts.pid, target.pid());
  EXPECT_EQ(facts.pid_inside, target.pid());
  EXPECT_EQ(facts.executable, remote::read_link("/proc/self/exe"));
  EXPECT_FALSE(facts.has_other_pid_namespace);
  EXPECT_FALSE(facts.has_other_mount_namespace);
  EXPECT_EQ(facts.threads, least_threads());
}

TEST(RemoteProcess, ThatIsNotThere) {
  EXPECT_TRUE(contains(trouble_with(0x3FFFFFFF), "there is no process 1073741823"));
  EXPECT_TRUE(contains(trouble_with(-1), "there is no process"));
  EXPECT_TRUE(contains(trouble_with(::getpid()), "hoop does not copy itself"));
}

TEST(RemoteProcess, ThatHasEnded) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t facts{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(child), &facts, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(contains(trouble_with(child), "(a zombie)")) << trouble_with(child);
  ::waitpid(child, nullptr, 0);
}

TEST(RemoteProcess, OfTheKernel) {
  if (remote::field_of(remote::read_text("/proc/2/status"), "Name") != "kthreadd")
    GTEST_SKIP() << "no thread of the kernel is to be seen";
  EXPECT_TRUE(contains(trouble_with(2), "is a thread of the kernel")) << trouble_with(2);
}

TEST(RemoteProcess, OfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to be root first";
  Target target(live);
  EXPECT_TRUE(passes_in_child([&] {
    ASSERT_EQ(::setuid(65534), 0);
    const std::string line = trouble_with(target.pid());
    EXPECT_TRUE(contains(line, "belongs to another user (uid 0)")) << line;
    EXPECT_TRUE(contains(Attempt(target.pid()).trouble, "belongs to another user"));
  }));
  EXPECT_TRUE(target.beats_on());
}

TEST(RemoteProcess, ThatIsNotDumpable) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to be root first";
  Target target([](SharedNumbers& numbers) {
    if (::setuid(65534) != 0) numbers.errors = 1;
    ::prctl(PR_SET_DUMPABLE, 0);
    live(numbers);
  });
  EXPECT_TRUE(passes_in_child([&] {
    ASSERT_EQ(::setuid(65534), 0);
    const std::string line = trouble_with(target.pid());
    EXPECT_TRUE(contains(line, "may not be traced")) << line;
    EXPECT_TRUE(contains(line, "CAP_SYS_PTRACE")) << line;
  }));
}

TEST_F(Remote, OrdinaryUserCopiesWhatIsItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to be root first";
  Target target([](SharedNumbers& numbers) {
    if (::setuid(65534) != 0) numbers.errors = 1;
    ::prctl(PR_SET_DUMPABLE, 1);  // as after an exec
    live(numbers);
  });
  EXPECT_TRUE(passes_in_child([&] {
    test_blob();  // may lie where only root can read
    ASSERT_EQ(::setuid(65534), 0);
    ::prctl(PR_SET_DUMPABLE, 1);
    const Attempt attempt(target.pid());
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_EQ(attempt.result.leftover, "");
    EXPECT_EQ(attempt.report.first, 'c');
  }));
  EXPECT_TRUE(target.beats_on());
}

TEST_F(Remote, ProcessThatIsTracedAlready) {
  Target target(live);
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, target.pid(), nullptr, nullptr), 0);
  const std::string line = Attempt(target.pid()).trouble;
  EXPECT_TRUE(contains(line, "is traced already, by process")) << line;
  EXPECT_TRUE(target.beats_on());
}

TEST_F(Remote, ProcessWhoseFilterForbidsIt) {
  for (const std::uint32_t action : {SECCOMP_RET_ERRNO | EPERM, std::uint32_t{SECCOMP_RET_TRAP},
                                     std::uint32_t{SECCOMP_RET_KILL_PROCESS}})
    for (const long number : {SYS_clone, SYS_wait4}) {
      Target target([&](SharedNumbers& numbers) {
        ::signal(SIGSYS, [](int) { ::_exit(66); });
        if (!filter_call(number, action)) numbers.errors = 1;
        live(numbers);
      });
      const Attempt attempt(target.pid());
      EXPECT_TRUE(contains(attempt.trouble, "may not make a copy of itself")) << attempt.trouble;
      EXPECT_TRUE(target.beats_on());
      EXPECT_EQ(children_of(target.pid()), "");
      EXPECT_EQ(target.end(), 0);
    }
}

TEST_F(Remote, ProcessWhoseFilterForbidsOtherThings) {
  Target target([&](SharedNumbers& numbers) {
    if (!filter_call(SYS_mkdir, SECCOMP_RET_KILL_PROCESS)) numbers.errors = 1;
    live(numbers);
  });
  EXPECT_EQ(Attempt(target.pid()).trouble, "");
  EXPECT_TRUE(target.beats_on());
}

TEST_F(Remote, CopyThatItsFilterKillsHarmsNobody) {
  Target target([&](SharedNumbers& numbers) {
    if (!filter_call(SYS_pipe2, SECCOMP_RET_KILL_PROCESS)) numbers.errors = 1;
    live(numbers);
  });
  const Attempt attempt(target.pid());
  EXPECT_TRUE(contains(attempt.trouble, "the copy was killed at make a pipe")) << attempt.trouble;
  EXPECT_TRUE(target.beats_on());
  EXPECT_EQ(children_of(target.pid()), "");
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, ProcessWithNoDescriptorLeft) {
  Target target([&](SharedNumbers& numbers) {
    const rlimit few{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &few);
    while (::dup(0) >= 0) {
    }
    live(numbers);
  });
  const Attempt attempt(target.pid());
  EXPECT_EQ(attempt.trouble, "");
  EXPECT_EQ(attempt.report.descriptors, 1U);
}

TEST_F(Remote, UserWithNoProcessLeft) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs to be root first";
  Target target([&](SharedNumbers& numbers) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NPROC, &none);
    if (::setuid(65534) != 0) numbers.errors = 1;
    live(numbers);
  });
  const Attempt attempt(target.pid());
  EXPECT_TRUE(contains(attempt.trouble, "may have no more processes")) << attempt.trouble;
  EXPECT_TRUE(target.beats_on());
}

TEST(SeccompFilter, AnswersAsTheKernelWould) {
  const sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7E020000),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  seccomp_data call{};
  call.arch = AUDIT_ARCH_X86_64;
  EXPECT_EQ(remote::run_filter(filter, call), SECCOMP_RET_ALLOW);
  call.args[0] = 0x20000;
  EXPECT_EQ(remote::run_filter(filter, call), SECCOMP_RET_ERRNO | EPERM);
  call.arch = 0;
  EXPECT_EQ(remote::run_filter(filter, call), SECCOMP_RET_KILL_PROCESS);
  EXPECT_FALSE(remote::run_filter({}, call).has_value());
}

}  // namespace
}  // namespace hoop::testing
