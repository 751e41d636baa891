// SPDX-License-Identifier: Apache-2.0
// hoop::weak<T>: a reference that keeps nothing alive, and knows when its object is gone.
#pragma once

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include "hoop/object.h"
#include "hoop/ref.h"

namespace hoop {

class Visitor;

namespace detail {

// What weak references to one object share, or one reference with a callback has for itself.
struct WeakNode;

// Both take an own use of the node; never null. Throw std::bad_alloc.
[[nodiscard]] WeakNode* weak_node(const Object* object);
[[nodiscard]] WeakNode* weak_node(const Object* object, std::function<void()> callback);
void add(WeakNode* node) noexcept;
void release(WeakNode* node) noexcept;
// The object, or null when it is gone or about to be.
[[nodiscard]] const Object* target(const WeakNode* node) noexcept;

}  // namespace detail

// As Python's weakref.ref. Copies share a callback; it is called once, when the object's life ends,
// unless the last copy went before.
template <class T>
class weak {
 public:
  weak() noexcept = default;
  weak(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  explicit weak(T* object) : object_(object) {
    if (object != nullptr) node_ = detail::weak_node(object);
  }
  weak(const ref<T>& object) : weak(object.get()) {}  // NOLINT(google-explicit-constructor)
  template <class U>
  requires std::convertible_to<U*, T*> weak(const ref<U>& object)
      : weak(static_cast<T*>(object.get())) {}
  // `callback` runs after the object was given up and before its destructor; lock() is null by
  // then. What it throws goes to the heap's error handler.
  weak(const ref<T>& object, std::function<void()> callback) : object_(object.get()) {
    if (object_ != nullptr) node_ = detail::weak_node(object_, std::move(callback));
  }
  weak(const weak& other) noexcept : object_(other.object_), node_(other.node_) {
    if (node_ != nullptr) detail::add(node_);
  }
  weak(weak&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)),
        node_(std::exchange(other.node_, nullptr)) {}
  ~weak() {
    if (node_ != nullptr) detail::release(node_);
  }

  weak& operator=(const weak& other) noexcept {
    weak(other).swap(*this);
    return *this;
  }
  weak& operator=(weak&& other) noexcept {
    weak(std::move(other)).swap(*this);
    return *this;
  }

  void reset() noexcept { weak().swap(*this); }
  void swap(weak& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(node_, other.node_);
  }

  // The object, kept alive by the answer; null when it is gone.
  [[nodiscard]] ref<T> lock() const noexcept { return expired() ? ref<T>() : ref<T>(object_); }
  [[nodiscard]] bool expired() const noexcept {
    return node_ == nullptr || detail::target(node_) == nullptr;
  }

  // Equal when they refer, or referred, to the same object through the same reference.
  [[nodiscard]] friend bool operator==(const weak& a, const weak& b) noexcept {
    return a.node_ == b.node_;
  }

 private:
  friend class Visitor;
  friend struct std::hash<weak<T>>;

  T* object_ = nullptr;
  detail::WeakNode* node_ = nullptr;
};

template <class T>
weak(ref<T>) -> weak<T>;
template <class T>
weak(T*) -> weak<T>;

}  // namespace hoop

// Stays the same when the object goes.
template <class T>
struct std::hash<hoop::weak<T>> {
  std::size_t operator()(const hoop::weak<T>& reference) const noexcept {
    return std::hash<hoop::detail::WeakNode*>{}(reference.node_);
  }
};
