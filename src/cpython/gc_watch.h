// SPDX-License-Identifier: Apache-2.0
// Times CPython's collections, by an entry of gc.callbacks, and lets the collector know of them.
#pragma once

#include <Python.h>

#include <cstdint>

#include "base/units.h"

namespace hoop::cpython {

inline constexpr int kGenerations = 3;

struct GenerationFigures {
  std::uint64_t collections = 0;
  std::uint64_t collected = 0;
  Nanoseconds time = 0;
  Nanoseconds longest = 0;
};

// Written and read with the GIL held.
extern constinit GenerationFigures generation_figures[kGenerations];

// Adds the callback. REQUIRES: the GIL. False with no exception set when it cannot be added.
bool watch_collections(PyObject* gc_module) noexcept;

// Whether the callback is (still) there: a program may clear gc.callbacks. REQUIRES: the GIL.
bool collections_are_watched() noexcept;

}  // namespace hoop::cpython
