// SPDX-License-Identifier: Apache-2.0
// Blocks above 1 MiB: a mapping each, grown and moved by the kernel (mremap), known by a table
// beside them. Freed mappings are kept for a moment, since programs that allocate one large block
// often allocate it again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/geometry.h"

namespace hoop::heap {

struct DirectBlock {
  Address start = 0;       // 0: an empty place of the table
  std::size_t bytes = 0;   // asked for
  std::size_t mapped = 0;  // page-rounded
  Domain domain = Domain::kMemory;
};

class DirectMap {
 public:
  constexpr DirectMap() = default;
  void release() noexcept;

  void* allocate(std::size_t bytes, Domain domain) noexcept;
  void* allocate_zeroed(std::size_t bytes, Domain domain) noexcept;

  // nullptr: the system refused; the block stays as it was. REQUIRES: find(block).
  void* resize(void* block, std::size_t bytes) noexcept;

  // False when `block` is none of ours.
  bool free(void* block, Nanoseconds now) noexcept;

  [[nodiscard]] const DirectBlock* find(const void* block) const noexcept;

  // Unmaps kept mappings that were freed before `before`; returns their bytes.
  std::size_t drop_kept(Nanoseconds before) noexcept;

  [[nodiscard]] bool has_kept_before(Nanoseconds before) const {
    for (const Kept& kept : kept_) {
      if (kept.start != 0 && kept.freed_at < before) return true;
    }
    return false;
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t used_bytes() const { return used_bytes_; }
  [[nodiscard]] std::size_t kept_bytes() const { return kept_bytes_; }
  [[nodiscard]] std::size_t metadata_bytes() const { return capacity_ * sizeof(DirectBlock); }

  template <class F>
  void for_each_metadata_range(F&& visit) const {
    if (table_ != nullptr) visit(reinterpret_cast<Address>(table_), metadata_bytes());
  }

  template <class F>
  void for_each(F&& visit) const {
    for (std::size_t i = 0; i < capacity_; ++i) {
      if (table_[i].start != 0) visit(table_[i]);
    }
  }
  // visit(Address start, std::size_t bytes) for the mappings that were freed and are kept.
  template <class F>
  void for_each_kept(F&& visit) const {
    for (const Kept& kept : kept_) {
      if (kept.start != 0) visit(kept.start, kept.mapped);
    }
  }

 private:
  struct Kept {
    Address start = 0;
    std::size_t mapped = 0;
    Nanoseconds freed_at = 0;
  };
  static constexpr std::size_t kKeptPlaces = 16;
  static constexpr std::size_t kMaxKeptBytes = 64 * kMiB;
  static constexpr std::size_t kHugePagesFrom = 16 * kMiB;

  [[nodiscard]] std::size_t place_of(Address start) const;
  bool make_room() noexcept;
  void insert(const DirectBlock& block) noexcept;
  void erase(std::size_t place) noexcept;
  Kept take_kept(std::size_t mapped) noexcept;
  enum class Content : std::uint8_t { kAny, kZero };
  void* allocate(std::size_t bytes, Domain domain, Content content) noexcept;

  DirectBlock* table_ = nullptr;  // open addressing, linear probing, at most half full
  std::size_t capacity_ = 0;      // a power of two
  std::size_t count_ = 0;
  std::size_t used_bytes_ = 0;
  std::size_t kept_bytes_ = 0;
  Kept kept_[kKeptPlaces];
};

}  // namespace hoop::heap
