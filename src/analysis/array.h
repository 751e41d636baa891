// SPDX-License-Identifier: Apache-2.0
// Columns: arrays of one size, of plain numbers, in pages of their own or in a mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::analysis {

// Zeros at first. Movable. A view has an owner elsewhere, whom it keeps.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  explicit Array(std::size_t size) : size_(size) {
    if (size == 0) return;
    if (size > kMostBytes / sizeof(T)) throw std::bad_alloc();
    mapped_bytes_ = round_up(size * sizeof(T), os::kPageBytes);
    data_ = static_cast<T*>(os::map_sparse(mapped_bytes_));
    if (data_ == nullptr) throw std::bad_alloc();
    if (mapped_bytes_ >= os::kHugePageBytes)
      os::advise(data_, mapped_bytes_, os::HugePages::kWanted);
  }
  Array(std::size_t size, T value) : Array(size) {
    for (std::size_t i = 0; i < size; ++i) data_[i] = value;
  }
  static Array view(const T* data, std::size_t size, std::shared_ptr<const void> owner) {
    Array array;
    // Views are of what nobody writes: data() const hands out no more than that.
    array.data_ = const_cast<T*>(data);
    array.size_ = size;
    array.owner_ = std::move(owner);
    return array;
  }
  ~Array() { release(); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array&& other) noexcept {
    Array moved(std::move(other));
    swap(moved);
    return *this;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  // Gives back the pages behind the first `size` entries.
  void shrink(std::size_t size) {
    const std::size_t kept = round_up(size * sizeof(T), os::kPageBytes);
    if (mapped_bytes_ > kept) {
      os::unmap(reinterpret_cast<char*>(data_) + kept, mapped_bytes_ - kept);
      mapped_bytes_ = kept;
      if (kept == 0) data_ = nullptr;
    }
    size_ = size;
  }

 private:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 46;

  void swap(Array& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(owner_, other.owner_);
  }
  void release() {
    if (mapped_bytes_ != 0) os::unmap(data_, mapped_bytes_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_bytes_ = 0;  // 0: a view
  std::shared_ptr<const void> owner_;
};

}  // namespace hoop::analysis
