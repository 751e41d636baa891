// SPDX-License-Identifier: Apache-2.0
#include "counted/weak_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hoop/object.h"

namespace hoop::counted {

std::size_t WeakTable::home_of(const Object* object) const noexcept {
  const auto hash = (reinterpret_cast<std::uintptr_t>(object) >> 4) * 0x9E3779B97F4A7C15u;
  return (hash ^ hash >> 32) & (entries_.size() - 1);
}

// Where the object is, or would be.
std::size_t WeakTable::place_of(const Object* object) const noexcept {
  std::size_t place = home_of(object);
  while (entries_[place].object != nullptr && entries_[place].object != object)
    place = (place + 1) & (entries_.size() - 1);
  return place;
}

WeakNode* WeakTable::find(const Object* object) const noexcept {
  return entries_.empty() ? nullptr : entries_[place_of(object)].first;
}

void WeakTable::insert(const Object* object, WeakNode* first) {
  if (2 * (size_ + 1) > entries_.size()) grow();
  entries_[place_of(object)] = {object, first};
  ++size_;
}

void WeakTable::replace(const Object* object, WeakNode* first) noexcept {
  entries_[place_of(object)].first = first;
}

void WeakTable::erase(const Object* object) noexcept {
  const std::size_t mask = entries_.size() - 1;
  std::size_t hole = place_of(object);
  for (std::size_t next = (hole + 1) & mask; entries_[next].object != nullptr;
       next = (next + 1) & mask) {
    // Moves back unless its home lies behind the hole.
    const std::size_t home = home_of(entries_[next].object);
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    entries_[hole] = entries_[next];
    hole = next;
  }
  entries_[hole] = {};
  --size_;
}

void WeakTable::grow() {
  std::vector<Entry> old(std::max<std::size_t>(64, 2 * entries_.size()));
  old.swap(entries_);
  for (const Entry& entry : old) {
    if (entry.object != nullptr) entries_[place_of(entry.object)] = entry;
  }
}

}  // namespace hoop::counted
