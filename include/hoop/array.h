// SPDX-License-Identifier: Apache-2.0
// hoop::Array<T>: an object that is an array, its elements behind its header.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "hoop/detail/made.h"
#include "hoop/object.h"
#include "hoop/visitor.h"

namespace hoop {

// Made by Heap::make_array<T>(size). The size stays as it is made.
template <class T>
class Array : public Object {
 public:
  using value_type = T;

  // REQUIRES: memory for `size` elements behind the object, which only make_array() sees to.
  Array(std::size_t size, const T& value) : size_(size) {
    std::uninitialized_fill_n(begin(), size, value);
  }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() override { std::destroy_n(begin(), size_); }

  static constexpr std::size_t bytes_behind(std::size_t size) {
    return kElements - sizeof(Array) + size * sizeof(T);
  }
  static constexpr std::size_t kMostElements = (std::size_t{1} << 47) / sizeof(T);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // As in std::vector: unchecked.
  T& operator[](std::size_t index) noexcept { return begin()[index]; }
  const T& operator[](std::size_t index) const noexcept { return begin()[index]; }
  T* begin() noexcept { return std::launder(reinterpret_cast<T*>(start())); }
  T* end() noexcept { return begin() + size_; }
  const T* begin() const noexcept { return std::launder(reinterpret_cast<const T*>(start())); }
  const T* end() const noexcept { return begin() + size_; }
  [[nodiscard]] std::span<T> elements() noexcept { return {begin(), size_}; }
  [[nodiscard]] std::span<const T> elements() const noexcept { return {begin(), size_}; }

 protected:
  static constexpr std::size_t kElements =
      (sizeof(Object) + sizeof(std::size_t) + alignof(T) - 1) / alignof(T) * alignof(T);

 private:
  [[nodiscard]] std::byte* start() noexcept {
    return reinterpret_cast<std::byte*>(this) + kElements;
  }
  [[nodiscard]] const std::byte* start() const noexcept {
    return reinterpret_cast<const std::byte*>(this) + kElements;
  }

  std::size_t size_;
};

namespace detail {

// An array whose elements hold references; others are leaves.
template <class T>
class TracedArray : public Array<T> {
 public:
  using Array<T>::Array;
  void trace(Visitor& visitor) const override {
    for (const T& element : *this) visitor(element);
  }
};

template <class T>
struct Shown<TracedArray<T>> {
  using type = Array<T>;
};

template <class T>
using ArrayToMake = std::conditional_t<holds_references<T>(), TracedArray<T>, Array<T>>;

}  // namespace detail
}  // namespace hoop
