// SPDX-License-Identifier: Apache-2.0
// A block freed again when its pages are with the system already.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: double free: the block is free already: block 0x[0-9a-f]+, size class 16384
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  const Blocks blocks = fill_slab(heap, 16 * kKiB);
  heap.free(blocks[0]);
  heap.trim();
  heap.free(blocks[0]);
}
