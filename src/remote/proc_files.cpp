// SPDX-License-Identifier: Apache-2.0
#include "remote/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "base/units.h"
#include "remote/trouble.h"

namespace hoop::remote {

Trouble system_trouble(const std::string& what, long error) {
  return Trouble(what + ": " + std::strerror(static_cast<int>(error < 0 ? -error : error)));
}

std::string proc_path(pid_t pid, const std::string& name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

std::string proc_path(pid_t pid, pid_t thread, const std::string& name) {
  return proc_path(pid, "task/" + std::to_string(thread) + "/" + name);
}

std::string read_text(const std::string& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char buffer[1 << 14];
  while (true) {
    const ssize_t got = ::read(file, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(file);
  return text;
}

std::string read_link(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
  return length < 0 ? std::string() : std::string(target, static_cast<std::size_t>(length));
}

std::string field_of(const std::string& status, const std::string& name) {
  const std::string label = "\n" + name + ":";
  const std::size_t at = ("\n" + status).find(label);
  if (at == std::string::npos) return "";
  const std::size_t begin = status.find_first_not_of(" \t", at + label.size() - 1);
  if (begin == std::string::npos) return "";
  return status.substr(begin, status.find('\n', begin) - begin);
}

std::vector<pid_t> thread_ids(pid_t pid) {
  std::vector<pid_t> found;
  DIR* const folder = ::opendir(proc_path(pid, "task").c_str());
  if (folder == nullptr) return found;
  // One reader for each stream: readdir() is safe.
  while (const dirent* const entry = ::readdir(folder)) {  // NOLINT(concurrency-mt-unsafe)
    pid_t thread = 0;
    const char* const name = entry->d_name;
    const auto [end, error] = std::from_chars(name, name + std::strlen(name), thread);
    if (error == std::errc() && *end == 0) found.push_back(thread);
  }
  ::closedir(folder);
  return found;
}

char thread_state(pid_t pid, pid_t thread) {
  char text[256];
  const int file = ::open(proc_path(pid, thread, "stat").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t got = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (got <= 0) return 0;
  text[got] = 0;
  // The name in brackets may hold anything, a bracket too.
  const char* const bracket = std::strrchr(text, ')');
  return bracket != nullptr && bracket[1] == ' ' ? bracket[2] : 0;
}

std::vector<Mapping> read_mappings(pid_t pid) {
  std::vector<Mapping> found;
  const std::string text = read_text(proc_path(pid, "maps"));
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    unsigned long start = 0;
    unsigned long stop = 0;
    unsigned long offset = 0;
    char flags[5] = {};
    int path = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %lx %*s %*s %n", &start, &stop, flags, &offset,
                    &path) < 4)
      continue;
    found.push_back({start, stop, offset, flags[0] == 'r', flags[1] == 'w', flags[2] == 'x',
                     path > 0 ? line.substr(static_cast<std::size_t>(path)) : ""});
  }
  return found;
}

TargetMemory::~TargetMemory() {
  if (file_ >= 0) ::close(file_);
}

int TargetMemory::open(pid_t pid, Access access) {
  if (file_ >= 0) ::close(file_);
  const int flags = access == Access::kRead ? O_RDONLY : O_RDWR;
  file_ = ::open(proc_path(pid, "mem").c_str(), flags | O_CLOEXEC);
  return file_ < 0 ? errno : 0;
}

bool TargetMemory::read(Address from, void* to, std::size_t bytes) const {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(file_, at, bytes, static_cast<off_t>(from));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    from += static_cast<Address>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

bool TargetMemory::write(Address to, const void* from, std::size_t bytes) const {
  const auto* at = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t done = ::pwrite(file_, at, bytes, static_cast<off_t>(to));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done;
    to += static_cast<Address>(done);
    bytes -= static_cast<std::size_t>(done);
  }
  return true;
}

std::string TargetMemory::text(Address from, std::size_t most) const {
  std::string found;
  constexpr std::size_t kStep = 64;  // of a page: no step crosses into the next one
  while (found.size() < most) {
    char part[kStep];
    const std::size_t bytes = kStep - from % kStep;
    if (!read(from, part, bytes)) break;
    const std::size_t length = ::strnlen(part, bytes);
    found.append(part, length);
    if (length < bytes) break;
    from += bytes;
  }
  found.resize(found.size() < most ? found.size() : most);
  return found;
}

}  // namespace hoop::remote
