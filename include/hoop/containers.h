// SPDX-License-Identifier: Apache-2.0
// Standard containers whose memory comes from a hoop::Heap. A visitor takes them, as it takes
// those with any other allocator.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hoop/heap.h"

namespace hoop {

// `hoop::vector<ref<Node>> children(heap);`. The heap must outlive what it gives: a container
// inside of an object of that heap is safe.
template <class T>
class allocator {
 public:
  using value_type = T;

  allocator(Heap& heap) noexcept  // NOLINT(google-explicit-constructor)
      : core_(&detail::Access::core(heap)) {}
  template <class U>
  allocator(const allocator<U>& other) noexcept  // NOLINT(google-explicit-constructor)
      : core_(other.core_) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    static_assert(alignof(T) <= 16, "blocks are aligned to 16 bytes, and no further");
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(T))
      throw std::bad_array_new_length();
    return static_cast<T*>(detail::allocate_memory(*core_, count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t /*count*/) noexcept { detail::free_block(*core_, block); }

  template <class U>
  [[nodiscard]] bool operator==(const allocator<U>& other) const noexcept {
    return core_ == other.core_;
  }

 private:
  template <class U>
  friend class allocator;

  detail::Core* core_;  // outlives the heap while there are objects
};

template <class T>
using vector = std::vector<T, allocator<T>>;
template <class T>
using deque = std::deque<T, allocator<T>>;
template <class K, class V, class Less = std::less<K>>
using map = std::map<K, V, Less, allocator<std::pair<const K, V>>>;
template <class K, class Less = std::less<K>>
using set = std::set<K, Less, allocator<K>>;
template <class K, class V, class Hash = std::hash<K>, class Equal = std::equal_to<K>>
using unordered_map = std::unordered_map<K, V, Hash, Equal, allocator<std::pair<const K, V>>>;
template <class K, class Hash = std::hash<K>, class Equal = std::equal_to<K>>
using unordered_set = std::unordered_set<K, Hash, Equal, allocator<K>>;

}  // namespace hoop
