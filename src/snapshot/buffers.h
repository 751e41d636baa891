// SPDX-License-Identifier: Apache-2.0
// Memory that objects own and sys.getsizeof() leaves out.
#pragma once

#include <cstddef>

#include "base/units.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

// 0: none, or not known.
std::size_t owned_buffer(Address object, const TypeInfo& info);

}  // namespace hoop::snapshot
