// SPDX-License-Identifier: Apache-2.0
// A block of the C library.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include <cstdlib>

#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  if (heap.allocate(1) == nullptr) return 1;
  heap.free(std::malloc(100));
}
