// SPDX-License-Identifier: Apache-2.0
// The collector's lists, found by their shape in the interpreter's state: for a process that nobody
// looked into before.
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

// Enters every object of every list. Only reads.
ListFindings enter_collector_lists(Address interpreter, const InterpreterLayout& where,
                                   cycles::ObjectMap& map);

}  // namespace hoop::snapshot
