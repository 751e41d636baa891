// SPDX-License-Identifier: Apache-2.0
// Tables of the recorder's. Their memory is pages of their own: they are used amid the program's
// allocations.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::cpython::life {

inline Address address_of(const void* place) { return reinterpret_cast<Address>(place); }

// Addresses, each with a number; what is in it can be taken out again.
class AddressTable {
 public:
  constexpr AddressTable() = default;
  AddressTable(const AddressTable&) = delete;
  AddressTable& operator=(const AddressTable&) = delete;

  // 0: it is not there.
  [[nodiscard]] std::uint32_t find(Address key) const {
    return capacity_ == 0 ? 0 : entries_[place_of(key)].number;
  }
  // False: no memory. REQUIRES: key != 0, number != 0.
  bool put(Address key, std::uint32_t number) {
    if ((count_ + 1) * 4 > capacity_ * 3 && !grow()) return false;
    Entry& entry = entries_[place_of(key)];
    if (entry.key == 0) ++count_;
    entry = {key, number};
    return true;
  }
  // Returns the number that it had; 0: it was not there.
  std::uint32_t remove(Address key) {
    if (capacity_ == 0) return 0;
    std::size_t hole = place_of(key);
    const std::uint32_t number = entries_[hole].number;
    if (entries_[hole].key == 0) return 0;
    // Those behind that would not be found any more move up.
    for (std::size_t i = next(hole); entries_[i].key != 0; i = next(i)) {
      const std::size_t home = home_of(entries_[i].key);
      if (((i - home) & (capacity_ - 1)) < ((i - hole) & (capacity_ - 1))) continue;
      entries_[hole] = entries_[i];
      hole = i;
    }
    entries_[hole] = {};
    --count_;
    return number;
  }
  void clear() {
    for (std::size_t i = 0; i < capacity_; ++i) entries_[i] = {};
    count_ = 0;
  }

 private:
  struct Entry {
    Address key;
    std::uint32_t number;
  };
  static constexpr std::size_t kFirstCapacity = 4096;

  [[nodiscard]] std::size_t next(std::size_t place) const { return (place + 1) & (capacity_ - 1); }
  [[nodiscard]] std::size_t home_of(Address key) const {
    return (key >> 4) * 0x9E3779B97F4A7C15u >> 20 & (capacity_ - 1);
  }
  [[nodiscard]] std::size_t place_of(Address key) const {
    std::size_t place = home_of(key);
    while (entries_[place].key != 0 && entries_[place].key != key) place = next(place);
    return place;
  }
  bool grow() {
    Entry* const old = entries_;
    const std::size_t old_capacity = capacity_;
    const std::size_t capacity = old_capacity == 0 ? kFirstCapacity : old_capacity * 2;
    auto* const entries =
        static_cast<Entry*>(os::map(round_up(capacity * sizeof(Entry), os::kPageBytes)));
    if (entries == nullptr) return false;
    entries_ = entries;
    capacity_ = capacity;
    for (std::size_t i = 0; i < old_capacity; ++i)
      if (old[i].key != 0) entries_[place_of(old[i].key)] = old[i];
    if (old != nullptr) os::unmap(old, round_up(old_capacity * sizeof(Entry), os::kPageBytes));
    return true;
  }

  Entry* entries_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t count_ = 0;
};

// An array that grows at its end. T is copied as bytes.
template <class T>
class Sequence {
 public:
  constexpr Sequence() = default;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  // False: no memory, and nothing done.
  bool push(const T& item) {
    if (size_ == capacity_ && !grow()) return false;
    items_[size_++] = item;
    return true;
  }
  T pop() { return items_[--size_]; }
  void resize_down(std::size_t size) { size_ = size; }
  void clear() { size_ = 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  [[nodiscard]] T& last() { return items_[size_ - 1]; }
  [[nodiscard]] const T* data() const { return items_; }

 private:
  bool grow() {
    constexpr std::size_t kFirst = 4 * os::kPageBytes;
    const std::size_t bytes = capacity_ == 0 ? kFirst : bytes_ * 2;
    void* const items = items_ == nullptr
                            ? os::map(bytes)
                            : os::remap(reinterpret_cast<void*>(items_), bytes_, bytes);
    if (items == nullptr) return false;
    items_ = static_cast<T*>(items);
    bytes_ = bytes;
    capacity_ = bytes / sizeof(T);  // NOLINT(bugprone-sizeof-expression)
    return true;
  }

  T* items_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace hoop::cpython::life
