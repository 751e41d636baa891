// SPDX-License-Identifier: Apache-2.0
// An address in the middle of a page run.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address inside a block, not its start: block 0x[0-9a-f]+, size class 102400
// clang-format on
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  auto* const run = static_cast<char*>(heap.allocate(100 * kKiB));
  heap.free(run + 16);
}
