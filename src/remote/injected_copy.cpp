// SPDX-License-Identifier: Apache-2.0
#include "remote/injected_copy.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/units.h"
#include "os/clock.h"
#include "remote/blob.h"
#include "remote/injection.h"
#include "remote/proc_files.h"
#include "remote/registers.h"
#include "remote/tracer.h"
#include "remote/trouble.h"
#include "remote/urgency.h"

namespace hoop::remote {
namespace {

constexpr std::size_t kPage = 4 * kKiB;
constexpr long kNowhere = 16;  // no stack is there, nor anything else
constexpr Nanoseconds kBirthTakes = 30 * kSecond;
constexpr Nanoseconds kDeathTakes = 60 * kSecond;  // of a huge process, on a busy machine
constexpr int kPipeBytes = 1 << 20;

bool is_error(long result) { return result < 0 && result > -4096; }

Trouble explain_clone(long error) {
  if (error == -EAGAIN)
    return Trouble(
        "the process may have no more processes (EAGAIN): raise its pids cgroup or "
        "RLIMIT_NPROC");
  if (error == -ENOMEM)
    return Trouble(
        "there is not enough memory for a copy (ENOMEM): vm.overcommit_memory=2, or its "
        "memory cgroup, forbids it");
  if (error == -EPERM || error == -ENOSYS)
    return Trouble("the process may not make a copy: its seccomp filter forbids clone");
  return system_trouble("the process cannot be cloned", error);
}

// Signals that say that the copy itself went wrong.
bool is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
         signal == SIGTRAP || signal == SIGSYS || signal == SIGABRT;
}

std::string hexadecimal(Address value) {
  std::string text;
  do text.insert(text.begin(), "0123456789abcdef"[value % 16]);
  while ((value /= 16) != 0);
  return "0x" + text;
}

// A duplicate of a descriptor of the copy's: by pidfd, which asks for nothing but the right to
// trace, or by opening it anew.
int fetch_descriptor(pid_t copy, int number) {
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_getfd)
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, copy, 0));
  if (process >= 0) {
    const auto file = static_cast<int>(::syscall(SYS_pidfd_getfd, process, number, 0));
    ::close(process);
    if (file >= 0) return file;
  }
#endif
  return ::open(proc_path(copy, "fd/" + std::to_string(number)).c_str(), O_RDONLY | O_CLOEXEC);
}

}  // namespace

namespace {

// As its own innermost pid namespace numbers it. 0: it has gone.
pid_t number_inside(pid_t process) {
  const std::string numbers = field_of(read_text(proc_path(process, "status")), "NSpid");
  const std::size_t last = numbers.find_last_of("\t ");
  const std::size_t begin = last == std::string::npos ? 0 : last + 1;
  return static_cast<pid_t>(std::strtol(numbers.c_str() + begin, nullptr, 10));
}

}  // namespace

// No flags: nothing is shared. No exit signal: no child of the ordinary kind.
constexpr CallArguments kCloneArguments = {0, kNowhere, 0, 0, 0, 0};

Trouble clone_process(Tracer& tracer, pid_t thread, Address call_instruction, Birth& birth) {
  const Urgency urgency(thread);
  birth.niceness = urgency.before();
  Injection injection(tracer, thread, call_instruction);
  Trouble trouble = injection.begin(PTRACE_O_TRACECLONE);
  if (trouble) return trouble;
  const Nanoseconds begin = os::monotonic_now();
  const std::optional<long> result = injection.call(SYS_clone, kCloneArguments);
  birth.clone_time = os::monotonic_now() - begin;
  birth.born = injection.newborn();
  // The caller may be gone before it says so: another thread executes a program.
  if (birth.born != 0) birth.born_inside = number_inside(birth.born);
  trouble = injection.end();
  if (!result)
    return Trouble(
        "the process ended when it was to make a copy: its seccomp filter may kill for "
        "that");
  if (is_error(*result)) return explain_clone(*result);
  birth.born_inside = static_cast<pid_t>(*result);
  if (birth.born == 0) return Trouble("the copy was born, and nobody told");
  return trouble;
}

InjectedCopy::InjectedCopy(Tracer& tracer, pid_t copy, Address call_instruction)
    : tracer_(tracer), copy_(copy), injection_(tracer, copy, call_instruction) {}

InjectedCopy::~InjectedCopy() { end(); }

