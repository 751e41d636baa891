// SPDX-License-Identifier: Apache-2.0
// A page run resized after it was freed.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address where no block is \(double free of a released block\?\): block 0x[0-9a-f]+
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  void* const run = heap.allocate(100 * kKiB);
  heap.free(run);
  return heap.reallocate(run, 200 * kKiB) != nullptr ? 1 : 0;
}
