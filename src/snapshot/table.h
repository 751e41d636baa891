// SPDX-License-Identifier: Apache-2.0
// Memory of the writer's own: pages straight from the kernel, never the process's allocators.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "os/bare.h"

namespace hoop::snapshot {

// An array that grows at its end. T is copied as bytes. Out of memory: it stays as it was, and
// failed() tells.
template <class T>
class GrowingArray {
 public:
  GrowingArray() = default;
  ~GrowingArray() {
    if (items_ != nullptr) os::bare::unmap(items_, capacity_ * sizeof(T));
  }
  GrowingArray(const GrowingArray&) = delete;
  GrowingArray& operator=(const GrowingArray&) = delete;

  // False: no memory.
  bool push(const T& item) {
    if (size_ == capacity_ && !grow()) return false;
    items_[size_++] = item;
    return true;
  }
  T pop() { return items_[--size_]; }
  void clear() { size_ = 0; }

  [[nodiscard]] bool is_empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool failed() const { return failed_; }
  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }
  [[nodiscard]] const T* data() const { return items_; }

 private:
  static constexpr std::size_t kFirstBytes = 64 * kKiB;

  bool grow() {
    const std::size_t capacity = capacity_ == 0 ? kFirstBytes / sizeof(T) : capacity_ * 2;
    auto* const items = static_cast<T*>(os::bare::map(capacity * sizeof(T)));
    if (items == nullptr) {
      failed_ = true;
      return false;
    }
    if (items_ != nullptr) {
      std::memcpy(items, items_, size_ * sizeof(T));
      os::bare::unmap(items_, capacity_ * sizeof(T));
    }
    items_ = items;
    capacity_ = capacity;
    return true;
  }

  T* items_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  bool failed_ = false;
};

// As above, but items stay where they are.
template <class T>
class StableArray {
 public:
  StableArray() = default;
  ~StableArray() {
    for (std::size_t i = 0; i * kChunkItems < size_; ++i)
      os::bare::unmap(chunk(i), kChunkItems * sizeof(T));
  }
  StableArray(const StableArray&) = delete;
  StableArray& operator=(const StableArray&) = delete;

  // nullptr: no memory.
  T* push(const T& item) {
    if (size_ % kChunkItems == 0) {
      auto* const items = static_cast<T*>(os::bare::map(kChunkItems * sizeof(T)));
      if (items == nullptr || !chunks_.push(reinterpret_cast<Address>(items))) return nullptr;
    }
    T* const place = chunk(size_ / kChunkItems) + size_ % kChunkItems;
    *place = item;
    ++size_;
    return place;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return chunk(i / kChunkItems)[i % kChunkItems]; }

 private:
  static constexpr std::size_t kChunkItems = 512;

  [[nodiscard]] T* chunk(std::size_t i) const { return reinterpret_cast<T*>(chunks_[i]); }

  GrowingArray<Address> chunks_;
  std::size_t size_ = 0;
};

// Addresses and a number for each; open addressing.
class AddressNumbers {
 public:
  AddressNumbers() = default;
  ~AddressNumbers() {
    if (entries_ != nullptr) os::bare::unmap(entries_, capacity_ * sizeof(Entry));
  }
  AddressNumbers(const AddressNumbers&) = delete;
  AddressNumbers& operator=(const AddressNumbers&) = delete;

  // The number's place, new and 0 where the address was not there. nullptr: no memory.
  std::uint32_t* find_or_add(Address key) {
    if ((count_ + 1) * 4 > capacity_ * 3 && !grow()) return nullptr;
    Entry& entry = entries_[place_of(key)];
    if (entry.key == 0) {
      entry.key = key;
      ++count_;
    }
    return &entry.number;
  }
  // 0: it is not there.
  [[nodiscard]] std::uint32_t find(Address key) const {
    return capacity_ == 0 ? 0 : entries_[place_of(key)].number;
  }

 private:
  struct Entry {
    Address key;
    std::uint32_t number;
  };
  static constexpr std::size_t kFirstCapacity = 4096;

  [[nodiscard]] std::size_t place_of(Address key) const {
    std::size_t place = (key >> 4) * 0x9E3779B97F4A7C15u >> 20 & (capacity_ - 1);
    while (entries_[place].key != 0 && entries_[place].key != key)
      place = (place + 1) & (capacity_ - 1);
    return place;
  }
  bool grow() {
    const std::size_t old_capacity = capacity_;
    const std::size_t capacity = old_capacity == 0 ? kFirstCapacity : old_capacity * 2;
    Entry* const old = entries_;
    auto* const entries = static_cast<Entry*>(os::bare::map(capacity * sizeof(Entry)));
    if (entries == nullptr) return false;
    entries_ = entries;
    capacity_ = capacity;
    for (std::size_t i = 0; i < old_capacity; ++i)
      if (old[i].key != 0) entries_[place_of(old[i].key)] = old[i];
    if (old != nullptr) os::bare::unmap(old, old_capacity * sizeof(Entry));
    return true;
  }

  Entry* entries_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t count_ = 0;
};

}  // namespace hoop::snapshot
