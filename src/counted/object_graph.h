// SPDX-License-Identifier: Apache-2.0
// The objects of a heap, as the cycle finder sees them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/units.h"
#include "counted/state.h"
#include "cycles/host.h"
#include "hoop/object.h"
#include "hoop/visitor.h"

namespace hoop::counted {

// Calls f(const Object*) for each reference that an object owns.
template <class F>
class ReferenceReader final : public Visitor {
 public:
  explicit ReferenceReader(F& visit) : Visitor(&read), visit_(visit) {}

 private:
  static void read(Visitor& self, const Object* target) {
    static_cast<ReferenceReader&>(self).visit_(target);
  }
  F& visit_;
};

template <class F>
void for_each_reference(const Object* object, F&& visit) {
  ReferenceReader<std::remove_reference_t<F>> reader(visit);
  object->trace(reader);
}

// Calls f(WeakNode*) for each weak reference that an object owns.
template <class F>
class WeakReferenceReader final : public Visitor {
 public:
  explicit WeakReferenceReader(F& visit) : Visitor(&pass_over, &read), visit_(visit) {}

 private:
  static void pass_over(Visitor& /*self*/, const Object* /*target*/) {}
  static void read(Visitor& self, WeakNode* node) {
    static_cast<WeakReferenceReader&>(self).visit_(node);
  }
  F& visit_;
};

template <class F>
void for_each_weak_reference(const Object* object, F&& visit) {
  WeakReferenceReader<std::remove_reference_t<F>> reader(visit);
  object->trace(reader);
}

// A host of src/cycles: objects of this heap that are tracked, up to a generation.
class ObjectGraph {
 public:
  enum class Holds : std::uint8_t { kNone, kOneEach };  // references of the collection's own

  ObjectGraph(State& state, int generation, Holds holds = Holds::kNone)
      : state_(state),
        generation_(static_cast<unsigned>(generation)),
        held_(holds == Holds::kOneEach ? 1 : 0) {}

  [[nodiscard]] std::uint32_t count_of(Address object) const {
    const std::int32_t count = Access::count(object_at(object));
    if (count < 0) return cycles::kAlwaysLive;
    return static_cast<std::uint32_t>(count) - held_;
  }

  template <class F>
  void for_each_reference(Address object, F&& visit) {
    counted::for_each_reference(object_at(object),
                                [&](const Object* target) { visit(address_of(target)); });
  }
  template <class F>
  void for_each_weak_reference(Address object, F&& visit) {
    counted::for_each_weak_reference(object_at(object), [&](const WeakNode* node) {
      if (node->target != nullptr) visit(address_of(node->target));
    });
  }

  [[nodiscard]] cycles::Index index_of(Address object) const {
    if (!has(object_at(object), detail::kNumbered)) return cycles::kNoIndex;
    return Access::heap(object_at(object)) == state_.id ? state_.slots.get(object)
                                                        : cycles::kNoIndex;
  }
  // An object with a number is no candidate, and is not noted as one: both would need its slot. A
  // candidate whose list was taken has kNumbered already.
  void set_index(Address address, cycles::Index index) {
    const Object* const object = object_at(address);
    if (index == cycles::kNoIndex) return unset(object, kAnalysed);
    if ((Access::flags(object) & kAnalysed) == detail::kBuffered) [[unlikely]]
      forget_slow(object);
    state_.slots.set(address, index);
    set(object, kAnalysed);
  }

  [[nodiscard]] bool in_scope(Address address) {
    const Object* const object = object_at(address);
    const unsigned flags = Access::flags(object);
    return (flags & kOutOfScope) == 0 && (flags & detail::kGeneration) <= generation_ &&
           Access::heap(object) == state_.id && Access::count(object) > 0 && has_slot(address);
  }

  void note_overcount(Address object) { overcounted_ = object_at(object); }
  // An object that more references name than it counts, the last one found; null if none.
  [[nodiscard]] const Object* overcounted() const { return overcounted_; }

  void prefetch(Address object) const {
    __builtin_prefetch(object_at(object), 1);
    state_.slots.prefetch(object);
  }

 private:
  // Without memory for its number an object cannot be looked at, and garbage may be missed.
  bool has_slot(Address object) {
    if (state_.slots.prepare(object)) [[likely]]
      return true;
    state_.lost_candidates = true;
    return false;
  }

  static constexpr unsigned kAnalysed = detail::kNumbered | detail::kBuffered;
  static constexpr unsigned kOutOfScope =
      detail::kLeaf | detail::kUnderConstruction | detail::kDying | detail::kNumbered;

  [[gnu::noinline]] void forget_slow(const Object* candidate) {
    state_.candidates.forget(candidate);
  }

  State& state_;
  unsigned generation_;
  std::uint32_t held_;
  const Object* overcounted_ = nullptr;
};

static_assert(cycles::WeakReferenceHost<ObjectGraph>);

}  // namespace hoop::counted
