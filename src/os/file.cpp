// SPDX-License-Identifier: Apache-2.0
#include "os/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/text.h"

namespace hoop::os {

FileWriter::FileWriter(const char* path) noexcept {
  TextBuffer name(path_, sizeof path_);
  failed_ = name.add(path).truncated();
  if (failed_) return;
  TextBuffer(temporary_, sizeof temporary_).add(path).add(".part");
  descriptor_ = ::open(temporary_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  failed_ = descriptor_ < 0;
}

FileWriter::~FileWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_);
}

void FileWriter::flush() noexcept {
  std::size_t done = 0;
  while (done < used_ && !failed_) {
    const ssize_t written = ::write(descriptor_, buffer_ + done, used_ - done);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      failed_ = true;
    }
  }
  used_ = 0;
}

void FileWriter::write(const char* data, std::size_t length) noexcept {
  for (std::size_t done = 0; done < length;) {
    if (used_ == sizeof buffer_) flush();
    const std::size_t room = sizeof buffer_ - used_;
    const std::size_t part = length - done < room ? length - done : room;
    std::memcpy(buffer_ + used_, data + done, part);
    used_ += part;
    done += part;
  }
}

bool FileWriter::finish() noexcept {
  if (descriptor_ < 0) return false;
  flush();
  ::close(descriptor_);
  descriptor_ = -1;
  if (!failed_ && std::rename(temporary_, path_) == 0) return true;
  ::unlink(temporary_);
  return false;
}

namespace {

void* map_file(const char* path, std::size_t bytes, int flags) {
  rlimit limit{};  // a file beyond it is a signal, not an error
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) return nullptr;
  const int saved = errno;
  void* result = nullptr;
  const int descriptor = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  if (descriptor >= 0) {
    // Space is allocated now: a full disk must show here, not as SIGBUS at a later write.
    if (::posix_fallocate(descriptor, 0, static_cast<off_t>(bytes)) == 0) {
      void* const mapped =
          ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
      if (mapped != MAP_FAILED) result = mapped;
    }
    ::close(descriptor);
  }
  errno = saved;
  return result;
}

}  // namespace

void* map_new_file(const char* path, std::size_t bytes) noexcept {
  return map_file(path, bytes, O_EXCL);
}

void* map_common_file(const char* path, std::size_t bytes) noexcept {
  return map_file(path, bytes, 0);
}

}  // namespace hoop::os
