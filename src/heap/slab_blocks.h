// SPDX-License-Identifier: Apache-2.0
// The blocks of one slab: which are live, free or untouched; carving untouched pages into free
// blocks, and taking pages without a live block out of the free list again.
#pragma once

#include <cstdint>

#include "heap/fault.h"
#include "heap/slab.h"

namespace hoop::heap {

// One bit per block of a slab.
class BlockSet {
 public:
  void clear() { *this = BlockSet(); }
  // REQUIRES: !test(i).
  void add(unsigned i) {
    words_[i / 64] |= std::uint64_t{1} << (i % 64);
    ++count_;
  }
  [[nodiscard]] bool test(unsigned i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  // True when every block of first..last is in the set.
  [[nodiscard]] bool has_all(unsigned first, unsigned last) const;
  [[nodiscard]] unsigned count() const { return count_; }

 private:
  std::uint64_t words_[kMaxBlocksPerSlab / 64] = {};
  unsigned count_ = 0;
};

// A slab together with where its blocks begin. Cheap to make; owns nothing.
class SlabBlocks {
 public:
  SlabBlocks(Slab& slab, Address start) : slab_(slab), info_(slab.info()), start_(start) {}

  [[nodiscard]] Address address_of(unsigned block) const {
    return start_ + Address{block} * info_.block_bytes;
  }

  // Index of the block that begins at `address`, or -1.
  [[nodiscard]] int block_at(Address address) const;

  [[nodiscard]] bool is_untouched(unsigned block) const {
    return (pages_of(block) & slab_.virgin_pages) != 0;
  }

  // Turns the lowest untouched pages into free blocks, in address order. False when there are none.
  bool carve() noexcept;

  // The free blocks, by a checked walk of the list. On a fault `report` is filled and false
  // returned.
  bool collect_free(BlockSet& free, FaultReport& report) const noexcept;

  // Blocks neither free nor untouched, out of a set from collect_free.
  [[nodiscard]] unsigned count_live(const BlockSet& free) const noexcept;

  // Pages that hold memory but no live block.
  [[nodiscard]] std::uint16_t idle_pages(const BlockSet& free) const noexcept;

  // Fewest live blocks on any page that has one: so many frees at least until another page is idle.
  [[nodiscard]] unsigned fewest_live_on_a_page(const BlockSet& free) const noexcept;

  // Unlinks the free blocks that overlap `pages` and makes these pages virgin.
  // The caller gives the pages back to the system. REQUIRES: pages is part of idle_pages().
  void retire_pages(std::uint16_t pages) noexcept;

 private:
  [[nodiscard]] std::uint16_t pages_of(unsigned block) const;
  [[nodiscard]] unsigned first_block_on(unsigned page) const;
  [[nodiscard]] unsigned last_block_on(unsigned page) const;
  [[nodiscard]] FaultReport fault_at(Fault fault, Address block) const;

  Slab& slab_;
  const ClassInfo& info_;
  Address start_;
};

}  // namespace hoop::heap
