// SPDX-License-Identifier: Apache-2.0
// Where the resident memory of the process is: a sum that adds up.
#pragma once

#include <cstddef>

#include "heap/heap.h"

namespace hoop::cpython {

// Bytes resident now. The parts add up to `total`.
struct RssAccount {
  std::size_t total = 0;
  std::size_t heap_in_use = 0;
  std::size_t heap_free = 0;  // in the heap, resident, without a live block
  std::size_t heap_metadata = 0;
  std::size_t libc_in_use = 0;
  std::size_t libc_free = 0;
  std::size_t stacks = 0;
  std::size_t files = 0;  // code, libraries, mapped files
  std::size_t other = 0;  // other anonymous mappings: thread stacks, extensions' own
  std::size_t not_attributed = 0;
  std::size_t heap_huge_pages = 0;  // part of the heap's
  std::size_t heap_resident = 0;
};

RssAccount take_rss_account(const heap::Heap& heap, const heap::Statistics& statistics) noexcept;

}  // namespace hoop::cpython
