// SPDX-License-Identifier: Apache-2.0
// A small block freed twice in a row: found when the heap looks.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: double free: the block is twice in its free list: block 0x[0-9a-f]+, size class 64
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  void* const block = heap.allocate(64);
  heap.free(block);
  heap.free(block);
  heap.trim();
}
