// SPDX-License-Identifier: Apache-2.0
// Which pages hold memory, as the kernel says.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <vector>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::testing {

// One flag for each page of [start, start + bytes). REQUIRES: page-aligned, mapped.
inline std::vector<bool> resident_pages(Address start, std::size_t bytes) {
  std::vector<unsigned char> flags(bytes / os::kPageBytes);
  if (!flags.empty() && ::mincore(reinterpret_cast<void*>(start), bytes, flags.data()) != 0)
    std::abort();
  std::vector<bool> resident;
  resident.reserve(flags.size());
  for (const unsigned char flag : flags) resident.push_back((flag & 1) != 0);
  return resident;
}

inline std::size_t resident_bytes(Address start, std::size_t bytes) {
  std::size_t pages = 0;
  for (const bool resident : resident_pages(start, bytes)) pages += resident ? 1 : 0;
  return pages * os::kPageBytes;
}

}  // namespace hoop::testing
