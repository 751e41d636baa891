// SPDX-License-Identifier: Apache-2.0
// The report is started as a script of the test's own.
#include "os/report_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "cpp/support/child.h"
#include "cpp/support/scratch_directory.h"

namespace hoop::os {
namespace {

using testing::content_of;
using testing::ScratchDirectory;

// Each test has the environment to itself: it runs in a child.
template <class F>
void in_child(F&& body) {
  EXPECT_TRUE(testing::passes_in_child(std::forward<F>(body)));
}

std::string script(const ScratchDirectory& directory, const std::string& body) {
  const std::string path = directory.file("python");
  testing::write_file(path, "#!/bin/sh\n" + body);
  ::chmod(path.c_str(), 0700);
  return path;
}

TEST(Variable, IsNothingWhenUnsetOrEmpty) {
  in_child([] {
    ::unsetenv("HOOP_X");
    EXPECT_EQ(variable("HOOP_X"), nullptr);
    ::setenv("HOOP_X", "", 1);
    EXPECT_EQ(variable("HOOP_X"), nullptr);
    ::setenv("HOOP_X", "value", 1);
    EXPECT_STREQ(variable("HOOP_X"), "value");
  });
}

TEST(IsDisabled, FollowsItsVariable) {
  in_child([] {
    ::unsetenv("HOOP_DISABLE");
    EXPECT_FALSE(is_disabled());
    for (const char* const value : {"", "0"}) {
      ::setenv("HOOP_DISABLE", value, 1);
      EXPECT_FALSE(is_disabled()) << value;
    }
    for (const char* const value : {"1", "yes", "00", "false"}) {
      ::setenv("HOOP_DISABLE", value, 1);
      EXPECT_TRUE(is_disabled()) << value;
    }
  });
}

TEST(IsRootProcess, ComparesItsPid) {
  in_child([] {
    ::unsetenv("HOOP_ROOT_PID");
    EXPECT_FALSE(is_root_process());
    ::setenv("HOOP_ROOT_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_TRUE(is_root_process());
    for (const std::string& other :
         {std::to_string(::getpid() + 1), std::string("x"), std::string("")}) {
      ::setenv("HOOP_ROOT_PID", other.c_str(), 1);
      EXPECT_FALSE(is_root_process()) << other;
    }
  });
}

TEST(RunReport, PassesTheRunDirectoryAndWaits) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("out");
    ::setenv("HOOP_PYTHON", script(directory, "sleep 0.1; echo \"$@\" > '" + out + "'\n").c_str(),
             1);
    run_report("/some/run dir");
    EXPECT_EQ(content_of(out), "-I -m hoopsnake report --finish /some/run dir\n");
  });
}

TEST(RunReport, RemovesItsOwnVariablesOnly) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("out");
    ::setenv("HOOP_PYTHON", script(directory, "env > '" + out + "'\n").c_str(), 1);
    ::setenv("HOOP_RUN_DIR", "x", 1);
    ::setenv("HOOPLA", "mine", 1);
    ::setenv("LD_PRELOAD_NOT", "mine too", 1);
    run_report("dir");
    const std::string environment = content_of(out);
    EXPECT_EQ(environment.find("HOOP_"), std::string::npos) << environment;
    EXPECT_NE(environment.find("HOOPLA=mine\n"), std::string::npos) << environment;
    EXPECT_NE(environment.find("LD_PRELOAD_NOT=mine too\n"), std::string::npos) << environment;
    EXPECT_STREQ(variable("HOOP_RUN_DIR"), "x") << "the process itself keeps its own";
  });
}

TEST(RunReport, WritesToStandardErrorAndReadsNothing) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("err");
    ::setenv("HOOP_PYTHON", script(directory, "cat; echo to stdout; echo to stderr >&2\n").c_str(),
             1);
    const int descriptor = ::open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(::dup2(descriptor, 2), 0);
    run_report("dir");
    EXPECT_EQ(content_of(out), "to stdout\nto stderr\n");
  });
}

TEST(RunReport, GivesTheReportDefaultSignals) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("out");
    ::setenv(
        "HOOP_PYTHON",
        script(directory, "grep -E 'Sig(Blk|Ign)' /proc/self/status > '" + out + "'\n").c_str(), 1);
    ::signal(SIGINT, SIG_IGN);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    run_report("dir");
    const std::string masks = content_of(out);
    EXPECT_EQ(masks.substr(0, 25), "SigBlk:\t0000000000000000\n");
    // The C library keeps two signals of its own.
    const auto ignored = std::strtoull(masks.substr(33).c_str(), nullptr, 16);
    EXPECT_EQ(ignored & 0x7fffffff, 0u) << masks;
  });
}

TEST(RunReport, RunsThoughTheProgramClosedItsStandardError) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("out");
    const std::string python =
        script(directory, "echo lost; echo lost >&2; echo done > '" + out + "'\n");
    ::setenv("HOOP_PYTHON", python.c_str(), 1);
    ::close(2);
    run_report("dir");
    EXPECT_EQ(content_of(out), "done\n");
  });
}

TEST(RunReport, RunsUnderTightLimitsOfTheProgram) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("out");
    ::setenv("HOOP_PYTHON", script(directory, "ulimit -n > '" + out + "'\n").c_str(), 1);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit tight{4, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    run_report("dir");
    const rlimit loose{limit.rlim_max, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &loose), 0);
    EXPECT_EQ(content_of(out), std::to_string(limit.rlim_max) + "\n");
  });
}

TEST(RunReport, LeavesTheProgramItsLimits) {
  in_child([] {
    const ScratchDirectory directory;
    ::setenv("HOOP_PYTHON", script(directory, "exit 0\n").c_str(), 1);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    before.rlim_cur = 40;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    run_report("dir");
    rlimit after{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_cur);
  });
}

TEST(RunReport, IsNotCutShortByATimerOfTheProgram) {
  in_child([] {
    const ScratchDirectory directory;
    const std::string out = directory.file("out");
    ::setenv("HOOP_PYTHON", script(directory, "sleep 0.3; echo done > '" + out + "'\n").c_str(), 1);
    ::signal(SIGALRM, SIG_DFL);
    const itimerval soon{{0, 0}, {0, 100000}};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &soon, nullptr), 0);
    run_report("dir");
    const itimerval none{};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &none, nullptr), 0);
    EXPECT_EQ(content_of(out), "done\n");
  });
}

TEST(RunReport, IsQuietWhenNothingCanBeStarted) {
  in_child([] {
    ::unsetenv("HOOP_PYTHON");
    run_report("dir");
    ::setenv("HOOP_PYTHON", "/nowhere/at/all", 1);
    run_report("dir");
  });
}

}  // namespace
}  // namespace hoop::os
