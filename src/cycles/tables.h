// SPDX-License-Identifier: Apache-2.0
// The finder's side tables: one column for each fact about an object, carved from memory that the
// caller gives. Nothing is written into objects, and nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cycles/host.h"

namespace hoop::cycles {

// Columns for up to `capacity` objects. Rows are initialised as they are added, so that memory that
// is mapped but not touched costs nothing.
//
//   object    8 bytes   its address
//   count     4         references to it, as the host counts
//   internal  4         those of them that were found inside the graph
//   scratch   4         a queue of marked objects; afterwards the parent in its component
//   live      1/8       a bit
class Tables {
 public:
  static constexpr std::size_t kBytesPerRow =
      sizeof(Address) + 2 * sizeof(std::uint32_t) + sizeof(Index);

  // Bytes of memory for `capacity` objects, aligned as a cache line.
  static constexpr std::size_t bytes_for(Index capacity) {
    return kBytesPerRow * capacity + sizeof(std::uint64_t) * words_for(capacity) + 5 * kAlignment;
  }

  // REQUIRES: bytes_for(capacity) bytes at `memory`, that outlive this.
  Tables(void* memory, Index capacity) : capacity_(capacity) {
    auto* next = static_cast<std::byte*>(memory);
    carve(next, object_, capacity);
    carve(next, live_, words_for(capacity));
    carve(next, count_, capacity);
    carve(next, internal_, capacity);
    carve(next, scratch_, capacity);
  }

  [[nodiscard]] Index size() const { return size_; }
  [[nodiscard]] bool is_full() const { return size_ >= capacity_; }
  // No more rows than that.
  void set_limit(Index rows) { capacity_ = rows < capacity_ ? rows : capacity_; }

  // REQUIRES: not is_full().
  Index add(Address object, std::uint32_t count) {
    const Index index = size_++;
    object_[index] = object;
    count_[index] = count;
    internal_[index] = 0;
    if (index % 64 == 0) live_[index / 64] = 0;
    return index;
  }
  void clear() { size_ = 0; }
  // Keeps the rows for which keep(index) holds, their addresses only, in the same order.
  template <class F>
  void keep_objects(F&& keep) {
    Index kept = 0;
    for (Index i = 0; i < size_; ++i) {
      if (keep(i)) object_[kept++] = object_[i];
    }
    size_ = kept;
  }

  [[nodiscard]] Address object(Index index) const { return object_[index]; }
  [[nodiscard]] std::uint32_t count(Index index) const { return count_[index]; }
  void set_count(Index index, std::uint32_t count) { count_[index] = count; }
  [[nodiscard]] std::uint32_t internal(Index index) const { return internal_[index]; }
  void add_internal(Index index) { ++internal_[index]; }
  [[nodiscard]] bool is_live(Index index) const { return live_[index / 64] >> index % 64 & 1; }
  void set_live(Index index) { live_[index / 64] |= std::uint64_t{1} << index % 64; }
  Index& scratch(Index index) { return scratch_[index]; }
  [[nodiscard]] Index scratch(Index index) const { return scratch_[index]; }
  [[nodiscard]] const Address* objects() const { return object_; }

 private:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t words_for(Index rows) { return (std::size_t{rows} + 63) / 64; }

  template <class T>
  static void carve(std::byte*& next, T*& column, std::size_t rows) {
    column = reinterpret_cast<T*>(round_up(reinterpret_cast<Address>(next), kAlignment));
    next = reinterpret_cast<std::byte*>(column + rows);
  }

  Index capacity_;
  Index size_ = 0;
  Address* object_ = nullptr;
  std::uint64_t* live_ = nullptr;
  std::uint32_t* count_ = nullptr;
  std::uint32_t* internal_ = nullptr;
  Index* scratch_ = nullptr;
};

}  // namespace hoop::cycles
