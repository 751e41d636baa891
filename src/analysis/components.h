// SPDX-License-Identifier: Apache-2.0
// Strongly connected components (Tarjan), with a stack of our own: lists can be millions long.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/array.h"
#include "analysis/graph.h"

namespace hoop::analysis {

// Components of the part of the graph for whose objects is_in(object) holds, by references for
// which follows(edge) does. A component's number is larger than those of the components that it
// reaches.
template <class IsIn, class Follows>
class ComponentFinder {
 public:
  ComponentFinder(const Columns& columns, IsIn is_in, Follows follows)
      : columns_(columns),
        is_in_(is_in),
        follows_(follows),
        component_(columns.objects(), kNone),
        low_(columns.objects()) {}

  void run() {
    for (std::size_t i = 0; i < columns_.objects(); ++i)
      if (low_[i] == 0 && is_in_(static_cast<ObjectId>(i))) search(static_cast<ObjectId>(i));
  }
  // By object; kNone: not in it.
  Array<std::uint32_t> take_components() { return std::move(component_); }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  struct Frame {
    ObjectId object;
    EdgeId next;
    std::uint32_t number;
  };

  void enter(ObjectId object) {
    low_[object] = ++last_number_;
    waiting_.push_back(object);
    way_.push_back({object, columns_.first_edge[object], last_number_});
  }
  void search(ObjectId start) {
    enter(start);
    while (!way_.empty()) {
      Frame& frame = way_.back();
      if (frame.next < columns_.first_edge[frame.object + 1])
        look(frame, frame.next++);
      else
        leave();
    }
  }
  void look(Frame& frame, EdgeId edge) {
    const ObjectId target = columns_.target[edge];
    if (!is_in_(target) || !follows_(edge)) return;
    if (low_[target] == 0)
      enter(target);
    else if (component_[target] == kNone)
      low_[frame.object] = std::min(low_[frame.object], low_[target]);
  }
  void leave() {
    const Frame frame = way_.back();
    way_.pop_back();
    if (!way_.empty()) {
      std::uint32_t& low = low_[way_.back().object];
      low = std::min(low, low_[frame.object]);
    }
    if (low_[frame.object] != frame.number) return;
    ObjectId member = kNone;
    do {
      member = waiting_.back();
      waiting_.pop_back();
      component_[member] = count_;
    } while (member != frame.object);
    ++count_;
  }

  const Columns& columns_;
  IsIn is_in_;
  Follows follows_;
  Array<std::uint32_t> component_;
  Array<std::uint32_t> low_;  // 0: not seen yet
  std::vector<ObjectId> waiting_;
  std::vector<Frame> way_;
  std::uint32_t last_number_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace hoop::analysis
