// SPDX-License-Identifier: Apache-2.0
#include "counted/slot_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::counted {

namespace {

constexpr std::size_t kSlotBytesPerByte = 16 / sizeof(std::uint32_t);

}  // namespace

SlotTable::~SlotTable() {
  if (slots_ != nullptr) os::unmap(slots_, bytes_ / kSlotBytesPerByte);
}

bool SlotTable::init(Address base, std::size_t bytes) noexcept {
  slots_ = static_cast<std::uint32_t*>(os::reserve(bytes / kSlotBytesPerByte, os::kPageBytes));
  if (slots_ == nullptr) return false;
  base_ = base;
  bytes_ = bytes;
  return true;
}

bool SlotTable::prepare_slow(Address object) noexcept {
  if (is_outside(object)) {
    if (find_outside(object) != outside_.size()) return true;
    try {
      outside_.emplace_back(object, 0);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  const std::size_t wanted = std::min(round_up(offset_of(object) + 1, kStep), bytes_);
  auto* const start = reinterpret_cast<std::byte*>(slots_);
  if (!os::commit(start + ready_ / kSlotBytesPerByte, (wanted - ready_) / kSlotBytesPerByte))
    return false;
  ready_ = wanted;
  return true;
}

std::size_t SlotTable::find_outside(Address object) const noexcept {
  std::size_t i = 0;
  while (i < outside_.size() && outside_[i].first != object) ++i;
  return i;
}

std::uint32_t SlotTable::get_slow(Address object) const noexcept {
  return outside_[find_outside(object)].second;
}

void SlotTable::set_slow(Address object, std::uint32_t number) noexcept {
  outside_[find_outside(object)].second = number;
}

void SlotTable::forget_outside(Address object) noexcept {
  const std::size_t i = find_outside(object);
  if (i == outside_.size()) return;
  outside_[i] = outside_.back();
  outside_.pop_back();
}

}  // namespace hoop::counted
