// SPDX-License-Identifier: Apache-2.0
// "Was this block freed since the copy was taken?" One bit for every 16 bytes of the heap, set by
// every free while the log is open. A copy-on-write copy of the process is analysed meanwhile; what
// it names must still be the same block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::heap {

class InFlightLog {
 public:
  constexpr InFlightLog() = default;

  // Opens an empty log over [base, base + extent). False: no memory for it.
  bool begin(Address base, std::size_t extent) noexcept;
  void end() noexcept;
  [[nodiscard]] bool is_open() const { return bits_ != nullptr; }

  // A block freed or moved. Addresses beyond the extent did not exist when the log was opened.
  void note(Address block) noexcept {
    const std::size_t offset = block - base_;
    if (offset < extent_) bits_[offset / kBytesPerWord] |= bit_of(offset);
  }
  // The same for a block with a mapping of its own, or of another allocator's. Beyond about 98,000
  // of them each such block counts as freed.
  void note_direct(Address block) noexcept;

  [[nodiscard]] bool contains(Address block) const noexcept;

 private:
  static constexpr std::size_t kBytesPerBit = 16;
  static constexpr std::size_t kBytesPerWord = 64 * kBytesPerBit;
  // Open addressing, at most three quarters full; memory is taken as it is used.
  static constexpr std::size_t kDirectPlaces = std::size_t{1} << 17;
  static constexpr std::size_t kMostDirect = kDirectPlaces / 4 * 3;

  static std::uint64_t bit_of(std::size_t offset) {
    return std::uint64_t{1} << (offset / kBytesPerBit % 64);
  }
  // Where the address is, or would be.
  [[nodiscard]] std::size_t direct_place_of(Address block) const noexcept;
  [[nodiscard]] std::size_t map_bytes() const;

  Address base_ = 0;
  std::size_t extent_ = 0;
  std::uint64_t* bits_ = nullptr;  // then kDirectPlaces addresses
  Address* direct_ = nullptr;
  std::size_t direct_count_ = 0;  // beyond kMostDirect: some were not written down
};

}  // namespace hoop::heap
