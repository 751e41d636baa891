// SPDX-License-Identifier: Apache-2.0
// Numbers by keys of 64 bits that are spread well: for as many as a heap has objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace hoop::analysis {

// The sum is spread before the value comes in: two values in another order give another sum.
constexpr std::uint64_t mixed(std::uint64_t sum, std::uint64_t value) {
  constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15u;
  sum = (sum + 1) * kSpread;
  sum = ((sum ^ sum >> 32) ^ value) * kSpread;
  return sum ^ sum >> 29;
}

class ValueTable {
 public:
  [[nodiscard]] std::size_t size() const { return used_; }
  // What was entered first under this key.
  std::uint32_t find_or_add(std::uint64_t key, std::uint32_t number) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    Slot& slot = slot_of(slots_, key | 1);
    if (slot.key == 0) {
      slot = {key | 1, number};
      ++used_;
    }
    return slot.number;
  }

 private:
  struct Slot {
    std::uint64_t key;  // 0: free
    std::uint32_t number;
  };

  static Slot& slot_of(std::vector<Slot>& slots, std::uint64_t key) {
    const std::size_t mask = slots.size() - 1;
    std::size_t at = (key * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (slots[at].key != 0 && slots[at].key != key) at = (at + 1) & mask;
    return slots[at];
  }
  void grow() {
    std::vector<Slot> larger(slots_.empty() ? 1024 : 2 * slots_.size());
    for (const Slot& slot : slots_)
      if (slot.key != 0) slot_of(larger, slot.key) = slot;
    slots_ = std::move(larger);
  }

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

}  // namespace hoop::analysis
