// SPDX-License-Identifier: Apache-2.0
// What sys.getsizeof() says of an object, and what it leaves out.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "snapshot/python_layout.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

// Bytes, headers before the object included.
std::size_t shallow_size(Address object, const TypeInfo& info, const PythonLayout& layout);

struct Slots {
  std::size_t used;
  std::size_t allocated;
};
// REQUIRES: has_capacity_row(info.layout).
Slots slots_of(Address object, const TypeInfo& info, const PythonLayout& layout);

// Bytes of the data that a numpy array owns; 0: another's.
std::size_t numpy_data_bytes(Address array);

// Whether the collector knows this object: types that have a header may have objects without.
bool is_collected(Address object, const TypeInfo& info);

}  // namespace hoop::snapshot
