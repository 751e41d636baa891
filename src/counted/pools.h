// SPDX-License-Identifier: Apache-2.0
// The pools of pooled types; objects are taken from them and given to them by inlined code.
#pragma once

#include <vector>

#include "heap/heap.h"
#include "hoop/detail/core.h"

namespace hoop::counted {

class Pools {
 public:
  // From now on the type of this number has a pool, if there is memory for it.
  void add(detail::Core& core, unsigned id) noexcept;
  // All blocks go back to the heap.
  static void empty(detail::Core& core, heap::Heap& heap) noexcept;

 private:
  std::vector<detail::Pool> pools_;  // core.pools
};

}  // namespace hoop::counted
