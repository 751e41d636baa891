// SPDX-License-Identifier: Apache-2.0
// Marks what is reachable from known roots, by the bits of an ObjectMap. In a real program that is
// nearly everything, and it is looked at once.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>

#include "base/units.h"
#include "cycles/object_map.h"
#include "cycles/prefetch_ring.h"

namespace hoop::cycles {

//   for_each_reference(object, f)   as in host.h
//   prefetch_object(object)         a hint: it is looked at soon
//   prefetch_content(object)        the same, when the object itself has come: its tables
template <class H>
concept MarkingHost = requires(H& host, Address object, void (*visit)(Address)) {
  host.for_each_reference(object, visit);
  host.prefetch_object(object);
  host.prefetch_content(object);
};

template <MarkingHost H>
class Marker {
 public:
  // REQUIRES: room at `stack` for as many addresses as there are objects in the map.
  Marker(H& host, ObjectMap& map, Address* stack) : host_(host), map_(map), stack_(stack) {}

  // What is no object of the map is passed over.
  void mark_from(Address root) {
    if (map_.mark_live(root)) stack_[depth_++] = root;
  }

  // Marks all that the roots reach.
  void drain() {
    do {
      while (depth_ > 0) approach(stack_[--depth_]);
      for (std::size_t i = 0; depth_ == 0 && i < 2 * PrefetchRing::kLength; ++i) approach(0);
      if (depth_ == 0) targets_.flush(mark_);
    } while (depth_ > 0);
  }

 private:
  // Takes the object in; those that came in some steps before have been fetched by now.
  void approach(Address object) {
    if (object != 0) host_.prefetch_object(object);
    const Address near = coming_.exchange(object);
    if (near != 0) host_.prefetch_content(near);
    const Address here = here_.exchange(near);
    if (here != 0) host_.for_each_reference(here, push_target_);
  }

  // Like a PrefetchRing, with room for "none".
  struct DelayLine {
    Address exchange(Address object) {
      Address& slot = waiting[next++ % PrefetchRing::kLength];
      const Address due = slot;
      slot = object;
      return due;
    }
    std::array<Address, PrefetchRing::kLength> waiting{};
    std::size_t next = 0;
  };
  struct PushTarget {
    Marker* marker;
    void operator()(Address target) const {
      marker->map_.prefetch(target);
      marker->targets_.push(target, marker->mark_);
    }
  };
  struct Mark {
    Marker* marker;
    void operator()(Address target) const { marker->mark_from(target); }
  };

  H& host_;
  ObjectMap& map_;
  Address* stack_;
  std::size_t depth_ = 0;
  DelayLine coming_;
  DelayLine here_;
  PrefetchRing targets_;
  PushTarget push_target_{this};
  Mark mark_{this};
};

}  // namespace hoop::cycles
