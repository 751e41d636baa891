// SPDX-License-Identifier: Apache-2.0
// A heap that owns nothing.
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: freed an address that this heap never gave out: block 0x[0-9a-f]+
#include "misuse.h"

int main() {
  static constinit Heap heap;
  char local[64] = {};
  heap.free(local);
}