Trouble InjectedCopy::take_over(int niceness) {
  const Nanoseconds deadline = os::monotonic_now() + kBirthTakes;
  std::optional<Event> event = tracer_.put_back_of(copy_);
  while (!event && (event = tracer_.next(deadline))) {
    if (event->thread != copy_) {
      take_in(*event);
      event.reset();
    }
  }
  if (!event) return Trouble("the copy does not begin");
  if (event->is_end()) {
    take_in(*event);
    return Trouble("the copy was killed at its birth");
  }
  Trouble trouble = injection_.begin(PTRACE_O_EXITKILL);
  if (trouble) return trouble;
  const int error = memory_.open(copy_, TargetMemory::Access::kReadAndWrite);
  if (error != 0) return system_trouble("the copy's memory", error);
  be_modest(niceness);
  return {};
}

// None of this is needed; it may all be refused.
void InjectedCopy::be_modest(int niceness) const {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(copy_), niceness);
  const std::string file = proc_path(copy_, "oom_score_adj");
  if (const int score = ::open(file.c_str(), O_WRONLY | O_CLOEXEC); score >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(score, "1000", 4);
    ::close(score);
  }
  const rlimit no_core{0, 0};
  ::prlimit(copy_, RLIMIT_CORE, &no_core, nullptr);
  for (const auto kind : {RLIMIT_AS, RLIMIT_DATA, RLIMIT_CPU}) {
    rlimit limit{};
    if (::prlimit(copy_, kind, nullptr, &limit) != 0) continue;
    limit.rlim_cur = limit.rlim_max;
    ::prlimit(copy_, kind, &limit, nullptr);
  }
  // A copy of a real-time process would come before everybody else for seconds.
  const int policy = ::sched_getscheduler(copy_) & ~SCHED_RESET_ON_FORK;
  const sched_param ordinary{};
  if (policy == SCHED_FIFO || policy == SCHED_RR)
    ::sched_setscheduler(copy_, SCHED_OTHER, &ordinary);
}

std::optional<long> InjectedCopy::call(long number, const CallArguments& arguments) {
  return injection_.call(number, arguments);
}

Trouble InjectedCopy::called(const char* what, long number, const CallArguments& arguments,
                             Address& result) {
  const std::optional<long> returned = call(number, arguments);
  if (!returned) return Trouble(std::string("the copy was killed at ") + what);
  if (is_error(*returned)) return system_trouble(std::string("the copy cannot ") + what, *returned);
  result = static_cast<Address>(*returned);
  return {};
}

// Sockets, locks and pipes of the process are not held by the copy.
Trouble InjectedCopy::close_descriptors() {
  const std::optional<long> result = call(SYS_close_range, {0, UINT_MAX, 0, 0, 0, 0});
  if (!result) return Trouble("the copy was killed when it closed its files");
  if (!is_error(*result)) return {};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(proc_path(copy_, "fd"), error)) {
    const long number = std::strtol(entry.path().filename().c_str(), nullptr, 10);
    if (!call(SYS_close, {number, 0, 0, 0, 0, 0})) return Trouble("the copy was killed");
  }
  return {};
}

//  entry                                            arguments      stack_end
//  |                                                |              |
//  [ code | data ............... of the blob ][ arguments ][ stack ]
Trouble InjectedCopy::map_blob(const Blob& blob, const std::string& arguments,
                               std::size_t stack_bytes) {
  const std::size_t blob_bytes = round_up(blob.bytes(), kPage);
  argument_bytes_ = arguments.size();
  const std::size_t argument_space = round_up(arguments.size() + 1, kPage);
  const std::size_t total = blob_bytes + argument_space + round_up(stack_bytes, kPage);
  constexpr long kHow = MAP_PRIVATE | MAP_ANONYMOUS;
  Address base = 0;
  Trouble trouble =
      called("map memory", SYS_mmap,
             {0, static_cast<long>(total), PROT_READ | PROT_WRITE, kHow, -1, 0}, base);
  // Never writable and executable at once: some filters forbid that. What we write through
  // /proc/PID/mem needs no permission.
  for (const Blob::Part& part : blob.parts()) {
    if (!part.is_code || trouble) continue;
    Address at = 0;
    trouble = called("map memory for code", SYS_mmap,
                     {static_cast<long>(base + part.offset), static_cast<long>(part.bytes),
                      PROT_READ | PROT_EXEC, kHow | MAP_FIXED, -1, 0},
                     at);
  }
  if (trouble) return trouble;
  base_ = base;
  entry_ = base + blob.entry();
  arguments_ = base + blob_bytes;
  stack_end_ = base + total;
  const std::vector<std::byte> placed = blob.placed_at(base);
  if (!memory_.write(base, placed.data(), placed.size()) ||
      !memory_.write(arguments_, arguments.data(), arguments.size()))
    return system_trouble("the copy's memory cannot be written", errno);
  return {};
}

