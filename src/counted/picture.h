// SPDX-License-Identifier: Apache-2.0
// All objects of a heap and their references at one moment, in the standard library's memory: for
// reports and drawings, which may cost what they cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "counted/state.h"
#include "hoop/object.h"

namespace hoop::counted {

class Picture {
 public:
  using Index = std::uint32_t;

  // Throws std::bad_alloc, and what trace() throws.
  explicit Picture(const State& state);

  [[nodiscard]] std::size_t size() const { return objects_.size(); }
  [[nodiscard]] const Object* object(Index index) const { return objects_[index]; }
  // Of its block.
  [[nodiscard]] std::size_t bytes(Index index) const { return bytes_[index]; }
  // What the object refers to, once for each reference; objects of other heaps left out.
  [[nodiscard]] const std::vector<Index>& references(Index index) const {
    return references_[index];
  }

  // The strongly connected component of each object, by a number; objects that are on no cycle have
  // kOnNoCycle. (Tarjan, "Depth-first search and linear graph algorithms", 1972; without
  // recursion.)
  static constexpr Index kOnNoCycle = UINT32_MAX;
  [[nodiscard]] std::vector<Index> cycles() const;

  // For each object, whether only garbage refers to it.
  [[nodiscard]] std::vector<bool> garbage() const;

 private:
  std::vector<const Object*> objects_;
  std::vector<std::size_t> bytes_;
  std::vector<std::vector<Index>> references_;
};

}  // namespace hoop::counted
