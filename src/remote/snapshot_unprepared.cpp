// SPDX-License-Identifier: Apache-2.0
#include "remote/snapshot_unprepared.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <span>
#include <string>

#include "remote/blob.h"
#include "remote/guardian.h"
#include "remote/process.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr int kAskEvery = 50;  // milliseconds

struct Pipe {
  int read_end = -1;
  int write_end = -1;

  Pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  static void close_end(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
};

class SharedBoard {
 public:
  SharedBoard() {
    void* const at =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED) board_ = new (at) Board{};
  }
  ~SharedBoard() {
    if (board_ != nullptr) ::munmap(board_, sizeof(Board));
  }
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;

  [[nodiscard]] Board* get() const { return board_; }

 private:
  Board* board_ = nullptr;
};

// Holds nothing of the caller's open but what it needs.
void close_all_but(std::array<int, 4> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int one : kept) {
    const auto number = static_cast<unsigned>(one);
    if (number > next) ::syscall(SYS_close_range, next, number - 1, 0);
    next = std::max(next, number + 1);
  }
  ::syscall(SYS_close_range, next, UINT_MAX, 0);
}

// Out of reach of what ends its caller: signals of the terminal, of the process group.
void stand_apart() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setsid();
  ::prctl(PR_SET_NAME, "hoop-guardian");
}

void fill_in(Result& result, const Board& board) {
  result = {board.instant,        board.stops,    board.stop_time, board.clone_time,
            board.reap_stop_time, board.run_time, board.bytes,     board.leftover.data()};
}

// Returns when the guardian has ended; whoever waits for children in general may get its status
// instead of us.
void await_guardian(pid_t guardian, int done, int& lifeline, const Options& options) {
  while (true) {
    pollfd end{done, POLLIN, 0};
    if (::poll(&end, 1, kAskEvery) > 0) break;
    if (options.may_go_on && !options.may_go_on()) Pipe::close_end(lifeline);
  }
  while (::waitpid(guardian, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Trouble verdict_of(pid_t pid, const Board& board) {
  if (board.is_finished) return Trouble(board.trouble.data());
  const Step step = board.step;
  const std::string name = name_of(pid);
  if (step == Step::kBegun || step == Step::kReaped)
    return Trouble("the process that traced " + name + " was killed; nothing is left behind");
  if (step == Step::kStopped)
    return Trouble("the process that traced " + name +
                   " was killed while a copy was being made: look whether it still runs");
  return Trouble("the process that traced " + name +
                 " was killed: the copy is dead, but stays as a zombie among its children");
}

}  // namespace

Trouble snapshot_unprepared(pid_t pid, std::span<const std::byte> blob_file, int output,
                            const Options& options, Result& result) {
  result = {};
  ProcessFacts facts;
  Trouble trouble = look_at_process(pid, facts);
  Blob blob;
  if (!trouble) trouble = blob.read(blob_file);
  if (trouble) return trouble;
  const SharedBoard board;
  Pipe lifeline;
  Pipe done;
  if (board.get() == nullptr || lifeline.read_end < 0 || done.read_end < 0)
    return system_trouble("hoop has no file or memory left", errno);
  const pid_t guardian = ::fork();
  if (guardian < 0) return system_trouble("hoop cannot start a process", errno);
  if (guardian == 0) {
    stand_apart();
    close_all_but({output, lifeline.read_end, done.write_end, STDERR_FILENO});
    {
      Guardian self(pid, blob, output, lifeline.read_end, options, *board.get());
      Board::put(board.get()->trouble, self.run().line());
    }
    board.get()->is_finished = true;
    ::_exit(0);
  }
  Pipe::close_end(lifeline.read_end);
  Pipe::close_end(done.write_end);
  await_guardian(guardian, done.read_end, lifeline.write_end, options);
  fill_in(result, *board.get());
  return verdict_of(pid, *board.get());
}

}  // namespace hoop::remote
