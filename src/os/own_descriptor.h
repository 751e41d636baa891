// SPDX-License-Identifier: Apache-2.0
// A descriptor of ours in a program that knows nothing of it, and may close all descriptors that it
// does not know: daemons do. It has a high number, so that the program's own have the numbers that
// they would have without us, and it is looked at before each use whether it is still the same
// file.
#pragma once

#include <sys/types.h>

namespace hoop::os {

class OwnDescriptor {
 public:
  // Takes over a descriptor just made, of a kind that has an inode of its own (a socket, a pipe, a
  // file). Negative: there is none.
  void take(int descriptor) noexcept;
  // False once somebody closed it, even if its number means another file now.
  [[nodiscard]] bool is_ours() const noexcept;
  // For a call that follows at once. -1: it is not ours any more.
  [[nodiscard]] int number() const noexcept { return is_ours() ? number_ : -1; }
  void close() noexcept;

 private:
  int number_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace hoop::os
