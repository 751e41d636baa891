// SPDX-License-Identifier: Apache-2.0
#include "counted/pools.h"

#include <cstddef>
#include <cstdint>
#include <new>

#include "heap/heap.h"
#include "hoop/detail/made.h"

namespace hoop::counted {

namespace {

std::uintptr_t& link_of(void* block) { return *static_cast<std::uintptr_t*>(block); }

}  // namespace

void* Pools::take(unsigned pool) noexcept {
  if (pool >= pools_.size() || pools_[pool].first == nullptr) return nullptr;
  Pool& from = pools_[pool];
  void* const block = from.first;
  from.first = reinterpret_cast<void*>(link_of(block) & ~detail::kPooledTag);
  --from.blocks;
  return block;
}

bool Pools::give(unsigned pool, void* block, std::size_t capacity) noexcept {
  if (pool >= pools_.size()) {
    try {
      pools_.resize(pool + 1);
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  Pool& into = pools_[pool];
  if (into.blocks >= capacity) return false;
  link_of(block) = reinterpret_cast<std::uintptr_t>(into.first) | detail::kPooledTag;
  into.first = block;
  ++into.blocks;
  return true;
}

void Pools::empty(heap::Heap& heap) noexcept {
  for (unsigned pool = 0; pool < pools_.size(); ++pool) {
    while (void* const block = take(pool)) heap.free(block);
  }
}

}  // namespace hoop::counted
