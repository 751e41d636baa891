// SPDX-License-Identifier: Apache-2.0
// A large block freed twice while others are live.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  void* const others[] = {heap.allocate(2 * kMiB), heap.allocate(3 * kMiB)};
  void* const block = heap.allocate(4 * kMiB);
  heap.free(block);
  if (heap.owns(others[0]) && heap.owns(others[1])) heap.free(block);
}
