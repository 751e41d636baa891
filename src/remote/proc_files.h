// SPDX-License-Identifier: Apache-2.0
// What /proc says of another process, and its memory through /proc/PID/mem.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "remote/trouble.h"

namespace hoop::remote {

// "/proc/PID/name".
std::string proc_path(pid_t pid, const std::string& name);
std::string proc_path(pid_t pid, pid_t thread, const std::string& name);

// "" when it cannot be read.
std::string read_text(const std::string& path);
std::string read_link(const std::string& path);

// The value of a line "Name:<tab>value" of a status file; "" where there is none.
std::string field_of(const std::string& status, const std::string& name);

std::vector<pid_t> thread_ids(pid_t pid);

// The letter of /proc/PID/task/TID/stat (R runs, S sleeps, D sleeps and cannot be woken, T and t
// stopped, Z and X dead); 0 when the thread is gone.
char thread_state(pid_t pid, pid_t thread);

struct Mapping {
  Address start = 0;
  Address end = 0;
  std::uint64_t offset = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  std::string path;  // as the target's mount namespace has it; "" for anonymous memory
};
std::vector<Mapping> read_mappings(pid_t pid);

// The memory of a process as it was when this was opened: after an exec nothing can be read.
class TargetMemory {
 public:
  TargetMemory() = default;
  ~TargetMemory();
  TargetMemory(const TargetMemory&) = delete;
  TargetMemory& operator=(const TargetMemory&) = delete;

  enum class Access : std::uint8_t { kRead, kReadAndWrite };
  // 0, or an errno. Asks for the same rights as ptrace does.
  int open(pid_t pid, Access access = Access::kRead);
  // All of it or nothing.
  bool read(Address from, void* to, std::size_t bytes) const;
  bool write(Address to, const void* from, std::size_t bytes) const;
  // Up to `most` characters before the NUL.
  [[nodiscard]] std::string text(Address from, std::size_t most) const;

  template <class T>
  [[nodiscard]] std::optional<T> value(Address from) const {
    T found{};
    if (!read(from, &found, sizeof found)) return std::nullopt;
    return found;
  }

 private:
  int file_ = -1;
};

}  // namespace hoop::remote
