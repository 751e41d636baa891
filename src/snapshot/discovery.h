// SPDX-License-Identifier: Apache-2.0
// Which objects are known, and which of them are still to be written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cycles/object_map.h"
#include "cycles/prefetch_ring.h"
#include "snapshot/objects.h"
#include "snapshot/rows.h"
#include "snapshot/table.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

// What is found on the way: leaves are written at once, the others wait. `map` holds the objects
// that the collector knows; they come by themselves.
class Discovery {
 public:
  Discovery(cycles::ObjectMap& map, Rows& rows, Types& types)
      : map_(map), rows_(rows), types_(types) {}

  void found(Address object) {
    if (object % sizeof(Address) != 0 || !map_.add_live(object)) return;
    __builtin_prefetch(reinterpret_cast<const void*>(object));
    ring_.push(object, examine_);
  }
  // Objects whose edges are to be written, last found first. 0: none is left.
  Address next() {
    while (true) {
      ring_.flush(examine_);
      types_.for_each_new([this](Address type) { found(type); });
      if (!waiting_.is_empty()) return waiting_.pop();
      if (!types_.has_new() && ring_.is_empty()) return 0;
    }
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t damaged() const { return damaged_; }
  void note_damaged() { ++damaged_; }

 private:
  struct Examine {
    Discovery* discovery;
    void operator()(Address object) const { discovery->examine(object); }
  };

  void examine(Address object) {
    // Free lists and what was just let go of: no object any more.
    if (load<std::int64_t>(object + at::kCount) == 0) return;
    const TypeInfo& info = types_.of(type_of(object));
    if (!info.is_valid) {
      ++damaged_;
    } else if (info.is_leaf) {
      rows_.add(object, info, 0, false);
    } else {
      waiting_.push(object);
    }
  }

  cycles::ObjectMap& map_;
  Rows& rows_;
  Types& types_;
  cycles::PrefetchRing ring_;
  Examine examine_{this};
  GrowingArray<Address> waiting_;
  std::size_t damaged_ = 0;
};

}  // namespace hoop::snapshot
