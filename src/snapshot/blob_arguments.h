// SPDX-License-Identifier: Apache-2.0
// What the writer is told when it is loaded into the copy of a process that it knows nothing of.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "snapshot/keyed_hash.h"

namespace hoop::snapshot {

// Followed by `meta_bytes` of text: key, NUL, value, NUL, and so on. A key that begins with a blank
// is a row of MEMORY, and its value a decimal number of bytes.
struct BlobArguments {
  std::uint32_t version;  // PY_VERSION_HEX; its lower half may be 0
  std::uint32_t pid;
  Address runtime;      // &_PyRuntime
  std::uint64_t taken;  // ns since 1970
  std::uint32_t flags;  // of the header
  std::uint32_t meta_bytes;
  HashKey key;
};
static_assert(sizeof(BlobArguments) == 48);

}  // namespace hoop::snapshot
