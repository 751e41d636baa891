// SPDX-License-Identifier: Apache-2.0
// Full collections. CPython's own are put off; a search of ours, in a copy of the process or in
// place, finds what looks like garbage, and CPython's next young collections judge it. What is
// alive cannot be harmed: a wrong hint is an object that they look at once more.
//
//   CPython collects a middle generation  ->  is a full collection due, by CPython's rule?
//   search (flight.h)                     ->  candidates, while the program goes on
//   CPython begins a young collection     ->  a batch of candidates joins the youngest generation
//   it ends                               ->  what was garbage is gone; the next batch
//
// Everything with the GIL held, but where said otherwise.
#pragma once

#include <Python.h>

#include <cstdint>

#include "base/units.h"
#include "cpython/collector_choice.h"
#include "cpython/compat/gc_state.h"

namespace hoop::cpython {

// Attaches to the running interpreter's collector; where that cannot be, collector_reason() says
// why, and CPython's own goes on. REQUIRES: `gc_module` is the module gc.
void attach_collector(PyObject* gc_module, CollectorChoice choice) noexcept;

bool collector_is_attached() noexcept;

// "concurrent", "inplace", "stock", or "passive" with a reason.
const char* collector_mode() noexcept;
const char* collector_reason() noexcept;

// From gc.callbacks.
void collector_sees_start(int generation) noexcept;
void collector_sees_stop(int generation, std::uint64_t collected, Nanoseconds took) noexcept;
// Whether the collection that has just ended judged candidates of ours.
bool collection_was_ours() noexcept;

// gc.collect(), by a search in place: what it returns is what gc.collect() returns. nullptr with an
// exception set when that failed.
// `original`: what stood behind it, called for the rest and where we are passive.
PyObject* collect_in_place(PyObject* gc_module, PyCFunction original) noexcept;

// The collector's lists, where they were found. False: they were not.
bool find_collector_state(GcState& state) noexcept;

// Has huge pages put together again that were split while a copy was there.
void mend_after_copy() noexcept;

// The program is about to look at the collector's lists; during collect_in_place() not all objects
// are in them.
void show_all_objects() noexcept;

// After gc.set_threshold(): a full collection may be due now that was not before.
void collector_sees_thresholds() noexcept;

// Objects are about to be frozen, and candidates must not be brought back among the living.
void collector_sees_freeze() noexcept;

// Before an exec; at the end of the interpreter; before _exit(), which does not wait for the copy.
void abandon_collection() noexcept;
void close_collector() noexcept;
void leave_collector() noexcept;
// In a fork's child.
void restart_collector_after_fork() noexcept;

}  // namespace hoop::cpython
