// SPDX-License-Identifier: Apache-2.0
// The first word of a freed block made to point into another block.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: a free block was written to after it was freed: block 0x[0-9a-f]+, size class 64, link 0x[0-9a-f]+8
// clang-format on
#include <cstring>

#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  auto* const block = static_cast<char*>(heap.allocate(64));
  auto* const other = static_cast<char*>(heap.allocate(64));
  heap.free(block);
  char* const inside = other + 8;
  std::memcpy(block, &inside, sizeof inside);
  heap.trim();
}
