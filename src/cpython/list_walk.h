// SPDX-License-Identifier: Apache-2.0
// Walks the collector's lists. A list is a chain of cache misses; so many places of it are walked
// at the same time, each until it meets the next, and what was not shown to hang together with a
// head is taken back.
#pragma once

#include <cstddef>

#include "cpython/compat/gc_state.h"
#include "cycles/object_map.h"
#include "heap/heap.h"

namespace hoop::cpython {

// Enters every object of the three generations into `map`, and nothing else; those that have no
// room there are left out. Returns how many are in it. Only reads objects.
std::size_t walk_generations(const heap::Heap& heap, const GcState& state, cycles::ObjectMap& map);

}  // namespace hoop::cpython
