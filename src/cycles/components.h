// SPDX-License-Identifier: Apache-2.0
// The weakly connected components of the garbage: groups that have nothing to do with each other
// and can be freed one by one. Disjoint sets with path halving (Tarjan and van Leeuwen, "Worst-case
// analysis of set union algorithms", 1984); the lowest index stands for its component.
#pragma once

#include "base/units.h"
#include "cycles/host.h"
#include "cycles/tables.h"

namespace hoop::cycles {

// REQUIRES: find() was called, and the host still knows the numbers. Ends the use of the finder:
// the scratch column is overwritten.
template <Host H>
class Components {
 public:
  Components(H& host, Tables& tables) : tables_(tables) {
    for (Index i = 0; i < tables_.size(); ++i) tables_.scratch(i) = i;
    for (Index i = 0; i < tables_.size(); ++i) {
      if (!tables_.is_live(i)) join_neighbours(host, i);
    }
  }

  // The first object of the component that the object is in. REQUIRES: it is garbage.
  [[nodiscard]] Index of(Index index) {
    while (tables_.scratch(index) != index) {
      tables_.scratch(index) = tables_.scratch(tables_.scratch(index));
      index = tables_.scratch(index);
    }
    return index;
  }

  // Writes the numbers of the garbage into `order`, component after component; returns how many.
  // REQUIRES: room for size() numbers at both, zeroes at `starts`.
  Index sort(Index* starts, Index* order) {
    for_each_garbage([&](Index i) { ++starts[of(i)]; });
    Index sum = 0;
    for_each_garbage([&](Index i) {
      if (of(i) != i) return;
      const Index size = starts[i];
      starts[i] = sum;
      sum += size;
    });
    for_each_garbage([&](Index i) { order[starts[of(i)]++] = i; });
    return sum;
  }

  // How many there are.
  [[nodiscard]] Index count() const {
    Index count = 0;
    for (Index i = 0; i < tables_.size(); ++i)
      count += !tables_.is_live(i) && tables_.scratch(i) == i ? 1 : 0;
    return count;
  }

 private:
  template <class F>
  void for_each_garbage(F&& visit) {
    for (Index i = 0; i < tables_.size(); ++i)
      if (!tables_.is_live(i)) visit(i);
  }

  void join_neighbours(H& host, Index index) {
    const auto join_target = [&](Address target) { join(index, host.index_of(target)); };
    host.for_each_reference(tables_.object(index), join_target);
    if constexpr (WeakReferenceHost<H>)
      host.for_each_weak_reference(tables_.object(index), join_target);
  }

  void join(Index a, Index b) {
    if (b == kNoIndex || tables_.is_live(b)) return;
    a = of(a);
    b = of(b);
    if (a < b) {
      tables_.scratch(b) = a;
    } else {
      tables_.scratch(a) = b;
    }
  }

  Tables& tables_;
};

}  // namespace hoop::cycles
