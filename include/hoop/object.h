// SPDX-License-Identifier: Apache-2.0
// hoop::Object: the base of everything that lives on a hoop::Heap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hoop/detail/core.h"

namespace hoop {

class Heap;
class Visitor;

namespace detail {

struct Type;
struct Access;

enum HeaderFlags : std::uint16_t {
  kGeneration = 0x3,    // 0, 1, 2, or kFrozen
  kFrozen = 0x3,        // taken to be alive
  kLeaf = 1 << 2,       // its type names no references
  kBuffered = 1 << 3,   // noted as a candidate, or must not be
  kCondemned = 1 << 4,  // found to be garbage, or in its destructor
  kNumbered = 1 << 5,   // has an index in the collection that is running
  kFinalizer = 1 << 6,  // has one that did not run yet
  kWeak = 1 << 7,       // weak references to it exist
  kDying = 1 << 8,      // count 0, waits for its destructor
  kUnderConstruction = 1 << 9,
  kQuiet = kLeaf | kBuffered | kCondemned,
  kEndsSlowly = kBuffered | kFinalizer | kWeak,
};

}  // namespace detail

// Derive from it (once; `virtual` where more than one base does), override what you need, and make
// objects with Heap::make<T>(). 16 bytes:
//
//   0        8          12     14     16
//   | vtable | count    | heap | flags |
//
// Everything about an object happens on the thread that owns its heap.
class Object {
 public:
  // Names each counted reference that the object owns: `v(next_); v(children_);`. A reference that
  // is left out only costs: a cycle through it is never collected. One that the object does not
  // own (a raw pointer) must not be named. Name the members themselves: a copy of a reference has
  // nothing that clear() could let go of. Types that do not override this are leaves: they are
  // never tracked. Called during collections: make and release nothing in it.
  virtual void trace(Visitor& visitor) const;

  // Called once in the life of an object, before its destructor, with everything it refers to
  // intact. May make it reachable again; then it lives on. What it throws goes to the heap's error
  // handler.
  virtual void finalize();

  // Called to break a cycle. By default lets go of every reference that trace() names. The
  // destructor is called later, and finds those references null.
  virtual void clear();

 protected:
  Object() noexcept = default;
  // A copy is an object of its own: it has its own count.
  Object(const Object&) noexcept : Object() {}
  Object& operator=(const Object&) noexcept { return *this; }
  virtual ~Object() {
    if (count_ != 1 || (flags_ & detail::kWeak) != 0) [[unlikely]]
      detail::end_header_slow(this);
  }

 private:
  friend struct detail::Access;

  // Implemented by the type that Heap::make() makes of T.
  [[nodiscard]] virtual const detail::Type& hoop_type() const;
  // Runs the destructor of the whole object; returns its block.
  virtual void* hoop_destroy() noexcept;

  // Negative: immortal, or so often referred to that the count is not kept any more.
  mutable std::int32_t count_ = 1;
  mutable std::uint16_t heap_ = 0;
  mutable std::uint16_t flags_ = detail::kUnderConstruction | detail::kBuffered;
};

namespace detail {

// What the library's own code does with an object's header.
struct Access {
  static void add(const Object* object) noexcept {
#if HOOP_CHECK_OWNER
    check_owner(object->heap_);
#endif
    if (object->count_ >= 0) [[likely]]  // from INT32_MAX on it stays negative: saturated
      object->count_ = static_cast<std::int32_t>(static_cast<std::uint32_t>(object->count_) + 1);
  }

  static void release(const Object* object) noexcept {
#if HOOP_CHECK_OWNER
    check_owner(object->heap_);
#endif
    if (object->count_ == 1) {
      destroy(object);
    } else if (object->count_ > 1) [[likely]] {
      --object->count_;
      if ((object->flags_ & kQuiet) == 0) note_candidate(object);
    }
  }

  static std::int32_t& count(const Object* object) noexcept { return object->count_; }
  static std::uint16_t& flags(const Object* object) noexcept { return object->flags_; }
  static std::uint16_t& heap(const Object* object) noexcept { return object->heap_; }
  static Core& core(const Heap& heap) noexcept;
  static const Type& type(const Object* object) { return object->hoop_type(); }
  static void* end(const Object* object) noexcept {
    return const_cast<Object*>(object)->hoop_destroy();
  }
};

}  // namespace detail

// Bytes before the fields of a class that derives from Object.
static_assert(sizeof(Object) == 16);

}  // namespace hoop
