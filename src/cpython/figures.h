// SPDX-License-Identifier: Apache-2.0
// The figures of this process for the report: memory over time, the peak, and everything at the
// end. Formats: docs/format/run-directory.md.
#pragma once

#include "base/units.h"

namespace hoop::cpython {

// True when it is time for another sample.
bool figures_are_due(Nanoseconds now);

// Adds a sample of memory over time. REQUIRES: the GIL (or the heap's lock).
void record_sample(Nanoseconds now);

// True when the heap has grown so much that another look at its composition is worth its time.
bool heap_has_grown() noexcept;

// Notes what the heap consists of now, by a sample. Calls Python: REQUIRES a place where any code
// may run.
void look_at_composition() noexcept;

enum class Ending { kNormal, kExitCall, kExec };
// Whether Python may be called for the names of types.
enum class Names { kAvailable, kUnavailable };
// Gathers the figures while all is still alive, and writes them; a later call completes the times.
void gather_final_figures(Names names) noexcept;
void write_final_figures(Ending ending) noexcept;
// The process goes on after all: takes back what was gathered and written.
void take_back_final_figures() noexcept;

// The process leaves where nothing can be gathered: its samples say all there is.
void leave_samples_only() noexcept;

// In a process that Hoopsnake stays out of: says so in the run directory.
void write_passive_figures() noexcept;

// In a fork's child: the figures so far are the parent's.
void forget_figures() noexcept;

}  // namespace hoop::cpython
