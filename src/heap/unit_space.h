// SPDX-License-Identifier: Apache-2.0
// The heap's address space: one reservation cut into chunks of 128 units, and one record for every
// unit beside it. Hands out runs of units, takes them back, and gives the memory of free units back
// to the system.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bits128.h"
#include "heap/slab.h"

namespace hoop::heap {

// Invariants: dirty and aged are subsets of free. A fresh or purged unit is free and not dirty.
struct alignas(64) Chunk {
  Bits128 free;          // units that no slab or run has
  Bits128 dirty;         // free units that still hold memory
  Bits128 aged;          // units that were dirty already at the last look
  bool huge = false;     // advised to be a huge page
  bool split = false;    // purged in part: advised against huge pages, refilled last
  bool pending = false;  // the trimmer should look at it
};

class UnitSpace {
 public:
  constexpr UnitSpace() = default;

  // Reserves up to `bytes` of address space, less where the system refuses. False: nothing could be
  // had.
  bool init(std::size_t bytes, std::size_t huge_page_threshold) noexcept;
  void release() noexcept;

  [[nodiscard]] Address base() const { return base_; }
  // Bytes from base() that have records; addresses beyond are not the heap's.
  [[nodiscard]] std::size_t extent() const { return extent_; }
  [[nodiscard]] bool contains(Address address) const { return address - base_ < extent_; }
  [[nodiscard]] std::size_t reserved_bytes() const { return reserved_; }
  [[nodiscard]] std::size_t metadata_bytes() const;
  template <class F>
  void for_each_metadata_range(F&& visit) const {
    if (chunk_count_ == 0) return;
    visit(reinterpret_cast<Address>(records_),
          std::size_t{chunk_count_} * kUnitsPerChunk * sizeof(Slab));
    visit(reinterpret_cast<Address>(chunks_), std::size_t{chunk_count_} * sizeof(Chunk));
  }

  // REQUIRES: contains(address).
  [[nodiscard]] Slab* record_of(Address address) const {
    return records_ + ((address - base_) >> kUnitShift);
  }
  [[nodiscard]] Address address_of(const Slab* record) const {
    return base_ + (static_cast<std::size_t>(record - records_) << kUnitShift);
  }
  [[nodiscard]] unsigned chunk_of(const Slab* record) const {
    return static_cast<unsigned>(record - records_) / kUnitsPerChunk;
  }
  [[nodiscard]] Chunk& chunk(unsigned index) const { return chunks_[index]; }
  [[nodiscard]] Slab* records_of_chunk(unsigned index) const {
    return records_ + std::size_t{index} * kUnitsPerChunk;
  }
  [[nodiscard]] Address address_of_chunk(unsigned index) const {
    return base_ + (std::size_t{index} << kChunkShift);
  }
  [[nodiscard]] unsigned chunk_count() const { return chunk_count_; }

  // A run of `units` units; medium slabs begin at a multiple of four. The caller fills the first
  // record. nullptr: out of memory or of reservation.
  enum class Placement : std::uint8_t { kAny, kMultipleOf4 };
  Slab* take(unsigned units, Placement placement) noexcept;
  // The same, but only among units that hold memory already.
  Slab* take_dirty(unsigned units, Placement placement) noexcept {
    return search(units, placement, Supply::kDirty);
  }

  // Takes the `more` units behind a run, where they are free.
  bool extend(Slab* run, unsigned units, unsigned more) noexcept;

  // Makes units free again; they keep their memory until a purge.
  void give(Slab* first, unsigned units) noexcept;

  // Returns address space above what is in use, for a limit set late. Returns the bytes unmapped.
  std::size_t shrink_reservation() noexcept;

 private:
  friend class Trimmer;

  bool lay_out_metadata() noexcept;
  std::size_t unmap_groups(void* array, std::size_t group_bytes, std::size_t first) const noexcept;
  bool add_chunk() noexcept;
  [[nodiscard]] bool commit_group(unsigned group) noexcept;
  // Which units of which chunks a search looks at.
  enum class Supply : std::uint8_t { kDirty, kFree, kSplitChunks };
  static constexpr unsigned kSupplies = 3;
  static Bits128 starts_in(const Chunk& chunk, unsigned units, Placement placement, Supply supply);
  Slab* take_at(unsigned chunk, int first, unsigned units) noexcept;
  Slab* search(unsigned units, Placement placement, Supply supply) noexcept;
  static std::uint16_t stale_pages_of(const Chunk& chunk, int first, unsigned units) noexcept;
  void mark_taken(Chunk& chunk, Bits128 units) const noexcept;
  void note_supply(unsigned chunk) noexcept;

  Address base_ = 0;
  std::size_t extent_ = 0;
  std::size_t reserved_ = 0;
  std::size_t huge_page_threshold_ = 0;
  Slab* records_ = nullptr;
  Chunk* chunks_ = nullptr;
  unsigned chunk_count_ = 0;
  unsigned max_chunks_ = 0;
  unsigned groups_committed_ = 0;
  // For each supply, lowest_[n]: no chunk below it can serve n units in a row (n = 0: four at a
  // multiple of four).
  std::uint32_t lowest_[kSupplies][kMaxRunBytes / kUnitBytes + 1] = {};
};

}  // namespace hoop::heap
