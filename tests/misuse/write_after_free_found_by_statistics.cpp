// SPDX-License-Identifier: Apache-2.0
// A block written to after it was freed.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: a free block was written to after it was freed: block 0x[0-9a-f]+, size class 64, link 0x6b6b6b6b6b6b6b6b
// clang-format on
#include <cstring>

#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  void* const block = heap.allocate(64);
  void* const other = heap.allocate(64);
  heap.free(other);
  heap.free(block);
  std::memset(block, 'k', 64);
  if (heap.statistics().live_blocks() == 0) return 1;
}
