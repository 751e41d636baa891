// SPDX-License-Identifier: Apache-2.0
#include "counted/row_memory.h"

#include <algorithm>
#include <bit>
#include <cstddef>

#include "base/units.h"
#include "cycles/host.h"
#include "cycles/tables.h"
#include "os/pages.h"

namespace hoop::counted {

RowMemory::~RowMemory() {
  if (memory_ != nullptr) os::unmap(memory_, bytes_);
}

cycles::Tables RowMemory::tables(std::size_t objects) noexcept {
  constexpr std::size_t kMostRows = cycles::kNoIndex - 1;
  std::size_t rows = std::min(std::bit_ceil(std::max(objects, kFewestRows)), kMostRows);
  // Mapped, not touched: rows that are not used cost address space.
  while (rows > capacity_) {
    const std::size_t bytes =
        round_up(cycles::Tables::bytes_for(static_cast<cycles::Index>(rows)), os::kPageBytes);
    if (void* const memory = os::map(bytes)) {
      if (memory_ != nullptr) os::unmap(memory_, bytes_);
      memory_ = memory;
      bytes_ = bytes;
      capacity_ = static_cast<cycles::Index>(rows);
    } else {
      rows /= 2;
    }
  }
  return {memory_, capacity_};
}

void RowMemory::give_back_after(std::size_t objects) noexcept {
  if (objects > kKeptObjects) os::give_back(memory_, bytes_);
}

}  // namespace hoop::counted
