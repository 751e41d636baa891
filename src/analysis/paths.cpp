// SPDX-License-Identifier: Apache-2.0
// The tree of shortest paths, from all roots at once. A reference that has no name in a program
// costs more than one that has: `app.cache['k']` is preferred to two steps through C fields.
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/components.h"
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

 private:
  static constexpr std::size_t kQueues = kMostCost + 1;

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

  Graph& graph_;
  Array<std::uint32_t> distance_;
  std::array<std::vector<ObjectId>, kQueues> queues_;
  std::uint32_t now_ = 0;
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
    if (columns.kind(edge) == EdgeKind::kValue && columns.layout_of(module) == Layout::kModule)
      reach(module, dict, edge, now_);
  }
}

void PathFinder::expand(ObjectId object) {
  const Columns& columns = graph_.columns;
  for (EdgeId edge = columns.first_edge[object]; edge < columns.first_edge[object + 1]; ++edge) {
    const EdgeKind kind = columns.kind(edge);
    if (kind == EdgeKind::kWeak) continue;
    reach(columns.target[edge], object, edge, now_ + cost_of(kind));
  }
}

void PathFinder::run() {
  for (std::size_t empty = 0; empty < kQueues;) {
    std::vector<ObjectId>& here = queue(now_);
    empty = here.empty() ? empty + 1 : 0;
    // Nothing is added at this very distance: every step costs something.
    for (const ObjectId object : here)
      if (distance_[object] == now_) {
        expand(object);
      }
    here.clear();
    ++now_;
  }
}

// One object for each part of the unreached that no other part of it leads to.
std::vector<ObjectId> begins_of_garbage(const Graph& graph, const PathFinder& paths) {
  const Columns& columns = graph.columns;
  const auto is_in = [&paths](ObjectId object) { return !paths.is_reached(object); };
  const auto follows = [&columns](EdgeId edge) { return !columns.is_weak(edge); };
  ComponentFinder finder(columns, is_in, follows);
  finder.run();
  const Array<std::uint32_t> component = finder.take_components();
  std::vector<ObjectId> begins(finder.count(), kNone);
  std::vector<bool> is_led_to(finder.count());
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const std::uint32_t own = component[i];
    if (own == kNone) continue;
    if (begins[own] == kNone) begins[own] = static_cast<ObjectId>(i);
    for (EdgeId edge = columns.first_edge[i]; edge < columns.first_edge[i + 1]; ++edge) {
      const std::uint32_t other = component[columns.target[edge]];
      if (other != kNone && other != own && follows(edge)) is_led_to[other] = true;
    }
  }
  std::vector<ObjectId> found;
  for (std::size_t i = 0; i < begins.size(); ++i)
    if (!is_led_to[i]) found.push_back(begins[i]);
  return found;
}

}  // namespace

void find_paths(Graph& graph) {
  const Columns& columns = graph.columns;
  const std::size_t objects = columns.objects();
  graph.path_parent = Array<ObjectId>(objects, kNone);
  graph.path_edge = Array<EdgeId>(objects, kNone);
  PathFinder paths(graph);
  for (const ObjectId root : columns.roots) paths.start_at(root);
  for (const ObjectId root : columns.roots)
    if (columns.layout_of(root) == Layout::kInterpreter) paths.start_at_modules(root);
  paths.run();
  for (const RootKind kind : {RootKind::kImmortal, RootKind::kHeldByC}) {
    for (std::size_t i = 0; i < objects; ++i)
      if (graph.root[i] == static_cast<std::uint8_t>(kind))
        paths.start_at(static_cast<ObjectId>(i));
    paths.run();
  }
  bool all = true;
  for (std::size_t i = 0; i < objects; ++i) {
    if (paths.is_reached(static_cast<ObjectId>(i))) continue;
    all = false;
    // Immortal objects are no garbage, even if only garbage refers to them.
    if (columns.count[i] != 0 || columns.is_pseudo(static_cast<ObjectId>(i))) continue;
    graph.root[i] = static_cast<std::uint8_t>(RootKind::kImmortal);
    paths.start_at(static_cast<ObjectId>(i));
  }
  if (all) return;
  paths.run();
  for (const ObjectId begin : begins_of_garbage(graph, paths)) {
    graph.root[begin] = static_cast<std::uint8_t>(RootKind::kGarbage);
    paths.start_at(begin);
  }
  paths.run();
}

}  // namespace hoop::analysis
