// SPDX-License-Identifier: Apache-2.0
// A block of another heap.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  static constinit Heap other;
  if (!other.init() || heap.allocate(1) == nullptr) return 1;
  heap.free(other.allocate(64));
}
