// SPDX-License-Identifier: Apache-2.0
#include "snapshot/buffers.h"

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/types.h"

namespace hoop::snapshot {
namespace {

// mmap.mmap: address, size.
std::size_t mapped_bytes(Address object) {
  constexpr Offset kData = 16, kSize = 24;
  return word_at(object + kData) == 0 ? 0 : load<std::uint64_t>(object + kSize);
}

}  // namespace

std::size_t owned_buffer(Address object, const TypeInfo& info) {
  switch (info.buffer) {
    case BufferRule::kMapping:
      return mapped_bytes(object);
    case BufferRule::kNone:
      break;
  }
  return 0;
}

}  // namespace hoop::snapshot
