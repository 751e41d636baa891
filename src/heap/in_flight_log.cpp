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
  void* const pages = os::map(map_bytes());
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

void InFlightLog::note_direct(Address block) noexcept {
  if (direct_count_ < kDirectPlaces) direct_[direct_count_] = block;
  ++direct_count_;
}

bool InFlightLog::contains(Address block) const noexcept {
  if (!is_open()) return false;
  const std::size_t offset = block - base_;
  if (offset < extent_) return (bits_[offset / kBytesPerWord] & bit_of(offset)) != 0;
  if (direct_count_ > kDirectPlaces) return true;
  for (std::size_t i = 0; i < direct_count_; ++i) {
    if (direct_[i] == block) return true;
  }
  return false;
}

}  // namespace hoop::heap
