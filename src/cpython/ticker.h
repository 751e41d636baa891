// SPDX-License-Identifier: Apache-2.0
// When memory is given back and the process's memory is sampled: at beats of the heap's slow paths,
// after full collections, and by a thread that exists only while an otherwise idle process has
// something to give.
#pragma once

#include "base/units.h"

namespace hoop::heap {
class Heap;
}

namespace hoop::cpython {

// The heap's beat: samples, trims, and starts the thread where needed. Runs inside the allocator,
// with the GIL.
void on_beat(heap::Heap& heap);

// REQUIRES: the GIL.
void after_full_collection();

// From now on the thread may be started, by the next beat that has a reason to.
// REQUIRES: the GIL; the interpreter is up.
void open_ticker();

// The same after stop_thread(), unless the ticker was closed.
void allow_thread();

// The same, and starts it if there is something to give: no beat may come before the program waits.
// REQUIRES: the GIL.
void resume_thread();

// Ends the thread and waits for it; it is not started again before allow_thread().
// May give the GIL up meanwhile. REQUIRES: the GIL.
void stop_thread();

// The same, and only open_ticker() allows another: the interpreter is about to end.
void close_ticker();

// For an interpreter that has ended, or that nobody saw end in time: the thread may hang for ever.
void close_ticker_unwaited();

// In a fork's child: there is no thread.
void forget_thread();

// What the thread does besides: called every few milliseconds, without the GIL, as long as it
// returns true. Set once.
void set_errands(bool (*run)(Nanoseconds now) noexcept);

// There is something to run: the thread is started, if it may be. REQUIRES: the GIL.
void request_errands();

// Takes a sample now. REQUIRES: the GIL.
void sample_now();

}  // namespace hoop::cpython
