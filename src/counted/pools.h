// SPDX-License-Identifier: Apache-2.0
// Blocks that wait for the next object of their type.
#pragma once

#include <cstddef>
#include <vector>

#include "heap/heap.h"

namespace hoop::counted {

class Pools {
 public:
  // nullptr: none is there.
  [[nodiscard]] void* take(unsigned pool) noexcept;
  // False: the pool is full; the block stays the caller's.
  [[nodiscard]] bool give(unsigned pool, void* block, std::size_t capacity) noexcept;
  // All blocks go back to the heap.
  void empty(heap::Heap& heap) noexcept;

 private:
  struct Pool {
    void* first = nullptr;  // linked by first words, tagged with kPooledTag
    std::size_t blocks = 0;
  };
  std::vector<Pool> pools_;  // by the type's number
};

}  // namespace hoop::counted
