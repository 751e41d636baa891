// SPDX-License-Identifier: Apache-2.0
// A number for each object of a heap, found by its address: 4 bytes beside every 16 of the heap, of
// which only those pages take memory that were written to. While an object is a candidate the
// number is its place in the list of candidates; during a collection, its index in the finder's
// tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/units.h"

namespace hoop::counted {

class SlotTable {
 public:
  SlotTable() = default;
  ~SlotTable();
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;

  // For objects within [base, base + bytes), and a few outside. False: no address space.
  [[nodiscard]] bool init(Address base, std::size_t bytes) noexcept;

  // Makes room for the number of an object. False: no memory.
  [[nodiscard]] bool prepare(Address object) noexcept {
    return is_prepared(object) || prepare_slow(object);
  }
  // Is there room already? (For objects outside the answer is no.)
  [[nodiscard]] bool is_prepared(Address object) const noexcept {
    return offset_of(object) < ready_;
  }
  // REQUIRES: prepare(object) was true once.
  [[nodiscard]] std::uint32_t get(Address object) const noexcept {
    const std::size_t offset = offset_of(object);
    return offset < ready_ ? slots_[offset / kGrain] : get_slow(object);
  }
  void set(Address object, std::uint32_t number) noexcept {
    const std::size_t offset = offset_of(object);
    if (offset < ready_) [[likely]] {
      slots_[offset / kGrain] = number;
    } else {
      set_slow(object, number);
    }
  }
  void prefetch(Address object) const noexcept {
    const std::size_t offset = offset_of(object);
    if (offset < ready_) __builtin_prefetch(&slots_[offset / kGrain], 1);
  }
  // The object outside goes.
  void forget_outside(Address object) noexcept;
  [[nodiscard]] bool is_outside(Address object) const noexcept {
    return offset_of(object) >= bytes_;
  }

 private:
  static constexpr std::size_t kGrain = 16;
  static constexpr std::size_t kStep = 4 * kMiB;  // of the heap

  [[nodiscard]] std::size_t offset_of(Address object) const noexcept { return object - base_; }
  bool prepare_slow(Address object) noexcept;
  [[nodiscard]] std::uint32_t get_slow(Address object) const noexcept;
  void set_slow(Address object, std::uint32_t number) noexcept;
  [[nodiscard]] std::size_t find_outside(Address object) const noexcept;

  Address base_ = 0;
  std::size_t bytes_ = 0;
  std::size_t ready_ = 0;  // bytes of the heap whose numbers have memory
  std::uint32_t* slots_ = nullptr;
  // Objects of more than a megabyte have a mapping of their own; there are few.
  std::vector<std::pair<Address, std::uint32_t>> outside_;
};

}  // namespace hoop::counted
