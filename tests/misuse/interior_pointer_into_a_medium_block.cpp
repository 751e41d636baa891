// SPDX-License-Identifier: Apache-2.0
// An address inside a block of a full slab, where the heap looks at each free.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address inside a block, not its start: block 0x[0-9a-f]+, size class 20480
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  const Blocks blocks = fill_slab(heap, 20 * kKiB);
  heap.free(static_cast<char*>(blocks[1]) + 16);
}
