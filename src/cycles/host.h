// SPDX-License-Identifier: Apache-2.0
// What the cycle finder asks of the graph that it works on. A host is the C++ heap, a copy of a
// CPython process, or a fake in the tests.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>

#include "base/units.h"

namespace hoop::cycles {

// The number of an object in the finder's tables, in the order in which they were added.
using Index = std::uint32_t;
inline constexpr Index kNoIndex = std::numeric_limits<Index>::max();

// The count of an object that is alive whatever refers to it: immortal, saturated, pinned.
inline constexpr std::uint32_t kAlwaysLive = std::numeric_limits<std::uint32_t>::max();

// The finder only reads objects, through these:
//   count_of(object)                  references that are counted; kAlwaysLive pins it
//   for_each_reference(object, f)     f(Address) for each counted reference that it owns; may
//   repeat
//                                     targets, may name objects that are not looked at
//   index_of(object)                  what set_index() said, kNoIndex before and after
//   set_index(object, index)          kNoIndex forgets
//   in_scope(object)                  an object met on the way: is it looked at too?
//   note_overcount(object)            more references to it were found than it counts: its owner's
//                                     for_each_reference is wrong. It is taken to be alive
//   prefetch(object)                  a hint: its count is asked for soon
// Optional:
//   for_each_weak_reference(object, f)  joins components, keeps nothing alive
template <class H>
concept Host = requires(H& host, Address object, Index index, void (*visit)(Address)) {
  { host.count_of(object) } -> std::convertible_to<std::uint32_t>;
  host.for_each_reference(object, visit);
  { host.index_of(object) } -> std::convertible_to<Index>;
  host.set_index(object, index);
  { host.in_scope(object) } -> std::convertible_to<bool>;
  host.note_overcount(object);
  host.prefetch(object);
};

template <class H>
concept WeakReferenceHost = Host<H> && requires(H& host, Address object, void (*visit)(Address)) {
  host.for_each_weak_reference(object, visit);
};

}  // namespace hoop::cycles
