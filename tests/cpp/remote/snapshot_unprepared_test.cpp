// SPDX-License-Identifier: Apache-2.0
#include "remote/snapshot_unprepared.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/units.h"
#include "cpp/remote/target.h"
#include "cpp/remote/test_blob.h"
#include "os/clock.h"
#include "remote/proc_files.h"

namespace hoop::testing {
namespace {

using remote::Options;
using remote::Step;

std::array<char, 4096> pattern;

void live(SharedNumbers& numbers) {
  numbers.is_ready = true;
  while (!numbers.may_end) {
    ++numbers.beats;
    rest();
  }
}

void expect_nothing_left(Target& target) {
  EXPECT_TRUE(comes_true([&] { return children_of(target.pid()).empty(); }))
      << children_of(target.pid());
  EXPECT_TRUE(comes_true([&] { return !is_traced(target.pid()); }));
  EXPECT_TRUE(target.beats_on());
}

TEST_F(Remote, CopyHoldsTheMemoryOfTheProcess) {
  Target target([](SharedNumbers& numbers) {
    std::memset(pattern.data(), 'p', pattern.size());
    ::setpriority(PRIO_PROCESS, 0, 3);
    live(numbers);
  });
  const Attempt attempt(target.pid(), reinterpret_cast<std::uint64_t>(pattern.data()),
                        pattern.size());
  EXPECT_EQ(attempt.trouble, "");
  EXPECT_EQ(attempt.result.leftover, "");
  EXPECT_EQ(attempt.report.first, 'c');
  EXPECT_EQ(attempt.report.descriptors, 1U);
  EXPECT_EQ(attempt.content, std::string(pattern.size(), 'p'));
  EXPECT_EQ(attempt.result.instant.threads, least_threads());
  EXPECT_GT(attempt.result.stop_time, attempt.result.clone_time);
  EXPECT_GT(attempt.result.reap_stop_time, 0U);
  EXPECT_EQ(attempt.result.bytes, sizeof(BlobReport) + pattern.size());
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(target.pid())), 3);
  expect_nothing_left(target);
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, InstantIsGoodWhenEverybodyWaits) {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) rest(10 * kMillisecond);
  });
  const Attempt attempt(target.pid());
  EXPECT_EQ(attempt.trouble, "");
  EXPECT_TRUE(attempt.result.instant.is_good);
}

TEST_F(Remote, InstantIsTakenAnywayWhenSomebodyAlwaysRuns) {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) ++numbers.beats;
  });
  const Attempt attempt(target.pid());
  EXPECT_EQ(attempt.trouble, "");
  EXPECT_FALSE(attempt.result.instant.is_good);
  EXPECT_EQ(attempt.result.instant.threads, least_threads());
  expect_nothing_left(target);
}

