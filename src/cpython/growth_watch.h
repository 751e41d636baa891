// SPDX-License-Identifier: Apache-2.0
// `hoop run --explain`: snapshots of a process as it grows, so that what grows can be told from
// what is large. As imports have ended (from 3.12 on at once), then each time half as much again
// has been allocated; before a full collection that the program asks for, which frees what only the
// collector frees; what a collection left in gc.garbage; and as an event loop ends.
#pragma once

#include "base/units.h"

namespace hoop::cpython {

// REQUIRES, for all but the beat and the time: the GIL.

// The interpreter is up. Does nothing unless HOOP_SNAPSHOT_AT asks for it.
void open_growth_watch() noexcept;
// The snapshot of the end is taken.
bool growth_watch_saw_exit() noexcept;
// Whether the heap's beat is to come at each slow call.
bool growth_is_watched() noexcept;
// From the heap's beat, and as a young collection begins: has a look soon, where Python may run.
void on_growth_beat() noexcept;
// From the attendant's thread: what stays as large is looked at now and then as well. How long to
// wait until the next call, in ms; -1: for ever.
int growth_watch_sees_time(Nanoseconds now) noexcept;
// A full collection begins or has ended.
void growth_watch_sees_start() noexcept;
void growth_watch_sees_stop() noexcept;
// In a fork's child.
void restart_growth_watch() noexcept;

}  // namespace hoop::cpython
