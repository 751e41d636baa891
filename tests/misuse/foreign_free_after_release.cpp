// SPDX-License-Identifier: Apache-2.0
// A block of a heap that was released.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  void* const block = heap.allocate(64);
  heap.release();
  heap.free(block);
}
