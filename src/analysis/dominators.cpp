// SPDX-License-Identifier: Apache-2.0
// The dominator tree by semi-NCA: immediate dominators from semidominators, found with compressed
// paths (Georgiadis; "Finding Dominators in Practice"). No recursion: a path may be as long as the
// heap is large. All columns but the first are by number in a depth-first search, from 1; number 0
// is the root that all roots hang on.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"

namespace hoop::analysis {

namespace {

using Number = std::uint32_t;

class DominatorFinder {
 public:
  explicit DominatorFinder(Graph& graph)
      : graph_(graph),
        columns_(graph.columns),
        number_(columns_.objects()),
        object_(columns_.objects() + 1),
        parent_(columns_.objects() + 1),
        semi_(columns_.objects() + 1) {}

  void run() {
    search();
    find_semidominators();
    find_dominators();
    sum_up();
  }

 private:
  void enter(ObjectId object, Number parent) {
    number_[object] = ++last_;
    object_[last_] = object;
    parent_[last_] = parent;
    next_[last_] = columns_.first_edge[object];
  }
  void search() {
    next_ = Array<EdgeId>(columns_.objects() + 1);
    for (std::size_t i = 0; i < columns_.objects(); ++i)
      if (graph_.root[i] != 0 && number_[i] == 0) search_from(static_cast<ObjectId>(i));
    next_ = {};
  }
  void search_from(ObjectId start) {
    enter(start, 0);
    for (Number at = last_; at != 0;) {
      const EdgeId end = columns_.first_edge[object_[at] + 1];
      EdgeId edge = next_[at];
      while (edge < end && (number_[columns_.target[edge]] != 0 || columns_.is_weak(edge))) ++edge;
      next_[at] = edge + 1;
      if (edge < end) {
        enter(columns_.target[edge], at);
        at = last_;
      } else {
        at = parent_[at];
      }
    }
  }

  void find_semidominators() {
    ancestor_ = Array<Number>(last_ + 1);
    least_ = Array<Number>(last_ + 1);
    for (Number i = 0; i <= last_; ++i) {
      ancestor_[i] = parent_[i];
      least_[i] = i;
    }
    const Referrers& referrers = graph_.referrers;
    for (Number at = last_; at != 0; --at) {
      const ObjectId object = object_[at];
      Number semi = graph_.root[object] != 0 ? 0 : parent_[at];
      const std::uint32_t end = referrers.first[object + 1];
      for (std::uint32_t i = referrers.first[object]; i < end && semi != 0; ++i) {
        const Number from = number_[referrers.source[i]];
        // 0: not reached, which the roots leave none of.
        if (from == 0) continue;
        const Number found = from < at ? from : least_above(from, at + 1);
        if (found < semi) semi = found;
      }
      semi_[at] = semi;
      least_[at] = semi;
    }
    ancestor_ = {};
    least_ = {};
  }
  // The least semidominator on the path from `at` up to the last number that is not below `floor`.
  Number least_above(Number at, Number floor) {
    if (ancestor_[at] < floor) return least_[at];
    const Number start = at;
    while (ancestor_[at] >= floor) {
      way_.push_back(at);
      at = ancestor_[at];
    }
    Number above = at;
    while (!way_.empty()) {
      const Number here = way_.back();
      way_.pop_back();
      ancestor_[here] = ancestor_[above];
      if (least_[above] < least_[here]) least_[here] = least_[above];
      above = here;
    }
    return least_[start];
  }

  void find_dominators() {
    // parent_ becomes the dominator: those of smaller numbers are known already.
    for (Number at = 1; at <= last_; ++at) {
      Number dominator = parent_[at];
      while (dominator > semi_[at]) dominator = parent_[dominator];
      parent_[at] = dominator;
    }
    semi_ = {};
    graph_.dominator = std::move(number_);
    for (Number at = 1; at <= last_; ++at)
      graph_.dominator[object_[at]] = parent_[at] == 0 ? kNone : object_[parent_[at]];
  }

  // From the leaves to the root: a dominator's number is smaller.
  void sum_up() {
    graph_.retained = Array<std::uint64_t>(columns_.objects());
    for (std::size_t i = 0; i < columns_.objects(); ++i)
      graph_.retained[i] = columns_.bytes_of(static_cast<ObjectId>(i));
    for (Number at = last_; at != 0; --at)
      if (parent_[at] != 0) graph_.retained[object_[parent_[at]]] += graph_.retained[object_[at]];
  }

  Graph& graph_;
  const Columns& columns_;
  Array<Number> number_;  // by object; 0: not reached
  Array<ObjectId> object_;
  Array<Number> parent_;
  Array<Number> semi_;
  Array<EdgeId> next_;
  Array<Number> ancestor_;
  Array<Number> least_;
  std::vector<Number> way_;
  Number last_ = 0;
};

}  // namespace

void find_dominators(Graph& graph) { DominatorFinder(graph).run(); }

}  // namespace hoop::analysis
