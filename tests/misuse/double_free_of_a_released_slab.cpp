// SPDX-License-Identifier: Apache-2.0
// A block freed again after its slab was given up.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address where no block is \(double free of a released block\?\): block 0x[0-9a-f]+
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  const Blocks blocks = fill_slab(heap, 64);
  for (void* const block : blocks) heap.free(block);
  heap.trim();
  heap.free(blocks[7]);
}
