// SPDX-License-Identifier: Apache-2.0
// Memory for the finder's tables, kept from one collection to the next.
#pragma once

#include <cstddef>

#include "cycles/host.h"
#include "cycles/tables.h"

namespace hoop::counted {

class RowMemory {
 public:
  RowMemory() = default;
  ~RowMemory();
  RowMemory(const RowMemory&) = delete;
  RowMemory& operator=(const RowMemory&) = delete;

  // Tables for so many objects, or for fewer if there is no memory (capacity 0 at worst).
  [[nodiscard]] cycles::Tables tables(std::size_t objects) noexcept;
  // After a collection of so many objects: what was used goes back to the system, if it was much.
  void give_back_after(std::size_t objects) noexcept;

 private:
  static constexpr std::size_t kKeptObjects = std::size_t{1} << 18;
  static constexpr std::size_t kFewestRows = std::size_t{1} << 16;

  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  cycles::Index capacity_ = 0;
};

}  // namespace hoop::counted