// The copy makes the pipe, so it needs no file of ours that would have to exist in its mount and
// pid namespaces; and we fetch an end, which works from any namespace that sees the copy at all.
Trouble InjectedCopy::make_pipe(int& pipe_end) {
  const Address numbers = stack_end_ - 64;  // nobody is there yet
  Address result = 0;
  Trouble trouble =
      called("make a pipe", SYS_pipe2, {static_cast<long>(numbers), 0, 0, 0, 0, 0}, result);
  if (trouble) return trouble;
  // A filter that kills leaves the call's number where its result would be.
  if (result != 0) return Trouble("the copy was killed at make a pipe, by a seccomp filter");
  const auto ends = memory_.value<std::array<std::int32_t, 2>>(numbers);
  if (!ends) return Trouble("the copy's memory cannot be read");
  pipe_end = fetch_descriptor(copy_, (*ends)[0]);
  if (pipe_end < 0) return system_trouble("the copy's pipe cannot be opened", errno);
  ::fcntl(pipe_end, F_SETPIPE_SZ, kPipeBytes);
  // Without the other end it would be told when we stop reading; but then it is dead.
  call(SYS_close, {(*ends)[0], 0, 0, 0, 0, 0});
  output_ = (*ends)[1];
  return {};
}

Trouble InjectedCopy::load(const Blob& blob, const std::string& arguments, std::size_t stack_bytes,
                           int& pipe_end) {
  Trouble trouble = close_descriptors();
  if (!trouble) trouble = map_blob(blob, arguments, stack_bytes);
  if (!trouble) trouble = make_pipe(pipe_end);
  return trouble;
}

Trouble InjectedCopy::start() {
  Registers registers;
  long error = Tracer::get_registers(copy_, registers);
  registers.prepare_function(entry_, stack_end_, arguments_, argument_bytes_,
                             static_cast<Address>(output_));
  if (error == 0) error = Tracer::set_registers(copy_, registers);
  if (error == 0) error = Tracer::resume(copy_);
  return error == 0 ? Trouble() : system_trouble("the copy cannot be started", error);
}

void InjectedCopy::take_in(const Event& event) {
  if (event.thread != copy_) {
    // Whoever else still stops because of us is not to wait for us.
    if (!event.is_end()) Tracer::release(event.thread, event.signal());
    return;
  }
  if (event.is_end()) {
    has_ended_ = true;
    status_ = event.status;
    return;
  }
  const int signal = event.signal();
  if (!is_fault(signal)) {
    Tracer::resume(copy_);  // whatever it is, it is not meant for a copy
    return;
  }
  note_fault(signal);
  Tracer::resume(copy_, signal);  // the blob may know what to do about it
}

void InjectedCopy::note_fault(int signal) {
  siginfo_t facts{};
  Registers registers;
  ::ptrace(PTRACE_GETSIGINFO, copy_, nullptr, &facts);
  Tracer::get_registers(copy_, registers);
  const Address code = registers.instruction();
  fault_ = std::string(::strsignal(signal)) + " at " +  // NOLINT(concurrency-mt-unsafe)
           hexadecimal(reinterpret_cast<Address>(facts.si_addr)) + ", code at " +
           (code >= base_ && code < arguments_ ? "the blob + " + hexadecimal(code - base_)
                                               : hexadecimal(code));
}

Trouble InjectedCopy::end_trouble() const {
  if (!has_ended_) return Trouble("the copy has not ended");
  if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0) return {};
  if (WIFEXITED(status_))
    return Trouble("the copy gave up with code " + std::to_string(WEXITSTATUS(status_)));
  if (is_fault(WTERMSIG(status_))) return Trouble("the copy crashed: " + fault_);
  if (WTERMSIG(status_) == SIGKILL)
    return Trouble("the copy was killed, perhaps because memory was short");
  return Trouble("the copy was ended by signal " + std::to_string(WTERMSIG(status_)));
}

void InjectedCopy::end() {
  if (has_ended_) return;
  ::kill(copy_, SIGKILL);
  const Nanoseconds deadline = os::monotonic_now() + kDeathTakes;
  while (!has_ended_) {
    const std::optional<Event> event = tracer_.next(deadline);
    if (!event) return;
    take_in(*event);
  }
}

}  // namespace hoop::remote
