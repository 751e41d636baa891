// SPDX-License-Identifier: Apache-2.0
// An address that is no block, resized.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  if (heap.allocate(1) == nullptr) return 1;
  char local[64] = {};
  return heap.reallocate(local, 100) != nullptr ? 1 : 0;
}
