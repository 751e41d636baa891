// SPDX-License-Identifier: Apache-2.0
#include "analysis/graph.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"

namespace hoop::analysis {

std::uint32_t Graph::held_by_c(ObjectId object) const {
  const std::uint32_t coded = columns.count[object];
  if (coded == 0 || columns.is_pseudo(object)) return 0;
  std::uint32_t found = 0;
  ObjectId last = kNone;
  for (std::uint32_t i = referrers.first[object]; i < referrers.first[object + 1]; ++i) {
    const ObjectId source = referrers.source[i];
    if (source == last) continue;  // they lie together
    last = source;
    for (EdgeId edge = columns.first_edge[source]; edge < columns.first_edge[source + 1]; ++edge)
      if (columns.target[edge] == object && columns.is_counted(edge)) ++found;
  }
  return coded - 1 > found ? coded - 1 - found : 0;
}

void find_referrers(Graph& graph) {
  const Columns& columns = graph.columns;
  const std::size_t objects = columns.objects();
  auto& [first, source] = graph.referrers;
  first = Array<std::uint32_t>(objects + 1);
  std::size_t strong = 0;
  for (std::size_t edge = 0; edge < columns.edges(); ++edge) {
    if (columns.is_weak(static_cast<EdgeId>(edge))) continue;
    ++first[columns.target[edge]];
    ++strong;
  }
  // Ends, which filling from the last to the first turns into begins.
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i <= objects; ++i) first[i] = sum += first[i];
  source = Array<ObjectId>(strong);
  for (std::size_t i = objects; i-- > 0;) {
    const EdgeId begin = columns.first_edge[i];
    for (EdgeId edge = columns.first_edge[i + 1]; edge-- > begin;)
      if (!columns.is_weak(edge)) source[--first[columns.target[edge]]] = static_cast<ObjectId>(i);
  }
}

Graph build_graph(Columns columns, const Progress& progress) {
  const auto tell = [&progress](const char* what, double share) {
    if (progress) progress(what, share);
  };
  Graph graph;
  graph.columns = std::move(columns);
  tell("turning references round", 0);
  find_referrers(graph);
  tell("finding roots", 0);
  find_roots(graph);
  tell("finding dominators", 0);
  find_dominators(graph);
  tell("finding paths", 0);
  find_paths(graph);
  return graph;
}

DominatorTree build_dominator_tree(const Graph& graph) {
  const std::size_t objects = graph.columns.objects();
  DominatorTree tree{Array<std::uint32_t>(objects + 2), Array<ObjectId>(objects)};
  const auto parent_of = [&graph, objects](std::size_t i) -> std::size_t {
    return graph.dominator[i] == kNone ? objects : graph.dominator[i];
  };
  for (std::size_t i = 0; i < objects; ++i) ++tree.first[parent_of(i)];
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i <= objects + 1; ++i) tree.first[i] = sum += tree.first[i];
  for (std::size_t i = objects; i-- > 0;)
    tree.children[--tree.first[parent_of(i)]] = static_cast<ObjectId>(i);
  return tree;
}

std::vector<GroupTotal> total_groups(const Graph& graph, const Array<std::uint32_t>& group_of,
                                     std::size_t groups) {
  const std::size_t objects = graph.columns.objects();
  const DominatorTree tree = build_dominator_tree(graph);
  std::vector<GroupTotal> totals(groups, GroupTotal{});
  std::vector<std::uint32_t> open(groups, 0);  // members on the way from the root to here
  struct Frame {
    ObjectId object;
    std::uint32_t next;
  };
  std::vector<Frame> way{{static_cast<ObjectId>(objects), tree.first[objects]}};
  while (!way.empty()) {
    Frame& frame = way.back();
    if (frame.next < tree.first[frame.object + 1]) {
      const ObjectId child = tree.children[frame.next++];
      way.push_back({child, tree.first[child]});
      const std::uint32_t group = group_of[child];
      if (group == kNone) continue;
      ++totals[group].count;
      totals[group].bytes += graph.columns.bytes_of(child);
      if (open[group]++ == 0) totals[group].retained += graph.retained[child];
      continue;
    }
    if (frame.object < objects && group_of[frame.object] != kNone) --open[group_of[frame.object]];
    way.pop_back();
  }
  return totals;
}

}  // namespace hoop::analysis
