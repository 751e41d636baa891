// SPDX-License-Identifier: Apache-2.0
// Numbers of objects by their addresses, for hosts that have no better place for them: open
// addressing with linear probing over a power of two of slots, at most four fifths full.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "cycles/host.h"

namespace hoop::cycles {

// Entries cannot be taken out one by one. Addresses themselves are kept in the finder's tables.
class AddressTable {
 public:
  static constexpr std::size_t bytes_for(Index capacity) {
    return sizeof(Index) * slots_for(capacity);
  }

  // REQUIRES: bytes_for(capacity) bytes at `memory`, zero or not; `objects` is Tables::objects() of
  // the finder that numbers them.
  AddressTable(void* memory, Index capacity, const Address* objects)
      : slots_(static_cast<Index*>(memory)),
        mask_(slots_for(capacity) - 1),
        shift_(64 - std::countr_zero(slots_for(capacity))),
        objects_(objects) {
    clear();
  }

  void clear() { std::memset(slots_, 0, (mask_ + 1) * sizeof(Index)); }

  [[nodiscard]] Index find(Address object) const {
    for (std::size_t slot = slot_of(object);; slot = (slot + 1) & mask_) {
      const Index entry = slots_[slot];
      if (entry == 0) return kNoIndex;
      if (objects_[entry - 1] == object) return entry - 1;
    }
  }

  // REQUIRES: not there yet.
  void insert(Address object, Index index) {
    std::size_t slot = slot_of(object);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = index + 1;
  }

  void prefetch(Address object) const { __builtin_prefetch(&slots_[slot_of(object)]); }

 private:
  static constexpr std::size_t slots_for(Index capacity) {
    return std::bit_ceil(std::size_t{capacity} + capacity / 4 + 2);
  }
  // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
  [[nodiscard]] std::size_t slot_of(Address object) const {
    return static_cast<std::size_t>((object >> 4) * 0x9E3779B97F4A7C15u >> shift_);
  }

  Index* slots_;
  std::size_t mask_;
  int shift_;
  const Address* objects_;
};

// What finding garbage takes at most for each object, numbers by address included.
inline constexpr std::size_t kMostBytesPerObject = 40;

}  // namespace hoop::cycles
