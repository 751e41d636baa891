// SPDX-License-Identifier: Apache-2.0
// Keeps threads of ours away from the GIL while tracemalloc is switched on or off.
//
// A thread that CPython does not know gets a thread state each time it takes the GIL: a block of
// the raw domain, allocated before it has the GIL and freed after it has given it up. tracemalloc
// exchanges that domain's functions and its own tables meanwhile, and before 3.12.9 and 3.13.2 who
// waits for the GIL inside such a call crashes afterwards (gh-128679).
//
// Lock order: the GIL is never waited for with the gate's own mutex held.
#pragma once

namespace hoop::cpython {

// By a thread of ours, before PyGILState_Ensure(). False: not now.
[[nodiscard]] bool enter_gil_gate() noexcept;

// After PyGILState_Release().
void leave_gil_gate() noexcept;

// Lets nobody in any more, and waits for those inside; may give the GIL up meanwhile.
// REQUIRES: the GIL.
void shut_gil_gate() noexcept;

// After as many calls as of shut_gil_gate() it is open.
void open_gil_gate() noexcept;

// The interpreter has ended, and whoever still waits for its GIL is not coming back.
void forget_gil_visitors() noexcept;

// In a fork's child: nobody is inside, and it is open.
void restart_gil_gate_after_fork() noexcept;

}  // namespace hoop::cpython
