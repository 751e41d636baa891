// SPDX-License-Identifier: Apache-2.0
// hoop::copy() and hoop::deep_copy(), as Python's copy module has them.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "hoop/heap.h"
#include "hoop/ref.h"

namespace hoop {

// An object of a type that does not derive from hoop::Copyable was to be copied.
class NotCopyable : public std::logic_error {
 public:
  explicit NotCopyable(const std::string& type)
      : std::logic_error("hoop: " + type +
                         " cannot be copied: it does not derive from "
                         "hoop::Copyable") {}
};

namespace detail {

// Both give an object of the same exact type, with a reference for the caller to own.
[[nodiscard]] Object* copy_object(Heap& heap, const Object& from);
[[nodiscard]] Object* deep_copy_object(Heap& heap, const Object& from);

// Objects of one exact type have their parts at the same distance from their header.
template <class T>
ref<T> same_part(const ref<T>& of, Object* copied) {
  const Object* const from = of.get();
  const auto distance =
      reinterpret_cast<std::uintptr_t>(of.get()) - reinterpret_cast<std::uintptr_t>(from);
  return ref<T>::adopt(reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(copied) + distance));
}

}  // namespace detail

// A new object by its type's copy constructor; it refers to what the old one refers to. Null gives
// null. Throws NotCopyable, std::bad_alloc, and what the constructor throws.
template <class T>
[[nodiscard]] ref<T> copy(Heap& heap, const ref<T>& from) {
  if (!from) return {};
  return detail::same_part(from, detail::copy_object(heap, *from));
}

// New objects for all that can be reached from this one through counted references that trace()
// names: each once, so that shared parts stay shared and cycles stay cycles. Weak references, and
// references that are not traced, go on referring to the old objects. Objects without trace() that
// are not Copyable are shared, as Python shares what cannot change. On an exception the copies made
// so far go; cycles among them with the next collection.
template <class T>
[[nodiscard]] ref<T> deep_copy(Heap& heap, const ref<T>& from) {
  if (!from) return {};
  return detail::same_part(from, detail::deep_copy_object(heap, *from));
}

}  // namespace hoop
