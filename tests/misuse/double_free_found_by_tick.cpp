// SPDX-License-Identifier: Apache-2.0
// A small block of a partial slab freed twice: found by the trimmer at its second look.
// clang-format off
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: heap: double free: the block is twice in its free list: block 0x[0-9a-f]+, size class 64
// clang-format on
#include "misuse.h"
#include "os/clock.h"

int main() {
  Heap& heap = fresh_heap();
  const Blocks blocks = fill_slab(heap, 64);
  for (int i = 0; i < 100; ++i) heap.free(blocks[static_cast<std::size_t>(i)]);
  heap.free(blocks[50]);
  Nanoseconds now = hoop::os::monotonic_now();
  for (int round = 0; round < 3; ++round) heap.tick(now += hoop::heap::Trimmer::kRoundInterval);
}
