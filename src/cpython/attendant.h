// SPDX-License-Identifier: Apache-2.0
// Answers who asks this process for a snapshot: a thread that waits at a socket in the run
// directory, and runs nothing of Python's. It is not there while the program forks.
#pragma once

namespace hoop::cpython {

// REQUIRES, for all: the GIL.

// From now on the process can be asked. Does nothing without a run directory.
void open_attendant() noexcept;
enum class Patience : bool { kShort, kToTheEnd };

// A snapshot of this instant, into the directory of the triggers. The program goes on while it is
// written, unless that takes no time worth mention, or all of it is waited for. False: none is
// under way.
bool take_snapshot_now(const char* trigger, Patience patience) noexcept;
// Has it look up from its waiting: it may have to wait for something else.
void wake_attendant() noexcept;
// Around a fork; a snapshot under way goes on meanwhile.
void pause_attendant() noexcept;
void resume_attendant() noexcept;
// The interpreter is about to end: ends a snapshot under way.
void close_attendant() noexcept;
// Before _exit(), which waits for nothing: nobody is to find the socket.
void leave_attendant() noexcept;
// An allocation failed. Any thread.
void note_memory_error() noexcept;
// In a fork's child: everything is the parent's; resume_attendant() makes one of its own.
void forget_attendant() noexcept;

}  // namespace hoop::cpython
