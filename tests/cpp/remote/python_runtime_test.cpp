// SPDX-License-Identifier: Apache-2.0
// Real interpreters, those that this machine has.
#include "remote/python_runtime.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "cpp/remote/target.h"
#include "remote/proc_files.h"
#include "remote/snapshot_unprepared.h"

namespace hoop::testing {
namespace {

using remote::find_python;
using remote::judge_by_gil;
using remote::PythonFacts;

std::vector<std::string> interpreters() {
  std::vector<std::string> found;
  std::istringstream paths(HOOP_TEST_PYTHONS);
  for (std::string one; std::getline(paths, one, ':');)
    if (!one.empty()) found.push_back(one);
  return found;
}

// A Python that runs this text, and says a line when it is ready.
class Python {
 public:
  Python(const std::string& interpreter, const std::string& text) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ends[1], 1);
      ::close(ends[0]);
      ::execl(interpreter.c_str(), "python", "-I", "-c", text.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
    line();
  }
  ~Python() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;

  std::string line() const {
    std::string text;
    for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

TEST_F(Remote, PythonIsFoundWithItsVersion) {
  for (const std::string& interpreter : interpreters()) {
    SCOPED_TRACE(interpreter);
    const Python python(interpreter,
                        "import sys, time\nprint(flush=True)\n"
                        "print(sys.hexversion, flush=True)\ntime.sleep(60)");
    const auto version = static_cast<std::uint32_t>(std::atol(python.line().c_str()));
    PythonFacts facts;
    EXPECT_EQ(find_python(python.pid(), facts).line(), "");
    EXPECT_NE(facts.runtime, 0U);
    EXPECT_EQ(facts.minor, version >> 16 & 0xFF);
    // 3.10 does not say more.
    EXPECT_EQ(facts.version, facts.minor == 10 ? version & 0xFFFF0000 : version);
    EXPECT_EQ(facts.has_gil_offsets, facts.minor >= 13);
  }
}

TEST_F(Remote, OtherProgramIsNotPython) {
  Target target([](SharedNumbers& numbers) {
    numbers.is_ready = true;
    while (!numbers.may_end) rest();
  });
  PythonFacts facts;
  const std::string line = find_python(target.pid(), facts).line();
  EXPECT_NE(line.find("is not Python: there is no _PyRuntime"), std::string::npos) << line;
}

TEST_F(Remote, PythonThatSleepsIsAtAGoodInstant) {
  for (const std::string& interpreter : interpreters()) {
    SCOPED_TRACE(interpreter);
    const Python python(interpreter, "import time\nprint(flush=True)\ntime.sleep(60)");
    PythonFacts facts;
    ASSERT_EQ(find_python(python.pid(), facts).line(), "");
    remote::Options how;
    how.judge = judge_by_gil(python.pid(), facts);
    const Attempt attempt(python.pid(), facts.runtime, 64, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_EQ(attempt.result.leftover, "");
    EXPECT_TRUE(attempt.result.instant.is_good);
    EXPECT_EQ(attempt.content.size(), 64U);
    if (facts.minor >= 13) {
      EXPECT_EQ(attempt.content.substr(0, 8), "xdebugpy");
    }
  }
}

TEST_F(Remote, PythonThatComputesIsAtNoGoodInstant) {
  for (const std::string& interpreter : interpreters()) {
    SCOPED_TRACE(interpreter);
    const Python python(interpreter, "print(flush=True)\nwhile True: pass");
    // It may still be in the system call that printed.
    ASSERT_TRUE(comes_true([&] {
      return remote::read_text(remote::proc_path(python.pid(), "syscall")).starts_with("running");
    }));
    PythonFacts facts;
    ASSERT_EQ(find_python(python.pid(), facts).line(), "");
    remote::Options how;
    how.judge = judge_by_gil(python.pid(), facts);
    const Attempt attempt(python.pid(), facts.runtime, 64, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_FALSE(attempt.result.instant.is_good);
  }
}

// C code that computes without the GIL: nobody is in the middle of anything of Python's.
TEST_F(Remote, GilThatNobodyHoldsIsGoodWhoeverRuns) {
  for (const std::string& interpreter : interpreters()) {
    SCOPED_TRACE(interpreter);
    const Python python(interpreter,
                        "import hashlib\nbig = bytes(1 << 26)\nprint(flush=True)\n"
                        "while True: hashlib.sha512(big)");
    PythonFacts facts;
    ASSERT_EQ(find_python(python.pid(), facts).line(), "");
    if (!facts.has_gil_offsets) continue;
    remote::Options how;
    how.judge = judge_by_gil(python.pid(), facts);
    const Attempt attempt(python.pid(), facts.runtime, 64, BlobDeed::kWrite, how);
    EXPECT_EQ(attempt.trouble, "");
    EXPECT_TRUE(attempt.result.instant.is_good);
  }
}

// Threads, sockets and children under load: everything goes on, and nothing is lost.
TEST_F(Remote, PythonServerUnderLoadGoesOn) {
  for (const std::string& interpreter : interpreters()) {
    SCOPED_TRACE(interpreter);
    const Python python(interpreter, R"(
import signal, socket, subprocess, sys, threading, time
asked_to_end = threading.Event()
signal.signal(signal.SIGUSR1, lambda number, frame: asked_to_end.set())
listener = socket.create_server(("127.0.0.1", 0))
def serve(connection):
    with connection:
        while data := connection.recv(64):
            connection.sendall(data[::-1])
def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
print(flush=True)
count, end = 0, time.monotonic() + 120
while not asked_to_end.is_set() and time.monotonic() < end:
    with socket.create_connection(listener.getsockname(), timeout=5) as connection:
        for i in range(20):
            connection.sendall(b"%08d" % i)
            assert connection.recv(64) == (b"%08d" % i)[::-1]
            count += 1
    if count % 200 == 0:
        assert subprocess.run(["/bin/true"]).returncode == 0
print("served", count, flush=True)
)");
    PythonFacts facts;
    ASSERT_EQ(find_python(python.pid(), facts).line(), "");
    remote::Options how;
    how.judge = judge_by_gil(python.pid(), facts);
    const Nanoseconds begin = os::monotonic_now();
    int good = 0;
    int count = 0;
    for (; os::monotonic_now() - begin < 2 * kSecond; ++count) {
      const Attempt attempt(python.pid(), facts.runtime, 64, BlobDeed::kWrite, how);
      ASSERT_EQ(attempt.trouble, "");
      ASSERT_EQ(attempt.result.leftover, "");
      good += attempt.result.instant.is_good ? 1 : 0;
    }
    EXPECT_GT(count, 0);
    ::kill(python.pid(), SIGUSR1);
    RecordProperty("good_of_100", 100 * good / count);
    EXPECT_EQ(python.line().substr(0, 6), "served");
  }
}

}  // namespace
}  // namespace hoop::testing