TEST_F(Remote, JudgeDecidesWhichInstantIsGood) {
  Target target(live);
  for (const auto verdict : {remote::Verdict::kGood, remote::Verdict::kBad}) {
    Options how;
    how.judge = [verdict](const auto& threads, const remote::TargetMemory&) {
      EXPECT_GE(threads.size(), 1U);
      return verdict;
    };
    const Attempt attempt(target.pid(), 0, 0, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_EQ(attempt.result.instant.is_good, verdict == remote::Verdict::kGood);
    EXPECT_EQ(attempt.result.stops, 1U);
  }
}

TEST_F(Remote, CopyIsOneInstantOfAllThreads) {
  // Each thread raises its first number before its second. In every instant they differ by one at
  // most.
  struct Pair {
    std::atomic<std::uint64_t> first, second;
    char apart[4096 * 16 - 16];
  };
  constexpr std::size_t kThreads = 4;
  static std::array<Pair, kThreads> pairs;
  Target target([](SharedNumbers& numbers) {
    std::vector<std::thread> threads;
    for (Pair& pair : pairs)
      threads.emplace_back([&pair] {
        while (true) {
          pair.first.fetch_add(1);
          pair.second.fetch_add(1);
        }
      });
    live(numbers);
    ::_exit(0);
  });
  for (int i = 0; i < 10; ++i) {
    Options how;
    how.look_for_at_most = 0;
    const Attempt attempt(target.pid(), reinterpret_cast<std::uint64_t>(pairs.data()), sizeof pairs,
                          BlobDeed::kWrite, how);
    ASSERT_EQ(attempt.trouble, "");
    ASSERT_EQ(attempt.content.size(), sizeof pairs);
    for (std::size_t k = 0; k < kThreads; ++k) {
      std::uint64_t first = 0;
      std::uint64_t second = 0;
      std::memcpy(&first, attempt.content.data() + k * sizeof(Pair), 8);
      std::memcpy(&second, attempt.content.data() + k * sizeof(Pair) + 8, 8);
      EXPECT_LE(second, first);
      EXPECT_LE(first - second, 1U);
    }
  }
  expect_nothing_left(target);
}

TEST_F(Remote, CrashOfTheCopyIsReportedAndHarmsNobody) {
  Target target([](SharedNumbers& numbers) {
    ::signal(SIGSEGV, [](int) { ::_exit(66); });
    live(numbers);
  });
  const Attempt attempt(target.pid(), 0, 0, BlobDeed::kCrash);
  EXPECT_NE(attempt.trouble.find("the copy crashed: Segmentation fault at 0x1234"),
            std::string::npos)
      << attempt.trouble;
  expect_nothing_left(target);
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, CopyThatGivesUpIsReported) {
  Target target(live);
  const Attempt attempt(target.pid(), 0, 0, BlobDeed::kGiveUp);
  EXPECT_EQ(attempt.trouble, "the copy gave up with code 7");
  expect_nothing_left(target);
}

TEST_F(Remote, CopyThatHangsIsEnded) {
  Target target(live);
  Options how;
  how.run_for_at_most = 300 * kMillisecond;
  const Attempt attempt(target.pid(), 0, 0, BlobDeed::kHang, how);
  EXPECT_NE(attempt.trouble.find("it was not done after"), std::string::npos) << attempt.trouble;
  EXPECT_EQ(attempt.report.first, 'c');
  expect_nothing_left(target);
}

TEST_F(Remote, CallerMayEndIt) {
  Target target(live);
  Options how;
  int asked = 0;
  how.may_go_on = [&asked] { return ++asked < 3; };
  const Attempt attempt(target.pid(), 0, 0, BlobDeed::kHang, how);
  EXPECT_EQ(attempt.trouble, "nobody waits for it any more");
  expect_nothing_left(target);
}

TEST_F(Remote, FullDiskIsReported) {
  Target target(live);
  const int file = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  Options how;
  how.arguments = [](const remote::Instant&) {
    const BlobOrder order{BlobDeed::kWrite, 0, 0};
    return std::string(reinterpret_cast<const char*>(&order), sizeof order);
  };
  remote::Result result;
  const auto trouble = remote::snapshot_unprepared(target.pid(), test_blob(), file, how, result);
  EXPECT_EQ(trouble.line(), "the snapshot cannot be written: No space left on device");
  ::close(file);
  expect_nothing_left(target);
}

TEST_F(Remote, ManyAttachmentsLeaveNothing) {
  const char* const wish = std::getenv("HOOP_ATTACHMENTS");
  const int rounds = wish == nullptr ? 200 : std::atoi(wish);
  Target target([](SharedNumbers& numbers) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 5; ++i)
      threads.emplace_back([&numbers, i] {
        while (!numbers.may_end) {
          rest((i + 1) * 500 * kMicrosecond);
          ++numbers.done;
        }
      });
    live(numbers);
    for (std::thread& one : threads) one.join();
  });
  Nanoseconds worst = 0;
  Options how;
  how.look_for_at_most = 10 * kMillisecond;
  for (int i = 0; i < rounds; ++i) {
    const Attempt attempt(target.pid(), 0, 0, BlobDeed::kWrite, how);
    ASSERT_EQ(attempt.trouble, "") << i;
    ASSERT_EQ(attempt.result.leftover, "") << i;
    worst = std::max(worst, attempt.result.stop_time);
  }
  RecordProperty("worst_stop_us", static_cast<int>(worst / kMicrosecond));
  expect_nothing_left(target);
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, ProcessInNamespacesOfItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes pid and mount namespaces";
  Target target([](SharedNumbers& numbers) {
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
      numbers.errors = 1;
      numbers.is_ready = true;
      return;
    }
    const pid_t inner = ::fork();
    if (inner == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::memset(pattern.data(), 'n', pattern.size());
      live(numbers);
      ::_exit(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1 ? 0 : 1);
    }
    numbers.pid = static_cast<std::uint64_t>(inner);
    int status = 0;
    ::waitpid(inner, &status, 0);
    numbers.errors = static_cast<std::uint64_t>(status);
  });
  if (target.numbers->errors != 0) GTEST_SKIP() << "namespaces are not to be had";
  ASSERT_TRUE(comes_true([&] { return target.numbers->pid > 0; }));
  const auto inner = static_cast<pid_t>(target.numbers->pid.load());
  const Attempt attempt(inner, reinterpret_cast<std::uint64_t>(pattern.data()), pattern.size());
  EXPECT_EQ(attempt.trouble, "");
  EXPECT_EQ(attempt.result.leftover, "");
  EXPECT_LT(attempt.report.pid, 10U);
  EXPECT_EQ(attempt.content, std::string(pattern.size(), 'n'));
  EXPECT_EQ(children_of(inner), "");
  EXPECT_EQ(target.end(), 0);
}

}  // namespace
}  // namespace hoop::testing
