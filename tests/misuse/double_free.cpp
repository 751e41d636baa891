// SPDX-License-Identifier: Apache-2.0
// A block freed twice in a row, where the heap looks at each free: two blocks fill a slab.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: double free: the block is free already: block 0x[0-9a-f]+, size class 32768
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  const Blocks blocks = fill_slab(heap, 32 * kKiB);
  heap.free(blocks[0]);
  heap.free(blocks[0]);
}
