// SPDX-License-Identifier: Apache-2.0
// How much more memory the process's control group (a container, a systemd unit) allows.
#pragma once

#include <cstddef>

namespace hoop::os {

// Bytes until the tightest limit of the process's group and the groups around it; file pages that
// the kernel can drop do not count as used. SIZE_MAX where there is no limit, or none can be read.
// Groups may change while a process lives: the files are read at each call (about 0.1 ms). `root`
// is put before /proc and /sys.
std::size_t memory_left_in_group(const char* root = "") noexcept;

}  // namespace hoop::os
