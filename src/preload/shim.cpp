// SPDX-License-Identifier: Apache-2.0
// libhoop_preload: what LD_PRELOAD puts into every child of a run, Python or not. Names no Python
// symbol, prints nothing, and does nothing where no Python is. Where one is, it opens the agent
// built for that very version.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/agent_abi.h"
#include "base/text.h"
#include "os/report_process.h"

namespace hoop {
namespace {

using PathText = FixedText<4096>;

using SetLimit = int (*)(int, const void*);
using ProcessLimit = int (*)(pid_t, int, const void*, void*);
using Execute = int (*)(const char*, char* const*, char* const*);

// What our own definitions hide: libc's, or those of a library preloaded behind us. Each name has
// its own, since such a library may define one of two that libc has for the same.
struct Next {
  void (*exit)(int);
  SetLimit setrlimit;
  SetLimit setrlimit64;
  ProcessLimit prlimit;
  ProcessLimit prlimit64;
  Execute execve;
  int (*execv)(const char*, char* const*);
  int (*fexecve)(int, char* const*, char* const*);
};

struct Shim {
  AgentHooks hooks;
  const char* run_dir;
  Next next;
  pid_t pid;  // of the process image that this is; a child of vfork shares our memory, not our pid
};
constinit Shim shim{};

// "3.11.7 (main, ...)" -> 311; 0 for what no agent is built for.
unsigned minor_version(const char* text) {
  if (std::strstr(text, "free-threading") != nullptr) return 0;
  const unsigned long major = parse_decimal(text);
  if (major != 3 || *text != '.') return 0;
  ++text;
  return static_cast<unsigned>(300 + parse_decimal(text));
}

#if defined(__aarch64__)
constexpr char kArchitecture[] = "aarch64";
#else
constexpr char kArchitecture[] = "x86_64";
#endif

void* open_agent_in(const char* directory, std::size_t length, unsigned version) {
  PathText path;
  path.add(directory, length).add("/_agent.cpython-").add_decimal(version).add_char('-');
  path.add(kArchitecture).add("-linux-gnu.so");
  if (path.truncated() || ::access(path.data(), R_OK) != 0) return nullptr;
  return ::dlopen(path.data(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

void* open_agent_beside_shim(unsigned version) {
  Dl_info self;
  if (::dladdr(&shim, &self) == 0 || self.dli_fname == nullptr) return nullptr;
  const char* const slash = std::strrchr(self.dli_fname, '/');
  if (slash == nullptr) return nullptr;
  return open_agent_in(self.dli_fname, static_cast<std::size_t>(slash - self.dli_fname), version);
}

void* open_agent(unsigned version) {
  if (void* const agent = open_agent_beside_shim(version)) return agent;
  for (const char* rest = os::variable("HOOP_AGENTS"); rest != nullptr && *rest != 0;) {
    const char* const colon = std::strchr(rest, ':');
    const std::size_t length =
        colon != nullptr ? static_cast<std::size_t>(colon - rest) : std::strlen(rest);
    if (void* const agent = open_agent_in(rest, length, version)) return agent;
    rest = colon != nullptr ? colon + 1 : nullptr;
  }
  return nullptr;
}

void start_agent() {
  using VersionFunction = const char* (*)();
  const auto version_of = reinterpret_cast<VersionFunction>(::dlsym(RTLD_DEFAULT, "Py_GetVersion"));
  if (version_of == nullptr) return;
  const unsigned version = minor_version(version_of());
  void* const agent = version != 0 ? open_agent(version) : nullptr;
  if (agent == nullptr) return;
  const auto entry = reinterpret_cast<AgentEntry>(::dlsym(agent, kAgentEntryName));
  if (entry == nullptr) return;
  const AgentStart start{kAgentAbi, os::is_root_process(), shim.run_dir};
  entry(&start, &shim.hooks);
}

// A Python of this very process that ended in exec() left figures that say "running". The state is
// at a fixed offset of its file (docs/format/run-directory.md).
void mark_earlier_image() {
  constexpr off_t kStateOffset = 44;
  constexpr std::uint32_t kRunning = 1;
  constexpr std::uint32_t kLeft = 4;
  constexpr unsigned kMaxImages = 1000;
  for (unsigned image = 0; image < kMaxImages; ++image) {
    PathText path;
    path.add(shim.run_dir)
        .add_char('/')
        .add_decimal(static_cast<std::uint64_t>(shim.pid))
        .add_char('.');
    path.add_decimal(image).add(".live");
    const int file = ::open(path.data(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0) return;
    std::uint32_t state = 0;
    const bool is_running =
        ::pread(file, &state, sizeof state, kStateOffset) == sizeof state && state == kRunning;
    if (is_running && ::pwrite(file, &kLeft, sizeof kLeft, kStateOffset) < 0) state = 0;
    ::close(file);
  }
}

// Programs write their title over the strings of the environment.
const char* copy_of(const char* run_dir) {
  static PathText copy;
  if (run_dir == nullptr || copy.add(run_dir).truncated()) return nullptr;
  return copy.data();
}

template <class Function>
void find_next(Function& function, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

__attribute__((constructor)) void enter() {
  find_next(shim.next.exit, "_exit");
  find_next(shim.next.setrlimit, "setrlimit");
  find_next(shim.next.setrlimit64, "setrlimit64");
  find_next(shim.next.prlimit, "prlimit");
  find_next(shim.next.prlimit64, "prlimit64");
  find_next(shim.next.execve, "execve");
  find_next(shim.next.execv, "execv");
  find_next(shim.next.fexecve, "fexecve");
  if (os::is_disabled()) return;
  shim.run_dir = copy_of(os::variable("HOOP_RUN_DIR"));
  shim.pid = ::getpid();
  if (shim.run_dir != nullptr) mark_earlier_image();
  start_agent();
}

// A run whose first program is no Python (a shell script, say) ends here.
void finish_run() {
  if (shim.run_dir == nullptr || shim.pid != ::getpid() || !os::is_root_process()) return;
  if (shim.hooks.run_is_finished != nullptr && shim.hooks.run_is_finished()) return;
  const char* const run_dir = shim.run_dir;
  shim.run_dir = nullptr;
  os::run_report(run_dir);
}

__attribute__((destructor)) void leave() { finish_run(); }

[[noreturn]] void exit_now(int status) {
  if (shim.hooks.before_exit != nullptr) shim.hooks.before_exit();
  finish_run();
  if (shim.next.exit != nullptr) shim.next.exit(status);
  while (true) ::syscall(SYS_exit_group, status);
}

int after_limit(int resource, const void* limit, int result) {
  const bool was_address_space = resource == RLIMIT_AS && result == 0 && limit != nullptr;
  if (was_address_space && shim.hooks.after_address_space_limit != nullptr) {
    shim.hooks.after_address_space_limit();
  }
  return result;
}

// What is called before our constructor ran goes to the kernel.
int set_limit(SetLimit next, int resource, const void* limit) {
  const int result = next != nullptr
                         ? next(resource, limit)
                         : static_cast<int>(::syscall(SYS_prlimit64, 0, resource, limit, nullptr));
  return after_limit(resource, limit, result);
}

int set_limit_of(ProcessLimit next, pid_t process, int resource, const void* limit,
                 void* old_limit) {
  const int result =
      next != nullptr
          ? next(process, resource, limit, old_limit)
          : static_cast<int>(::syscall(SYS_prlimit64, process, resource, limit, old_limit));
  return after_limit(resource, limit, result);
}

// exec(), with the agent told before: `can_work` is false for what will only fail, as most do in a
// search of PATH.
template <class Call>
int execute(bool can_work, Call&& call) {
  const bool told = can_work && shim.hooks.before_exec != nullptr && shim.hooks.before_exec();
  const int result = call();
  if (!told) return result;
  const int error = errno;
  shim.hooks.after_failed_exec();
  errno = error;
  return result;
}

bool is_executable(const char* path) {
  const int error = errno;
  const bool result = path != nullptr && ::access(path, X_OK) == 0;
  errno = error;
  return result;
}

}  // namespace
}  // namespace hoop

#define HOOP_INTERPOSED extern "C" __attribute__((visibility("default")))

HOOP_INTERPOSED void _exit(int status) { hoop::exit_now(status); }
HOOP_INTERPOSED void _Exit(int status) noexcept { hoop::exit_now(status); }

// rlimit and rlimit64 are the same on 64-bit systems.
HOOP_INTERPOSED int setrlimit(__rlimit_resource_t resource, const rlimit* limit) noexcept {
  return hoop::set_limit(hoop::shim.next.setrlimit, static_cast<int>(resource), limit);
}
HOOP_INTERPOSED int setrlimit64(__rlimit_resource_t resource, const rlimit64* limit) noexcept {
  return hoop::set_limit(hoop::shim.next.setrlimit64, static_cast<int>(resource), limit);
}
HOOP_INTERPOSED int prlimit(pid_t process, __rlimit_resource resource, const rlimit* limit,
                            rlimit* old_limit) noexcept {
  return hoop::set_limit_of(hoop::shim.next.prlimit, process, static_cast<int>(resource), limit,
                            old_limit);
}
HOOP_INTERPOSED int prlimit64(pid_t process, __rlimit_resource resource, const rlimit64* limit,
                              rlimit64* old_limit) noexcept {
  return hoop::set_limit_of(hoop::shim.next.prlimit64, process, static_cast<int>(resource), limit,
                            old_limit);
}

// The ways that Python goes. A child of vfork calls them in its parent's memory: the agent knows.
HOOP_INTERPOSED int execve(const char* path, char* const* arguments,
                           char* const* variables) noexcept {
  return hoop::execute(hoop::is_executable(path), [&] {
    if (hoop::shim.next.execve != nullptr) {
      return hoop::shim.next.execve(path, arguments, variables);
    }
    return static_cast<int>(::syscall(SYS_execve, path, arguments, variables));
  });
}
HOOP_INTERPOSED int execv(const char* path, char* const* arguments) noexcept {
  return hoop::execute(hoop::is_executable(path), [&] {
    if (hoop::shim.next.execv != nullptr) return hoop::shim.next.execv(path, arguments);
    return static_cast<int>(::syscall(SYS_execve, path, arguments, environ));
  });
}
HOOP_INTERPOSED int fexecve(int file, char* const* arguments, char* const* variables) noexcept {
  return hoop::execute(true, [&] {
    if (hoop::shim.next.fexecve != nullptr) {
      return hoop::shim.next.fexecve(file, arguments, variables);
    }
    return static_cast<int>(::syscall(SYS_execveat, file, "", arguments, variables, AT_EMPTY_PATH));
  });
}
