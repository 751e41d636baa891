// SPDX-License-Identifier: Apache-2.0
// No misuse at all: the programs beside this one die of what they do, not of how they are built.
#include "misuse.h"

int main() {
  Heap& heap = fresh_heap();
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{5000}, 32 * kKiB}) {
    for (void* const block : fill_slab(heap, bytes)) heap.free(block);
  }
  heap.free(heap.allocate(100 * kKiB));
  heap.free(heap.allocate(2 * kMiB));
  heap.trim();
  die_of_what_validate_finds(heap);
  return 0;
}
