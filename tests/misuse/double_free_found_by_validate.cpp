// SPDX-License-Identifier: Apache-2.0
// A small block freed twice: found on request.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: double free: the block is twice in its free list: block 0x[0-9a-f]+, size class 64
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  void* const first = heap.allocate(64);
  void* const second = heap.allocate(64);
  heap.free(first);
  heap.free(second);
  heap.free(first);
  die_of_what_validate_finds(heap);
}
