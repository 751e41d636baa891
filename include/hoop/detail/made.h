// SPDX-License-Identifier: Apache-2.0
// What Heap::make<T>() makes: a T that knows its exact type. Not for users.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "hoop/detail/core.h"
#include "hoop/object.h"
#include "hoop/traits.h"

namespace hoop::detail {

// Facts about an exact type; one of each lives as long as the program.
struct Type {
  const std::type_info& name;
  // A new object with a reference for the caller to own; null in types that are not Copyable.
  Object* (*copy)(Heap& heap, const Object& from);
};

// A block begins with the object's vtable; or, where the Object in it lies further behind, with
// this. No vtable is at an odd address, none at 0: a block that begins with 0 holds no object yet.
struct Prefix {
  std::uintptr_t tagged_offset = 1;  // bytes from the prefix's end << 1 | 1
  std::uintptr_t kept_for_alignment = 0;
};
static_assert(sizeof(Prefix) == 16);

// A block that waits in its type's pool is marked in its first word.
inline constexpr std::uintptr_t kPooledTag = 2;

// Is &T::f the one that Object has? Then T does not override it. (Where it cannot be told, it may.)
template <class T>
concept InheritsTrace = requires {
  requires std::same_as<decltype(&T::trace), void (Object::*)(Visitor&) const>;
};
template <class T>
concept InheritsFinalize = requires {
  requires std::same_as<decltype(&T::finalize), void (Object::*)()>;
};

template <class T>
concept DerivesFromObjectVirtually =
    std::convertible_to<T*, const Object*> && !requires(Object * o) {
  static_cast<T*>(o);
};

// The pool of a type in a heap; `id` counts the pooled types of the program.
unsigned new_pool_id() noexcept;
// Makes the pool, if there is memory for it.
void add_pool_slow(Core& core, unsigned id) noexcept;

// nullptr: none is there.
[[nodiscard]] inline void* take_pooled(Core& core, unsigned id) noexcept {
  if (id >= core.pool_count) [[unlikely]]
    return nullptr;
  Pool& pool = core.pools[id];
  void* const block = pool.first;
  if (block == nullptr) return nullptr;
  pool.first = reinterpret_cast<void*>(*static_cast<std::uintptr_t*>(block) & ~kPooledTag);
  --pool.blocks;
  return block;
}

// False: the pool is full; the block stays the caller's.
[[nodiscard]] inline bool give_pooled(Core& core, unsigned id, void* block,
                                      std::size_t capacity) noexcept {
  if (id >= core.pool_count) [[unlikely]]
    add_pool_slow(core, id);
  if (id >= core.pool_count || core.pools[id].blocks >= capacity) return false;
  Pool& pool = core.pools[id];
  *static_cast<std::uintptr_t*>(block) = reinterpret_cast<std::uintptr_t>(pool.first) | kPooledTag;
  pool.first = block;
  ++pool.blocks;
  return true;
}

template <class T>
class Made final : public T {
 public:
  template <class... Args>
  explicit Made(Args&&... args) : T(std::forward<Args>(args)...) {}

  // `extra`: bytes behind the object.
  template <class... Args>
  static T* make(Core& core, std::size_t extra, Args&&... args) {
    void* const block = take_block(core, extra);
    *static_cast<void**>(block) = nullptr;
    // Without this the compiler may drop that store: in its eyes nobody looks before the object is.
    asm volatile("" : : "r"(block) : "memory");
    Made* made = nullptr;
    try {
      made = ::new (object_in(block)) Made(std::forward<Args>(args)...);
    } catch (...) {
      free_block(core, block);
      throw;
    }
    Object* const object = made;
    if (has_prefix()) sign(block, object);
    Access::heap(object) = core.id;
    // Its constructor may have made weak references to it.
    Access::flags(object) = static_cast<std::uint16_t>((Access::flags(object) & kWeak) | kFlags);
    return made;
  }

 private:
  static constexpr std::uint16_t kFlags =
      (InheritsTrace<T> ? kLeaf : 0) | (InheritsFinalize<T> ? 0 : kFinalizer);
  static constexpr bool kIsPooled = std::derived_from<T, Pooled>;
  static const Type kType;

  static unsigned pool_id() noexcept {
    static const unsigned kId = new_pool_id();
    return kId;
  }

  static bool has_prefix() noexcept {
    if constexpr (DerivesFromObjectVirtually<T>) {
      return true;
    } else {
      // The compiler knows the answer; no object is needed to ask, but a pointer that is not null.
      alignas(T) static std::byte here[sizeof(T)];
      T* const somewhere = reinterpret_cast<T*>(here);
      return static_cast<void*>(static_cast<Object*>(somewhere)) != static_cast<void*>(here);
    }
  }
  static void* object_in(void* block) noexcept {
    return static_cast<std::byte*>(block) + (has_prefix() ? sizeof(Prefix) : 0);
  }
  static void sign(void* block, const Object* object) noexcept {
    const auto offset =
        static_cast<std::uintptr_t>(reinterpret_cast<const std::byte*>(object) -
                                    static_cast<const std::byte*>(object_in(block)));
    *static_cast<std::uintptr_t*>(block) = offset << 1 | 1;
  }

  static void* take_block(Core& core, std::size_t extra) {
    if constexpr (kIsPooled) {
      if (extra == 0) {
        if (void* const block = take_pooled(core, pool_id())) return block;
      }
    }
    return allocate(core, sizeof(Made) + extra + (has_prefix() ? sizeof(Prefix) : 0));
  }

  const Type& hoop_type() const override { return kType; }

  void* hoop_destroy() noexcept override {
    void* const block = reinterpret_cast<std::byte*>(this) - (has_prefix() ? sizeof(Prefix) : 0);
    if constexpr (kIsPooled) {
      Core& core = *cores[Access::heap(this)];
      this->~Made();
      return give_pooled(core, pool_id(), block, T::kPoolCapacity) ? nullptr : block;
    } else {
      this->~Made();
      return block;
    }
  }

  static Object* copy(Heap& heap, const Object& from);
  static constexpr auto copy_function() -> Object* (*)(Heap&, const Object&) {
    if constexpr (std::derived_from<T, Copyable>) {
      return &copy;
    } else {
      return nullptr;
    }
  }
};

// The type that a T is shown as.
template <class T>
struct Shown {
  using type = T;
};

template <class T>
const Type Made<T>::kType = {typeid(typename Shown<T>::type), copy_function()};

}  // namespace hoop::detail
