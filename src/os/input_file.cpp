// SPDX-License-Identifier: Apache-2.0
#include "os/input_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>  // IWYU pragma: keep
#include <cstring>

#include "base/units.h"

namespace hoop::os {

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int InputFile::open(const char* path) noexcept {
  // A pipe under this name must not keep us waiting.
  descriptor_ = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return descriptor_ < 0 ? errno : 0;
}

FileState InputFile::state() const noexcept {
  struct stat found = {};
  if (::fstat(descriptor_, &found) != 0) return {};
  return {static_cast<std::uint64_t>(found.st_size),
          static_cast<std::uint64_t>(found.st_mtim.tv_sec) * kSecond +
              static_cast<std::uint64_t>(found.st_mtim.tv_nsec),
          S_ISREG(found.st_mode), found.st_uid == ::geteuid()};
}

bool InputFile::read_at(std::uint64_t offset, void* to, std::size_t bytes) const noexcept {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, at, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

const void* InputFile::map(std::size_t bytes) const noexcept {
  void* const at = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  return at == MAP_FAILED ? nullptr : at;
}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_);
}

int OutputFile::create(const char* path) noexcept {
  if (std::strlen(path) >= kMostPath) return ENAMETOOLONG;
  std::snprintf(path_, sizeof path_, "%s", path);
  std::snprintf(temporary_, sizeof temporary_, "%s.XXXXXX", path);
  descriptor_ = ::mkostemp(temporary_, O_CLOEXEC);  // NOLINT(misc-include-cleaner)
  return descriptor_ < 0 ? errno : 0;
}

int OutputFile::write(const void* data, std::size_t bytes) noexcept {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t put = ::write(descriptor_, at, bytes);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    at += put;
    bytes -= static_cast<std::size_t>(put);
  }
  return 0;
}

int OutputFile::finish() noexcept {
  if (::rename(temporary_, path_) != 0) return errno;
  const int result = ::close(descriptor_);
  descriptor_ = -1;
  return result == 0 ? 0 : errno;
}

}  // namespace hoop::os
