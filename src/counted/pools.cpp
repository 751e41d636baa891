// SPDX-License-Identifier: Apache-2.0
#include "counted/pools.h"

#include <cstdint>
#include <new>

#include "heap/heap.h"
#include "hoop/detail/core.h"
#include "hoop/detail/made.h"

namespace hoop::counted {

void Pools::add(detail::Core& core, unsigned id) noexcept {
  try {
    pools_.resize(id + 1);
  } catch (const std::bad_alloc&) {
    return;
  }
  core.pools = pools_.data();
  core.pool_count = static_cast<std::uint32_t>(pools_.size());
}

void Pools::empty(detail::Core& core, heap::Heap& heap) noexcept {
  for (unsigned id = 0; id < core.pool_count; ++id) {
    while (void* const block = detail::take_pooled(core, id)) heap.free(block);
  }
}

}  // namespace hoop::counted
