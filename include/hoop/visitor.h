// SPDX-License-Identifier: Apache-2.0
// hoop::Visitor: what Object::trace() names its references to.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "hoop/object.h"
#include "hoop/ref.h"
#include "hoop/weak.h"

namespace hoop {

namespace detail {

template <class T>
struct IsRef : std::false_type {};
template <class T>
struct IsRef<ref<T>> : std::true_type {};
template <class T>
struct IsWeak : std::false_type {};
template <class T>
struct IsWeak<weak<T>> : std::true_type {};

template <class T>
concept Traceable = requires(const T& value, Visitor& visitor) {
  value.trace(visitor);
};
template <class T>
concept TupleLike = requires {
  std::tuple_size<T>::value;
};
template <class T>
struct IsVariant : std::false_type {};
template <class... Ts>
struct IsVariant<std::variant<Ts...>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
constexpr bool holds_references();

template <class Tuple, std::size_t... kIndices>
constexpr bool any_holds_references(std::index_sequence<kIndices...> /*indices*/) {
  return (holds_references<std::tuple_element_t<kIndices, Tuple>>() || ...);
}
template <class... Ts>
constexpr bool any_holds_references(const std::variant<Ts...>* /*type*/) {
  return (holds_references<Ts>() || ...);
}

// Is there anything for a visitor in a T?
template <class T>
constexpr bool holds_references() {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (IsRef<Plain>::value || IsWeak<Plain>::value || Traceable<Plain>) {
    return true;
  } else if constexpr (IsVariant<Plain>::value) {
    return any_holds_references(static_cast<const Plain*>(nullptr));
  } else if constexpr (IsOptional<Plain>::value) {
    return holds_references<typename Plain::value_type>();
  } else if constexpr (std::ranges::range<Plain>) {
    using Element = std::remove_cvref_t<std::ranges::range_value_t<Plain>>;
    if constexpr (std::is_same_v<Element, Plain>)
      return false;  // std::filesystem::path
    else
      return holds_references<Element>();
  } else if constexpr (TupleLike<Plain>) {
    return any_holds_references<Plain>(std::make_index_sequence<std::tuple_size_v<Plain>>());
  } else {
    return false;
  }
}

// Is it known that a T without references holds none that cannot be seen?
template <class T>
inline constexpr bool kIsTransparent =
    !std::is_class_v<T> || IsVariant<T>::value || IsOptional<T>::value || std::ranges::range<T> ||
    TupleLike<T>;

}  // namespace detail

// Takes ref<T>, weak<T>, and whatever holds them: arrays, containers, pairs, tuples, optionals,
// variants, and structs with a trace() of their own. Numbers, strings and the like are passed over;
// a class that it cannot see into does not compile.
//
// A visitor either reads references, or, after a collection or while a graph is copied, takes them
// away or puts others in their place; `const` in trace() means that the object's meaning stays.
class Visitor {
 public:
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;

  template <class T>
  void operator()(const ref<T>& reference) {
    if (reference.object_ == nullptr) return;
    if (read_ != nullptr) [[likely]] {
      read_(*this, reference.header());
    } else {
      change(const_cast<ref<T>&>(reference));
    }
  }

  template <class T>
  void operator()(const weak<T>& reference) {
    if (read_weak_ != nullptr && reference.node_ != nullptr) read_weak_(*this, reference.node_);
  }

  template <class T>
  requires(!detail::IsRef<T>::value && !detail::IsWeak<T>::value) void operator()(const T& value) {
    if constexpr (!detail::holds_references<T>()) {
      static_assert(detail::kIsTransparent<T>,
                    "hoop::Visitor cannot see into a value of this type. If it holds references, "
                    "give it `void trace(hoop::Visitor&) const`; if it holds none, leave it out");
    } else if constexpr (detail::Traceable<T>) {
      value.trace(*this);
    } else if constexpr (detail::IsVariant<T>::value) {
      std::visit([this](const auto& alternative) { visit_part(alternative); }, value);
    } else if constexpr (detail::IsOptional<T>::value) {
      if (value.has_value()) (*this)(*value);
    } else if constexpr (std::ranges::range<T>) {
      visit_range(value);
    } else {
      std::apply([this](const auto&... elements) { (visit_part(elements), ...); }, value);
    }
  }

  // All of them in turn.
  template <class A, class B, class... More>
  void operator()(const A& a, const B& b, const More&... more) {
    (*this)(a);
    (*this)(b);
    ((*this)(more), ...);
  }

 protected:
  using Read = void (*)(Visitor& self, const Object* target);
  using ReadWeak = void (*)(Visitor& self, detail::WeakNode* node);
  // The object to refer to instead, with a reference for the caller to own; null for none.
  using Replace = const Object* (*)(Visitor& self, const Object* target);

  explicit Visitor(Read read, ReadWeak read_weak = nullptr) noexcept
      : read_(read), read_weak_(read_weak) {}
  explicit Visitor(Replace replace) noexcept : replace_(replace) {}
  ~Visitor() = default;

 private:
  template <class T>
  void change(ref<T>& reference) {
    if (drops_) return reference.reset();
    const Object* const old_header = reference.header();
    const Object* const new_header = replace_(*this, old_header);
    ref<T> old = std::move(reference);
    if (new_header == nullptr) return;
    // An object of the same type: its parts lie as far from its header.
    const auto distance =
        reinterpret_cast<std::uintptr_t>(old.get()) - reinterpret_cast<std::uintptr_t>(old_header);
    const auto start = reinterpret_cast<std::uintptr_t>(new_header) + distance;
    reference = ref<T>::adopt(reinterpret_cast<T*>(start));
  }

  // Of a variant, pair or tuple: others of it hold references, this one may hold none.
  template <class T>
  void visit_part(const T& part) {
    if constexpr (detail::holds_references<T>()) (*this)(part);
  }

  template <class C>
  void visit_range(const C& range) {
    if constexpr (requires { typename C::key_type; }) {
      if (read_ == nullptr) return change_keyed(const_cast<C&>(range));
    }
    for (const auto& element : range) (*this)(element);
  }

  // Sets and maps find their keys by order or hash: they are emptied and filled again.
  template <class C>
  void change_keyed(C& container) {
    C old = std::move(container);
    container.clear();
    if (drops_) return;
    while (!old.empty()) {
      auto node = old.extract(old.begin());
      if constexpr (requires { node.key(); }) {
        (*this)(node.key());
        (*this)(node.mapped());
      } else {
        (*this)(node.value());
      }
      container.insert(std::move(node));
    }
  }

 protected:
  bool drops_ = false;  // replace_ only ever gives null

 private:
  Read read_ = nullptr;
  ReadWeak read_weak_ = nullptr;
  Replace replace_ = nullptr;
};

}  // namespace hoop
