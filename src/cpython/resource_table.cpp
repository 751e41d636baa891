// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_table.h"

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kMaxPlaces = 2048;
constexpr std::size_t kPlacesBytes = round_up(kMaxPlaces * sizeof(Place), os::kPageBytes);
constexpr std::size_t kMaxSpots = 2 * kMaxPlaces;
constexpr std::size_t kFirstCapacity = 1024;
constexpr std::size_t kMaxCapacity = 1 << 17;

std::size_t bytes_of(std::size_t capacity) {
  return round_up(capacity * sizeof(OpenResource), os::kPageBytes);
}

std::uint64_t mix(std::uint64_t value) {
  value *= 0x9E3779B97F4A7C15;
  return value ^ (value >> 32);
}

std::size_t hash_of(const PlaceKey& key, int offset) {
  const auto code = reinterpret_cast<std::uintptr_t>(key.code);
  const auto rest = static_cast<std::uint64_t>(offset) * 16 + static_cast<unsigned>(key.kind);
  return static_cast<std::size_t>(mix(code ^ mix(rest)));
}

}  // namespace

const char* name_of(ResourceKind kind) noexcept {
  constexpr const char* kNames[] = {"file",      "socket",     "mmap",       "database", "process",
                                    "directory", "descriptor", "event loop", "pool",     "other"};
  return kNames[static_cast<unsigned>(kind)];
}

ResourceTable::Spot* ResourceTable::spot_of(const PlaceKey& key, int offset) noexcept {
  if (places_ == nullptr) places_ = static_cast<Place*>(os::map_sparse(kPlacesBytes));
  if (spots_ == nullptr)
    spots_ = static_cast<Spot*>(os::map_sparse(round_up(kMaxSpots * sizeof(Spot), os::kPageBytes)));
  if (places_ == nullptr || spots_ == nullptr) return nullptr;
  std::size_t slot = hash_of(key, offset) % kMaxSpots;
  for (; spots_[slot].place != 0; slot = (slot + 1) % kMaxSpots) {
    PlaceKey same = key;
    same.line = spots_[slot].key.line;
    if (spots_[slot].offset == offset && spots_[slot].key == same) return &spots_[slot];
  }
  if (spot_count_ < kMaxSpots / 2) return &spots_[slot];
  ++unseen_;
  return nullptr;
}

// The interpreter may count the offset of one call in more than one way: it is one line.
Place* ResourceTable::place_at(Spot& spot, const PlaceKey& key, int offset, bool& is_new) noexcept {
  std::size_t index = 0;
  while (index < place_count_ && places_[index].key != key) ++index;
  if (index == kMaxPlaces) {
    ++unseen_;
    return nullptr;
  }
  is_new = index == place_count_;
  if (is_new) places_[place_count_++].key = key;
  spot = {key, offset, static_cast<std::uint32_t>(index + 1)};
  ++spot_count_;
  return &places_[index];
}

std::size_t ResourceTable::home_of(std::uintptr_t key) const noexcept {
  return static_cast<std::size_t>(mix(key)) & (capacity_ - 1);
}

OpenResource* ResourceTable::find(std::uintptr_t key) const noexcept {
  if (size_ == 0) return nullptr;
  std::size_t slot = home_of(key);
  for (; slots_[slot].key != 0; slot = (slot + 1) & (capacity_ - 1)) {
    if (slots_[slot].key == key) return &slots_[slot];
  }
  return nullptr;
}

bool ResourceTable::grow() noexcept {
  if (capacity_ == kMaxCapacity) return false;
  const std::size_t old_capacity = capacity_;
  OpenResource* const old = slots_;
  const std::size_t wanted = old_capacity == 0 ? kFirstCapacity : 2 * old_capacity;
  auto* const made = static_cast<OpenResource*>(os::map_sparse(bytes_of(wanted)));
  if (made == nullptr) return false;
  slots_ = made;
  capacity_ = wanted;
  for (std::size_t i = 0; i < old_capacity; ++i) {
    if (old[i].key == 0) continue;
    std::size_t slot = home_of(old[i].key);
    while (slots_[slot].key != 0) slot = (slot + 1) & (capacity_ - 1);
    slots_[slot] = old[i];
  }
  if (old != nullptr) os::unmap(old, bytes_of(old_capacity));
  return true;
}

OpenResource* ResourceTable::add(std::uintptr_t key, const Place& place) noexcept {
  if (OpenResource* const same = find(key)) remove(same);
  if (4 * (size_ + 1) > 3 * capacity_ && !grow()) {
    ++unseen_;
    return nullptr;
  }
  std::size_t slot = home_of(key);
  while (slots_[slot].key != 0) slot = (slot + 1) & (capacity_ - 1);
  OpenResource& made = slots_[slot];
  made = OpenResource();
  made.key = key;
  made.place = static_cast<std::uint32_t>(&place - places_);
  ++places_[made.place].opened;
  ++places_[made.place].open_now;
  ++size_;
  return &made;
}

// Moves those behind it up, so that no search ends at the gap.
void ResourceTable::remove(OpenResource* one) noexcept {
  Place& place = places_[one->place];
  if (place.open_now > 0) --place.open_now;
  --size_;
  const std::size_t mask = capacity_ - 1;
  auto gap = static_cast<std::size_t>(one - slots_);
  slots_[gap].key = 0;
  for (std::size_t i = (gap + 1) & mask; slots_[i].key != 0; i = (i + 1) & mask) {
    const std::size_t distance = (i - home_of(slots_[i].key)) & mask;
    if (distance < ((i - gap) & mask)) continue;
    slots_[gap] = slots_[i];
    slots_[i].key = 0;
    gap = i;
  }
}

}  // namespace hoop::cpython
