// SPDX-License-Identifier: Apache-2.0
// Finds the slab to allocate from next: of the wanted class the fullest, by quarters, and of these
// the one at the lowest address. Survivors gather in few slabs, and sparse ones drain.
//
//   word (group, key)   one bit per chunk of the group: some slab of that key lies in it
//   tag  (unit)         the key of the slab that begins there, 0 for none
//   key                 domain, size class and quarter of occupancy
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/slab.h"
#include "heap/unit_space.h"

namespace hoop::heap {

class SlabIndex {
 public:
  static constexpr unsigned kQuarters = 4;

  constexpr SlabIndex() = default;

  // For a space of up to `max_bytes`.
  bool init(std::size_t max_bytes) noexcept;
  void release() noexcept;

  // Which quarter of its capacity is live: 0 (nearly empty) to 3. REQUIRES: live < capacity.
  static unsigned quarter_of(unsigned live, unsigned capacity) {
    return live * kQuarters / capacity;
  }

  // Fewest live blocks with which a slab is still in `quarter`; 1 for the lowest.
  static unsigned least_live(unsigned quarter, unsigned capacity) {
    return quarter == 0 ? 1 : (quarter * capacity + kQuarters - 1) / kQuarters;
  }

  // False: no memory for the index; the slab is then found by nobody until it is put again.
  bool put(const UnitSpace& space, Slab* slab, unsigned quarter) noexcept;
  // Fine for a slab that is not in the index.
  void remove(const UnitSpace& space, Slab* slab) noexcept;
  // Empties the index without touching the records of its slabs; remove() them before they are put
  // again.
  void forget_all() noexcept;

  // Removes and returns the fullest slab of the class, or nullptr.
  Slab* take_fullest(const UnitSpace& space, Domain domain, SizeClass size_class) noexcept;

  [[nodiscard]] std::size_t metadata_bytes() const;
  template <class F>
  void for_each_metadata_range(F&& visit) const {
    if (groups_committed_ == 0) return;
    visit(reinterpret_cast<Address>(words_), groups_committed_ * kKeyCount * sizeof(std::uint64_t));
    visit(reinterpret_cast<Address>(tags_),
          groups_committed_ * kChunksPerGroup * kUnitsPerChunk * sizeof(std::uint16_t));
  }

 private:
  static constexpr unsigned kChunksPerGroup = 64;
  static constexpr unsigned kKeyCount = kDomainCount * kClassCount * kQuarters;

  static unsigned key_of(Domain domain, SizeClass size_class, unsigned quarter) {
    return (static_cast<unsigned>(domain) * kClassCount + size_class) * kQuarters + quarter;
  }
  bool commit_group(unsigned group) noexcept;
  [[nodiscard]] std::uint16_t* tags_of_chunk(unsigned chunk) const {
    return tags_ + std::size_t{chunk} * kUnitsPerChunk;
  }
  [[nodiscard]] std::uint64_t& word(unsigned group, unsigned key) const {
    return words_[std::size_t{group} * kKeyCount + key];
  }
  Slab* take_lowest(const UnitSpace& space, unsigned key) noexcept;
  void remove_at(unsigned chunk, unsigned unit, unsigned key) noexcept;

  std::uint64_t* words_ = nullptr;
  std::uint16_t* tags_ = nullptr;
  unsigned max_groups_ = 0;
  unsigned groups_committed_ = 0;
  std::uint16_t first_group_[kKeyCount] = {};  // no group below it has the key
};

}  // namespace hoop::heap
