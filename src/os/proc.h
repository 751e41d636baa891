// SPDX-License-Identifier: Apache-2.0
// What /proc says of this process. Reads with system calls only: no stdio, no allocation.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace hoop::os {

struct MemoryUse {
  std::size_t virtual_bytes = 0;
  std::size_t resident_bytes = 0;
};

// From /proc/self/statm; zeros when it cannot be read.
MemoryUse read_memory_use() noexcept;

// The most that was ever resident in this address space (VmHWM); 0 when it cannot be read.
std::size_t read_peak_resident_bytes() noexcept;

// What decides whether the process can be copied. Zeros where /proc cannot be read.
struct CopyFacts {
  std::size_t anonymous_bytes = 0;   // resident: what a copy has page tables for
  std::size_t pinned_bytes = 0;      // for devices; copied at once, not on write
  unsigned system_call_filters = 0;  // seccomp
};
CopyFacts read_copy_facts() noexcept;

// Reads up to `capacity` bytes of a file; returns the length, or 0.
std::size_t read_file(const char* path, char* buffer, std::size_t capacity) noexcept;

// One mapping of /proc/self/smaps.
struct Mapping {
  Address start = 0;
  Address end = 0;
  std::size_t resident_bytes = 0;
  std::size_t huge_page_bytes = 0;
  bool writable = false;
  bool executable = false;
  const char* path = "";  // "" for anonymous memory; valid during the call only
};

// Calls visit(context, mapping) for every mapping; false when /proc cannot be read.
bool for_each_mapping(void (*visit)(void* context, const Mapping&), void* context) noexcept;

}  // namespace hoop::os
