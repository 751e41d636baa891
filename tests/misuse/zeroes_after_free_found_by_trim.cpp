// SPDX-License-Identifier: Apache-2.0
// A freed block of a partial slab filled with zeroes: its list ends early.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: free blocks are missing from the free list \(written to after free\?\): block 0x[0-9a-f]+, size class 64
// clang-format on
#include <cstring>

#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  const Blocks blocks = fill_slab(heap, 64);
  for (int i = 0; i < 100; ++i) heap.free(blocks[static_cast<std::size_t>(i)]);
  std::memset(blocks[50], 0, 64);
  heap.trim();
}
