// SPDX-License-Identifier: Apache-2.0
// An address inside the heap that no slab and no run has.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address where no block is \(double free of a released block\?\): block 0x[0-9a-f]+
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  auto* const block = static_cast<char*>(heap.allocate(64));
  heap.free(block + 40 * hoop::heap::kUnitBytes);
}
