// SPDX-License-Identifier: Apache-2.0
// The record of one unit of the heap, kept outside the unit: whole pages of blocks can be given
// back, and a forked copy's memory is not dirtied by bookkeeping. A slab is described by the record
// of its first unit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/geometry.h"

namespace hoop::heap {

// A free block holds the link to the next free one.
struct FreeBlock {
  FreeBlock* next;
};

enum class UnitState : std::uint8_t {
  kFree,     // belongs to its chunk
  kCurrent,  // slab that its class allocates from
  kPartial,  // slab with free blocks, in the index
  kFull,     // slab without free blocks, or so few that it is left alone
  kKept,     // empty slab that its class keeps for a while
  kRetired,  // slab of an earlier epoch: freed into, not allocated from
  kRun,      // first unit of a page run
  kTail,     // a further unit of a slab or run
};

// Invariants of a slab:
// - `free` links every block that is neither live nor untouched. A block is *untouched* while it
//   overlaps a page of `virgin_pages`: never handed out, or given back to the system since.
// - Nothing is counted by allocation. `countdown` falls with every block freed; at -1 the slow path
//   looks. While a slab is current the countdown never gets there, and `armed` is what it was when
//   somebody last looked whether the slab is empty; when it runs dry all its blocks are live by
//   definition. In every other state  live == live_when_armed - (armed - countdown).
// - In records that are no slab `countdown` is 0, so that a free into them goes to the slow path at
//   once.
struct alignas(64) Slab {
  FreeBlock* free = nullptr;
  std::int32_t countdown = 0;
  std::int32_t armed = 0;
  std::int32_t countdown_seen = 0;  // by the last trim that looked
  std::uint16_t live_when_armed = 0;
  std::uint16_t virgin_pages = 0;
  std::uint16_t stale_pages = 0;  // pages without blocks that hold memory of earlier use
  std::uint16_t bucket_tag = 0;   // the index's: 0 when not in it
  UnitState state = UnitState::kFree;
  SizeClass size_class = 0;
  Domain domain = Domain::kMemory;
  std::uint8_t back = 0;        // kTail: units back to the first one
  std::uint16_t run_units = 0;  // kRun
  std::uint32_t epoch = 0;
  std::size_t run_bytes = 0;             // kRun: bytes asked for
  Slab* next_kept = nullptr;             // kKept: the next empty slab of the class
  const FreeBlock* free_seen = nullptr;  // kCurrent: `free`, by the last trim that looked

  static constexpr std::int32_t kNeverFires = 1 << 30;
  static constexpr std::int32_t kUnseen =
      -2;  // countdown_seen: no trim has looked since it was armed
  static constexpr std::int32_t kSettled =
      -3;  // countdown_seen: no page can be idle before the slow path looks

  [[nodiscard]] const ClassInfo& info() const { return kClasses[size_class]; }

  [[nodiscard]] bool is_slab() const {
    return state >= UnitState::kCurrent && state <= UnitState::kRetired;
  }

  // Every page of the slab, those behind its last block included.
  [[nodiscard]] unsigned all_pages() const {
    return (1u << (info().units * kUnitBytes / kPageBytes)) - 1;
  }

  void push(void* block) {
    auto* const link = static_cast<FreeBlock*>(block);
    link->next = free;
    free = link;
  }

  // The slow path looks at the `frees`-th block freed from now. REQUIRES: frees >= 1.
  void arm(unsigned live, std::int32_t frees) {
    live_when_armed = static_cast<std::uint16_t>(live);
    armed = countdown = frees - 1;
    countdown_seen = kUnseen;
  }

  // Live blocks. REQUIRES: a slab that is not current.
  [[nodiscard]] int live() const { return live_when_armed - (armed - countdown); }
};

static_assert(sizeof(Slab) == 64);

}  // namespace hoop::heap
