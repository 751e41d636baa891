// SPDX-License-Identifier: Apache-2.0
// A copy-on-write copy of this process: one instant of its memory, held still for whoever wants to
// read it, while the process goes on.
//
// A raw clone, not fork(): no handlers run, nobody is told. Its end raises no signal, so that
// waitpid(-1) of the program never sees it. In the copy every signal is blocked and every
// descriptor closed but one; it dumps no core, dies first when memory is short, and ends by itself
// after `most_seconds`, whatever it is doing then.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace hoop::os {

// What runs in the copy. It may use system calls, and read what was there; no lock, no malloc, no
// stdio. The copy ends when it returns.
using CopyBody = void (*)(void* context) noexcept;

// The copy's process number, or -errno: no memory (ENOMEM), no process (EAGAIN), not allowed
// (EPERM, ENOSYS). `keep`: a descriptor that stays open in the copy; -1: none does.
pid_t start_copy(CopyBody body, void* context, unsigned most_seconds, int keep = -1) noexcept;

enum class CopyState : std::uint8_t { kRuns, kEnded, kCrashed };

// Looks, and takes the copy's remains away once it has ended; not to be asked again after that.
CopyState poll_copy(pid_t copy) noexcept;

// Ends a copy that was not seen to end, and takes its remains away.
void end_copy(pid_t copy) noexcept;

// In the copy: whether the process that it is a copy of is gone. `parent` is that process.
[[nodiscard]] bool is_orphan(pid_t parent) noexcept;

}  // namespace hoop::os
