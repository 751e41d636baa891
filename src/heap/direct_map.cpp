// SPDX-License-Identifier: Apache-2.0
#include "heap/direct_map.h"

#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "heap/geometry.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

constexpr std::size_t kFirstCapacity = 128;

void* as_pointer(Address address) { return reinterpret_cast<void*>(address); }

}  // namespace

void DirectMap::release() noexcept {
  drop_kept(UINT64_MAX);
  for_each([](const DirectBlock& block) { os::unmap(as_pointer(block.start), block.mapped); });
  if (table_ != nullptr) os::unmap(table_, capacity_ * sizeof(DirectBlock));
  *this = DirectMap();
}

// Where `start` is, or the empty place where it belongs. REQUIRES: the table exists.
std::size_t DirectMap::place_of(Address start) const {
  std::size_t place = (start / kPageBytes * 0x9E3779B97F4A7C15u >> 20) & (capacity_ - 1);
  while (table_[place].start != 0 && table_[place].start != start)
    place = (place + 1) & (capacity_ - 1);
  return place;
}

const DirectBlock* DirectMap::find(const void* block) const noexcept {
  if (count_ == 0) return nullptr;
  const DirectBlock& found = table_[place_of(reinterpret_cast<Address>(block))];
  return found.start != 0 ? &found : nullptr;
}

bool DirectMap::make_room() noexcept {
  if ((count_ + 1) * 2 <= capacity_) return true;
  const std::size_t old_capacity = capacity_;
  DirectBlock* const old = table_;
  const std::size_t grown = old_capacity == 0 ? kFirstCapacity : old_capacity * 2;
  void* const pages = os::map(grown * sizeof(DirectBlock));
  if (pages == nullptr) return false;
  table_ = static_cast<DirectBlock*>(pages);
  capacity_ = grown;
  for (std::size_t i = 0; i < old_capacity; ++i) {
    if (old[i].start != 0) table_[place_of(old[i].start)] = old[i];
  }
  if (old != nullptr) os::unmap(old, old_capacity * sizeof(DirectBlock));
  return true;
}

void DirectMap::insert(const DirectBlock& block) noexcept {
  table_[place_of(block.start)] = block;
  ++count_;
  used_bytes_ += block.mapped;
}

// Moves later entries of the probe sequence up, so that no marker stays behind.
void DirectMap::erase(std::size_t place) noexcept {
  used_bytes_ -= table_[place].mapped;
  --count_;
  table_[place] = DirectBlock();
  for (std::size_t next = (place + 1) & (capacity_ - 1); table_[next].start != 0;
       next = (next + 1) & (capacity_ - 1)) {
    const DirectBlock moved = table_[next];
    table_[next] = DirectBlock();
    table_[place_of(moved.start)] = moved;
  }
}

// A kept mapping that fits with at most an eighth to spare. When none does, all are dropped:
// keeping them beside a new mapping would raise the peak.
DirectMap::Kept DirectMap::take_kept(std::size_t mapped) noexcept {
  for (Kept& kept : kept_) {
    if (kept.mapped < mapped || kept.mapped > mapped + mapped / 8) continue;
    const Kept taken = kept;
    kept_bytes_ -= taken.mapped;
    kept = Kept();
    return taken;
  }
  drop_kept(UINT64_MAX);
  return Kept();
}

void* DirectMap::allocate(std::size_t bytes, Domain domain, Content content) noexcept {
  if (bytes > SIZE_MAX / 2 || !make_room()) return nullptr;
  DirectBlock block{0, bytes, round_up(bytes, kPageBytes), domain};
  const Kept kept = take_kept(block.mapped);
  if (kept.start != 0) {
    block.start = kept.start;
    block.mapped = kept.mapped;
    if (content == Content::kZero) std::memset(as_pointer(block.start), 0, bytes);
  } else {
    block.start = reinterpret_cast<Address>(os::map(block.mapped));
    if (block.start == 0) return nullptr;
    if (block.mapped >= kHugePagesFrom) {
      os::advise(as_pointer(block.start), block.mapped, os::HugePages::kWanted);
    }
  }
  insert(block);
  return as_pointer(block.start);
}

void* DirectMap::allocate(std::size_t bytes, Domain domain) noexcept {
  return allocate(bytes, domain, Content::kAny);
}

void* DirectMap::allocate_zeroed(std::size_t bytes, Domain domain) noexcept {
  return allocate(bytes, domain, Content::kZero);
}

void* DirectMap::resize(void* pointer, std::size_t bytes) noexcept {
  if (bytes > SIZE_MAX / 2) return nullptr;
  const std::size_t place = place_of(reinterpret_cast<Address>(pointer));
  DirectBlock block = table_[place];
  const std::size_t mapped = round_up(bytes, kPageBytes);
  if (mapped != block.mapped) {
    void* const moved = os::remap(pointer, block.mapped, mapped);
    if (moved == nullptr) return nullptr;
    block.start = reinterpret_cast<Address>(moved);
  }
  erase(place);
  block.bytes = bytes;
  block.mapped = mapped;
  insert(block);
  return as_pointer(block.start);
}

bool DirectMap::free(void* pointer, Nanoseconds now) noexcept {
  const DirectBlock* const found = find(pointer);
  if (found == nullptr) return false;
  const DirectBlock block = *found;
  erase(static_cast<std::size_t>(found - table_));
  if (kept_bytes_ + block.mapped <= kMaxKeptBytes) {
    for (Kept& kept : kept_) {
      if (kept.start != 0) continue;
      kept = Kept{block.start, block.mapped, now};
      kept_bytes_ += block.mapped;
      return true;
    }
  }
  os::unmap(as_pointer(block.start), block.mapped);
  return true;
}

std::size_t DirectMap::drop_kept(Nanoseconds before) noexcept {
  if (kept_bytes_ == 0) return 0;
  std::size_t dropped = 0;
  for (Kept& kept : kept_) {
    if (kept.start == 0 || kept.freed_at >= before) continue;
    os::unmap(as_pointer(kept.start), kept.mapped);
    dropped += kept.mapped;
    kept = Kept();
  }
  kept_bytes_ -= dropped;
  return dropped;
}

}  // namespace hoop::heap
