// SPDX-License-Identifier: Apache-2.0
// What can be found wrong in a heap, and its message.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "base/units.h"

namespace hoop::heap {

enum class Fault : std::uint8_t {
  kNone,
  kForeignFree,      // the heap never gave this address out
  kDoubleFree,       // the block is free already
  kInteriorPointer,  // an address inside a block
  kFreeIntoNothing,  // inside the heap, where no block is
  kClobberedLink,    // a free block's link leads out of its slab: written after it was freed
  kFreeListLoop,     // a block is twice in its free list: freed twice
  kLostBlocks,       // the free list is shorter than the count of free blocks
  kBadRecord,        // the bookkeeping contradicts itself
};

struct FaultReport {
  Fault fault = Fault::kNone;
  Address block = 0;
  std::size_t block_bytes = 0;  // of its size class or run; 0 unknown
  Address link = 0;             // kClobberedLink: what was found in the block
};

// One sentence that names block, class and what was wrong.
void describe(const FaultReport& report, TextBuffer& text) noexcept;

// Ends the process with that sentence.
[[noreturn]] void die(const FaultReport& report) noexcept;

}  // namespace hoop::heap
