// SPDX-License-Identifier: Apache-2.0
// hoop::ref<T>: a counted reference to an object on a heap. One pointer.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include "hoop/object.h"

namespace hoop {

class Visitor;

// As std::shared_ptr, but the count lies in the object: a reference may be made of a raw pointer
// (of `this` too) at any time, and copies cost an increment that is not atomic.
// T may be const, and incomplete where the reference is only declared.
template <class T>
class ref {
 public:
  using element_type = T;

  constexpr ref() noexcept = default;
  constexpr ref(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  // Shares the object; REQUIRES: it was made by a heap. nullptr is fine.
  explicit ref(T* object) noexcept : object_(object) { add(); }
  ref(const ref& other) noexcept : object_(other.object_) { add(); }
  ref(ref&& other) noexcept : object_(other.detach()) {}
  template <class U>
  requires std::convertible_to<U*, T*> ref(const ref<U>& other)
  noexcept : object_(other.get()) { add(); }
  template <class U>
  requires std::convertible_to<U*, T*> ref(ref<U>&& other)
  noexcept : object_(other.detach()) {}
  ~ref() { release(); }

  ref& operator=(const ref& other) noexcept {
    ref(other).swap(*this);
    return *this;
  }
  ref& operator=(ref&& other) noexcept {
    ref(std::move(other)).swap(*this);
    return *this;
  }
  ref& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }

  void reset() noexcept { ref().swap(*this); }
  void swap(ref& other) noexcept { std::swap(object_, other.object_); }

  [[nodiscard]] T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }

  // References to the object, of this kind and in containers; -1 when it is immortal.
  [[nodiscard]] long use_count() const noexcept {
    if (object_ == nullptr) return 0;
    const auto count = detail::Access::count(header());
    return count < 0 ? -1 : count;
  }

  // Gives the reference up without counting down; adopt() takes it over.
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }
  [[nodiscard]] static ref adopt(T* object) noexcept {
    ref adopted;
    adopted.object_ = object;
    return adopted;
  }

 private:
  friend class Visitor;

  [[nodiscard]] const Object* header() const noexcept {
    static_assert(std::is_convertible_v<const T*, const Object*>,
                  "hoop::ref<T> wants a T that derives from hoop::Object, publicly and once; where "
                  "several bases do, each must derive from it virtually");
    return object_;
  }
  void add() const noexcept {
    if (object_ != nullptr) detail::Access::add(header());
  }
  void release() const noexcept {
    if (object_ != nullptr) detail::Access::release(header());
  }

  T* object_ = nullptr;
};

template <class T>
ref(T*) -> ref<T>;

template <class T, class U>
[[nodiscard]] bool operator==(const ref<T>& a, const ref<U>& b) noexcept {
  return a.get() == b.get();
}
template <class T, class U>
[[nodiscard]] std::strong_ordering operator<=>(const ref<T>& a, const ref<U>& b) noexcept {
  return std::compare_three_way{}(a.get(), b.get());
}
template <class T>
[[nodiscard]] bool operator==(const ref<T>& a, std::nullptr_t) noexcept {
  return a.get() == nullptr;
}

template <class T>
void swap(ref<T>& a, ref<T>& b) noexcept {
  a.swap(b);
}

// Casts, as for std::shared_ptr. dynamic_ref_cast gives null where the type does not fit.
template <class T, class U>
[[nodiscard]] ref<T> static_ref_cast(const ref<U>& from) noexcept {
  return ref<T>(static_cast<T*>(from.get()));
}
template <class T, class U>
[[nodiscard]] ref<T> dynamic_ref_cast(const ref<U>& from) noexcept {
  return ref<T>(dynamic_cast<T*>(from.get()));
}
template <class T, class U>
[[nodiscard]] ref<T> const_ref_cast(const ref<U>& from) noexcept {
  return ref<T>(const_cast<T*>(from.get()));
}

}  // namespace hoop

template <class T>
struct std::hash<hoop::ref<T>> {
  std::size_t operator()(const hoop::ref<T>& reference) const noexcept {
    return std::hash<T*>{}(reference.get());
  }
};
