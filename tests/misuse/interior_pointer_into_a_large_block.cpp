// SPDX-License-Identifier: Apache-2.0
// An address inside a block with a mapping of its own.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  auto* const block = static_cast<char*>(heap.allocate(2 * kMiB));
  heap.free(block + 4096);
}
