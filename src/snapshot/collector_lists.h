// SPDX-License-Identifier: Apache-2.0
// The collector's lists, found by their shape in the interpreter's state.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "cycles/object_map.h"
#include "snapshot/interpreter_layout.h"

namespace hoop::snapshot {

struct ListFindings {
  std::size_t objects = 0;
  Address subtype_traverse = 0;  // of a class made in Python that every process has; 0: not met
};

// Enters every object of every list: for a process that nobody looked into before. Only reads.
ListFindings enter_collector_lists(Address interpreter, const InterpreterLayout& where,
                                   cycles::ObjectMap& map);

inline constexpr unsigned kOldGeneration = 2, kFrozenGeneration = 3;

// Which generation an object is in: those of the short lists are remembered, the two young ones and
// the frozen one; all others are old. Only reads.
class Generations {
 public:
  Generations() = default;  // nothing will be known
  // Both maps are the caller's, and empty.
  Generations(cycles::ObjectMap& young, cycles::ObjectMap& frozen)
      : young_(&young), frozen_(&frozen) {}

  // 3.14.0 to 3.14.4 have other lists: nothing is known of theirs.
  void enter(Address interpreter, const InterpreterLayout& where);

  [[nodiscard]] bool are_known() const { return are_known_; }
  // 0, 1, kOldGeneration or kFrozenGeneration. REQUIRES: are_known(), and a tracked object.
  [[nodiscard]] unsigned of(Address object) const {
    if (young_->contains(object)) return young_->is_live(object) ? 1 : 0;
    return frozen_->contains(object) ? kFrozenGeneration : kOldGeneration;
  }

 private:
  cycles::ObjectMap* young_ = nullptr;  // those "live" in it are in the middle generation
  cycles::ObjectMap* frozen_ = nullptr;
  bool are_known_ = false;
};

}  // namespace hoop::snapshot
