// SPDX-License-Identifier: Apache-2.0
#include "os/own_descriptor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hoop::os {
namespace {

// As high as can be below what select() can wait for, and what is allowed.
int lowest_number() {
  constexpr rlim_t kHigh = 1000, kRoom = 16, kLeast = 64;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < kLeast) return 0;
  const rlim_t most = limit.rlim_cur - kRoom;
  return static_cast<int>(most < kHigh ? most : kHigh);
}

}  // namespace

void OwnDescriptor::take(int descriptor) noexcept {
  number_ = -1;
  if (descriptor < 0) return;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, lowest_number());
  number_ = moved < 0 ? descriptor : moved;
  if (moved >= 0) ::close(descriptor);
  struct stat facts {};
  if (::fstat(number_, &facts) != 0) return;
  device_ = facts.st_dev;
  inode_ = facts.st_ino;
}

bool OwnDescriptor::is_ours() const noexcept {
  struct stat facts {};
  return number_ >= 0 && ::fstat(number_, &facts) == 0 && facts.st_dev == device_ &&
         facts.st_ino == inode_;
}

void OwnDescriptor::close() noexcept {
  if (is_ours()) ::close(number_);
  number_ = -1;
}

}  // namespace hoop::os
