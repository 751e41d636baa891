// SPDX-License-Identifier: Apache-2.0
// Weak references: the nodes that handles share, and the table that finds an object's nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "hoop/object.h"

namespace hoop::detail {

// As CPython's weakref objects: those without a callback share one node, which is the first in the
// object's list; one with a callback has its own, the latest in front of the others.
struct WeakNode {
  const Object* target = nullptr;  // null: gone
  Core* core = nullptr;  // the target's heap; its header may be in other use when it waits to die
  WeakNode* next = nullptr;
  WeakNode* previous = nullptr;
  std::uint32_t uses = 1;
  std::uint32_t seen = 0;  // uses by garbage, as the collection counts that is running
  std::function<void()> callback;
};

}  // namespace hoop::detail

namespace hoop::counted {

using detail::WeakNode;

// The first node of each object that has any. Open addressing, linear probing, deletion by moving
// back (Knuth 6.4, algorithm R).
class WeakTable {
 public:
  [[nodiscard]] WeakNode* find(const Object* object) const noexcept;
  // REQUIRES: not there. Throws std::bad_alloc.
  void insert(const Object* object, WeakNode* first);
  // REQUIRES: there.
  void replace(const Object* object, WeakNode* first) noexcept;
  void erase(const Object* object) noexcept;

 private:
  struct Entry {
    const Object* object = nullptr;
    WeakNode* first = nullptr;
  };

  [[nodiscard]] std::size_t home_of(const Object* object) const noexcept;
  [[nodiscard]] std::size_t place_of(const Object* object) const noexcept;
  void grow();

  std::vector<Entry> entries_;  // a power of two of them, or none
  std::size_t size_ = 0;
};

}  // namespace hoop::counted
