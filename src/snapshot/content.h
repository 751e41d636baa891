// SPDX-License-Identifier: Apache-2.0
// Section CONTENT: what tells how small a value could be, or what it stands for, without telling
// the value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/python_layout.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

// bytes == 0: nothing is told of this object.
//   str of 2 or 4 bytes a character: as UTF-8; characters that need this width
//   numpy.ndarray: of the items that it shows; bits that hold each of its integers (0: not known)
//   memoryview: that it shows; 0
//   file, socket, mapping, database: 1; 1 where it is open
//   int that may be a thread's number: 8; the place in a page
struct Content {
  std::size_t bytes = 0;
  std::size_t detail = 0;
};

[[nodiscard]] Content content_of(Address object, const TypeInfo& info, const PythonLayout& layout);

}  // namespace hoop::snapshot
