// SPDX-License-Identifier: Apache-2.0
// What the misuse programs share.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <vector>

#include "base/units.h"
#include "heap/fault.h"
#include "heap/heap.h"

using hoop::kKiB;
using hoop::kMiB;
using hoop::Nanoseconds;
using hoop::heap::Heap;
using Blocks = std::vector<void*>;

inline Heap& fresh_heap() {
  static constinit Heap heap;
  if (!heap.init()) std::exit(2);
  return heap;
}

// All blocks of a slab that is full and not the one in use any more.
inline Blocks fill_slab(Heap& heap, std::size_t bytes) {
  Blocks blocks = {heap.allocate(bytes)};
  const std::size_t block_bytes = heap.usable_size(blocks[0]);
  const bool small = block_bytes <= hoop::heap::kMaxSmallBytes;
  const std::size_t units = small ? 1 : hoop::heap::kUnitsPerMediumSlab;
  const std::size_t capacity = units * hoop::heap::kUnitBytes / block_bytes;
  while (blocks.size() < capacity) blocks.push_back(heap.allocate(bytes));
  if (heap.allocate(bytes) == nullptr) std::exit(2);
  return blocks;
}

inline void die_of_what_validate_finds(const Heap& heap) {
  hoop::heap::FaultReport report;
  if (!heap.validate(&report)) hoop::heap::die(report);
}
