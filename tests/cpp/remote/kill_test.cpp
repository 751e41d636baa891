// SPDX-License-Identifier: Apache-2.0
// What is left when those who copy a process are killed.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/units.h"
#include "cpp/remote/target.h"
#include "cpp/remote/test_blob.h"
#include "cpp/support/random.h"
#include "remote/proc_files.h"
#include "remote/snapshot_unprepared.h"

namespace hoop::testing {
namespace {

using remote::Options;
using remote::Step;

void live_with_threads(SharedNumbers& numbers) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!numbers.may_end) rest();
    });
  numbers.is_ready = true;
  while (!numbers.may_end) {
    ++numbers.beats;
    rest(100 * kMicrosecond);
  }
  for (std::thread& one : threads) one.join();
}

struct Scene {
  std::atomic<pid_t> guardian{0};
  std::atomic<bool> is_there{false};  // at the step that is waited for
};

// A process that makes one snapshot after the other, until it is killed.
pid_t start_hoop(pid_t target, Scene& scene, Step wanted, BlobDeed deed) {
  const pid_t hoop = ::fork();
  if (hoop != 0) return hoop;
  while (true) {
    Options how;
    how.look_for_at_most = kMillisecond;
    how.on_step = [&](Step step) {
      scene.guardian = ::getpid();
      if (step != wanted) return;
      scene.is_there = true;
      rest(20 * kMillisecond);
    };
    const Attempt attempt(target, 0, 0, deed, how);
  }
}

// Whoever inherits a zombie may take its time.
bool runs(pid_t pid) {
  const char state = remote::thread_state(pid, pid);
  return state != 0 && state != 'Z' && state != 'X';
}

void kill_and_wait(pid_t child) {
  ::kill(child, SIGKILL);
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(Remote, ProcessGoesOnWhenHoopIsKilledAtAnyStep) {
  Target target(live_with_threads);
  for (const Step step : {Step::kBegun, Step::kStopped, Step::kBorn, Step::kReleased, Step::kLoaded,
                          Step::kStarted, Step::kEnded, Step::kReaped}) {
    SCOPED_TRACE(static_cast<int>(step));
    const Shared<Scene> scene;
    // Those that come after the copy's work need a copy that ends.
    const BlobDeed deed = step >= Step::kEnded ? BlobDeed::kWrite : BlobDeed::kHang;
    const pid_t hoop = start_hoop(target.pid(), *scene, step, deed);
    EXPECT_TRUE(comes_true([&] { return scene->is_there.load(); }));
    kill_and_wait(hoop);
    EXPECT_TRUE(comes_true([&] { return !runs(scene->guardian); }));
    EXPECT_EQ(children_of(target.pid()), "");
    EXPECT_FALSE(is_traced(target.pid()));
    EXPECT_TRUE(target.beats_on());
  }
  EXPECT_EQ(target.end(), 0);
}

TEST_F(Remote, ProcessGoesOnWhenHoopIsKilledAtRandom) {
  const char* const wish = std::getenv("HOOP_KILLS");
  const int rounds = wish == nullptr ? 60 : std::atoi(wish);
  Target target(live_with_threads);
  Random random = seeded_random();
  for (int i = 0; i < rounds; ++i) {
    const Shared<Scene> scene;
    const pid_t hoop = start_hoop(target.pid(), *scene, Step::kReaped, BlobDeed::kWrite);
    EXPECT_TRUE(comes_true([&] { return scene->guardian != 0; }));
    rest(random.below(30'000) * kMicrosecond);
    kill_and_wait(hoop);
    EXPECT_TRUE(comes_true([&] { return !runs(scene->guardian); }));
    EXPECT_TRUE(comes_true([&] { return children_of(target.pid()).empty(); }));
    ASSERT_FALSE(is_traced(target.pid()));
    ASSERT_TRUE(target.beats_on());
  }
  EXPECT_EQ(target.end(), 0);
}

// Where the guardian is killed, nobody is left to have the copy waited for. A wait with __WALL
// takes it away.
TEST_F(Remote, ProcessGoesOnWhenTheGuardianIsKilledWithNothingSetUp) {
  for (const Step step : {Step::kBegun, Step::kStopped, Step::kBorn, Step::kReleased, Step::kLoaded,
                          Step::kStarted, Step::kEnded, Step::kReaped}) {
    SCOPED_TRACE(static_cast<int>(step));
    Target target([](SharedNumbers& numbers) {
      ::signal(SIGSEGV, [](int) { ::_exit(66); });  // the copy would run it
      live_with_threads(numbers);
      int status = 0;
      while (::waitpid(-1, &status, WNOHANG | __WALL) > 0) {
        ++numbers.children;
        // No handler of ours was run.
        if (!WIFSIGNALED(status)) ++numbers.errors;
      }
    });
    const Shared<Scene> scene;
    Options how;
    how.run_for_at_most = 100 * kMillisecond;
    how.on_step = [&](Step reached) {
      if (reached == step) ::kill(::getpid(), SIGKILL);
    };
    const Attempt attempt(target.pid(), 0, 0, BlobDeed::kHang, how);
    EXPECT_NE(attempt.trouble.find("was killed"), std::string::npos) << attempt.trouble;
    EXPECT_TRUE(target.beats_on());
    EXPECT_FALSE(is_traced(target.pid()));
    const bool is_born = step >= Step::kBorn && step != Step::kReaped;
    EXPECT_TRUE(comes_true([&] { return children_of(target.pid()).empty() != is_born; }));
    const std::string child = children_of(target.pid());
    if (is_born) {
      const auto copy = static_cast<pid_t>(std::atoi(child.c_str()));
      EXPECT_TRUE(comes_true([&] { return remote::thread_state(copy, copy) == 'Z'; }));
    }
    EXPECT_EQ(target.numbers->children, 0U);
    EXPECT_EQ(target.end(), 0);
    EXPECT_EQ(target.numbers->children, is_born ? 1U : 0U);
  }
}

TEST_F(Remote, ProcessThatEndsMeanwhileIsReported) {
  for (const Step step : {Step::kStopped, Step::kReleased, Step::kStarted, Step::kEnded}) {
    SCOPED_TRACE(static_cast<int>(step));
    Target target(live_with_threads);
    Options how;
    how.on_step = [&](Step reached) {
      if (reached == step) ::kill(target.pid(), SIGKILL);
    };
    const Attempt attempt(target.pid(), 0, 0, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.result.leftover, "");
    EXPECT_EQ(attempt.trouble.empty(), step != Step::kStopped) << attempt.trouble;
    EXPECT_TRUE(
        comes_true([&] { return remote::thread_state(target.pid(), target.pid()) == 'Z'; }));
  }
}

}  // namespace
}  // namespace hoop::testing
