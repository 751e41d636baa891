// SPDX-License-Identifier: Apache-2.0
// The tree of shortest paths: from what lasts first, then, for what that does not lead to, from the
// threads with their frames, and from the other kinds of roots. What a module holds is named by the
// module for as long as it does, though some function has it in a variable just now. A reference
// that has no name in a program costs more than one that has: `app.cache['k']` is preferred to two
// steps through C fields.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::Layout;

namespace {

constexpr unsigned kMostCost = 6;

unsigned cost_of(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kType:
      return kMostCost;
    case EdgeKind::kField:
    case EdgeKind::kFrame:
      return 3;
    case EdgeKind::kKey:
    case EdgeKind::kStack:
      return 2;
    default:
      return 1;
  }
}

bool goes_with_its_thread(Layout layout) {
  return layout == Layout::kThread || layout == Layout::kRunningFrame;
}

// Dial's algorithm: one queue for each cost that is still possible.
class PathFinder {
 public:
  explicit PathFinder(Graph& graph) : graph_(graph), distance_(graph.columns.objects(), kNone) {}

  [[nodiscard]] bool is_reached(ObjectId object) const { return distance_[object] != kNone; }
  // As a root.
  void start_at(ObjectId object) {
    if (is_reached(object)) return;
    distance_[object] = now_;
    queue(now_).push_back(object);
  }
  // The modules are near, whatever way leads to them: what they hold is named by them.
  void start_at_modules(ObjectId interpreter);
  void run();
  // From now on; before that, no way leads to a thread or a frame that runs.
  void take_threads() { with_threads_ = true; }

 private:
  static constexpr std::size_t kQueues = kMostCost + 1;
  static constexpr std::size_t kKeptQueue = std::size_t{1} << 16;

  std::vector<ObjectId>& queue(std::uint32_t distance) { return queues_[distance % kQueues]; }
  void reach(ObjectId target, ObjectId source, EdgeId edge, std::uint32_t distance) {
    if (distance_[target] <= distance) return;
    distance_[target] = distance;
    graph_.path_parent[target] = source;
    graph_.path_edge[target] = edge;
    queue(distance).push_back(target);
  }
  void expand(ObjectId object);
  void reach_modules_in(ObjectId dict);
  void reach_dict_of(ObjectId module);

  Graph& graph_;
  Array<std::uint32_t> distance_;
  std::array<std::vector<ObjectId>, kQueues> queues_;
  std::uint32_t now_ = 0;
  bool with_threads_ = false;
};

void PathFinder::start_at_modules(ObjectId interpreter) {
  const Columns& columns = graph_.columns;
  for (EdgeId edge = columns.first_edge[interpreter]; edge < columns.first_edge[interpreter + 1];
       ++edge) {
    const ObjectId dict = columns.target[edge];
    if (columns.layout_of(dict) != Layout::kDict || columns.is_weak(edge)) continue;
    reach(dict, interpreter, edge, now_);
    reach_modules_in(dict);
  }
}

void PathFinder::reach_modules_in(ObjectId dict) {
  const Columns& columns = graph_.columns;
  for (EdgeId edge = columns.first_edge[dict]; edge < columns.first_edge[dict + 1]; ++edge) {
    const ObjectId module = columns.target[edge];
    if (columns.kind(edge) != EdgeKind::kValue || columns.layout_of(module) != Layout::kModule)
      continue;
    reach(module, dict, edge, now_);
    reach_dict_of(module);
  }
}

void PathFinder::reach_dict_of(ObjectId module) {
  const Columns& columns = graph_.columns;
  for (EdgeId edge = columns.first_edge[module]; edge < columns.first_edge[module + 1]; ++edge)
    if (columns.kind(edge) == EdgeKind::kDict) reach(columns.target[edge], module, edge, now_);
}

void PathFinder::expand(ObjectId object) {
  const Columns& columns = graph_.columns;
  for (EdgeId edge = columns.first_edge[object]; edge < columns.first_edge[object + 1]; ++edge) {
    const ObjectId target = columns.target[edge];
    if (columns.is_weak(edge)) continue;
    if (!with_threads_ && goes_with_its_thread(columns.layout_of(target))) continue;
    reach(target, object, edge, now_ + cost_of(columns.kind(edge)));
  }
}

void PathFinder::run() {
  for (std::size_t empty = 0; empty < kQueues;) {
    std::vector<ObjectId>& here = queue(now_);
    empty = here.empty() ? empty + 1 : 0;
    // Nothing is added at this very distance: every step costs something.
    for (const ObjectId object : here)
      if (distance_[object] == now_) expand(object);
    // A broad one gives its memory back: there may be several.
    if (here.capacity() > kKeptQueue)
      std::vector<ObjectId>().swap(here);
    else
      here.clear();
    ++now_;
  }
}

}  // namespace

void find_paths(Graph& graph) {
  const Columns& columns = graph.columns;
  const std::size_t objects = columns.objects();
  graph.path_parent = Array<ObjectId>(objects, kNone);
  graph.path_edge = Array<EdgeId>(objects, kNone);
  PathFinder paths(graph);
  for (const ObjectId root : columns.roots)
    if (!goes_with_its_thread(columns.layout_of(root))) paths.start_at(root);
  for (const ObjectId root : columns.roots)
    if (columns.layout_of(root) == Layout::kInterpreter) paths.start_at_modules(root);
  paths.run();
  paths.take_threads();
  for (const ObjectId root : columns.roots) paths.start_at(root);
  paths.run();
  for (const RootKind kind : {RootKind::kImmortal, RootKind::kHeldByC, RootKind::kGarbage}) {
    for (std::size_t i = 0; i < objects; ++i)
      if (graph.root[i] == static_cast<std::uint8_t>(kind))
        paths.start_at(static_cast<ObjectId>(i));
    paths.run();
  }
}

}  // namespace hoop::analysis
