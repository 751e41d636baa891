// SPDX-License-Identifier: Apache-2.0
#include "heap/in_flight_log.h"

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::heap {

std::size_t InFlightLog::map_bytes() const {
  const std::size_t words = (extent_ + kBytesPerWord - 1) / kBytesPerWord;
  return round_up(words * sizeof(std::uint64_t) + kDirectPlaces * sizeof(Address), os::kPageBytes);
}

bool InFlightLog::begin(Address base, std::size_t extent) noexcept {
  end();
  base_ = base;
  extent_ = extent;
  void* const pages = os::map_sparse(map_bytes());
  if (pages == nullptr) {
    extent_ = 0;
    return false;
  }
  direct_ = static_cast<Address*>(pages);
  bits_ = static_cast<std::uint64_t*>(pages) + kDirectPlaces;
  return true;
}

void InFlightLog::end() noexcept {
  if (is_open()) os::unmap(direct_, map_bytes());
  *this = InFlightLog();
}

std::size_t InFlightLog::direct_place_of(Address block) const noexcept {
  constexpr std::size_t kMask = kDirectPlaces - 1;
  // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4).
  std::size_t place = (block >> 4) * 0x9E3779B97F4A7C15u >> 32 & kMask;
  while (direct_[place] != 0 && direct_[place] != block) place = (place + 1) & kMask;
  return place;
}

void InFlightLog::note_direct(Address block) noexcept {
  if (direct_count_ > kMostDirect) return;
  Address& place = direct_[direct_place_of(block)];
  if (place == block) return;
  if (++direct_count_ <= kMostDirect) place = block;
}

bool InFlightLog::contains(Address block) const noexcept {
  if (!is_open() || block == 0) return false;
  const std::size_t offset = block - base_;
  if (offset < extent_) return (bits_[offset / kBytesPerWord] & bit_of(offset)) != 0;
  if (direct_count_ > kMostDirect) return true;
  return direct_count_ != 0 && direct_[direct_place_of(block)] == block;
}

}  // namespace hoop::heap
