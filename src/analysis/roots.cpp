// SPDX-License-Identifier: Apache-2.0
// What is alive by itself, so that every object hangs on a root.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/components.h"
#include "analysis/graph.h"
#include "snapshot/format.h"

namespace hoop::analysis {

namespace {

// References that the file has to each object and that are in its count; capped at 32 bits.
Array<std::uint32_t> counted_references(const Columns& columns) {
  Array<std::uint32_t> found(columns.objects());
  for (std::size_t edge = 0; edge < columns.edges(); ++edge)
    if (columns.is_counted(static_cast<EdgeId>(edge))) ++found[columns.target[edge]];
  return found;
}

void find_certain_roots(Graph& graph) {
  const Columns& columns = graph.columns;
  graph.root = Array<std::uint8_t>(columns.objects());
  const Array<std::uint32_t> found = counted_references(columns);
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    RootKind kind = RootKind::kNone;
    const std::uint32_t count = columns.count[i];
    const bool has_referrers = graph.referrers.first[i] != graph.referrers.first[i + 1];
    if (count == 0 && !has_referrers && !columns.is_pseudo(static_cast<ObjectId>(i)))
      kind = RootKind::kImmortal;
    else if (count != 0 && count - 1 > found[i] && !columns.is_pseudo(static_cast<ObjectId>(i)))
      kind = RootKind::kHeldByC;
    graph.root[i] = static_cast<std::uint8_t>(kind);
  }
  for (const ObjectId root : columns.roots)
    graph.root[root] = static_cast<std::uint8_t>(RootKind::kListed);
}

class Reach {
 public:
  explicit Reach(const Columns& columns) : columns_(columns), reached_(columns.objects()) {}

  [[nodiscard]] const std::vector<bool>& reached() const { return reached_; }
  void from(ObjectId object) {
    add(object);
    while (!waiting_.empty()) {
      const ObjectId at = waiting_.back();
      waiting_.pop_back();
      for (EdgeId edge = columns_.first_edge[at]; edge < columns_.first_edge[at + 1]; ++edge)
        if (!columns_.is_weak(edge)) add(columns_.target[edge]);
    }
  }

 private:
  void add(ObjectId object) {
    if (reached_[object]) return;
    reached_[object] = true;
    waiting_.push_back(object);
  }

  const Columns& columns_;
  std::vector<bool> reached_;
  std::vector<ObjectId> waiting_;
};

// One object for each part of the unreached that no other part of it leads to.
std::vector<ObjectId> begins_of_garbage(const Graph& graph, const std::vector<bool>& reached) {
  const Columns& columns = graph.columns;
  const auto is_in = [&reached](ObjectId object) { return !reached[object]; };
  const auto follows = [&columns](EdgeId edge) { return !columns.is_weak(edge); };
  if (std::find(reached.begin(), reached.end(), false) == reached.end()) return {};
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

void find_roots(Graph& graph) {
  find_certain_roots(graph);
  const Columns& columns = graph.columns;
  Reach reach(columns);
  for (std::size_t i = 0; i < columns.objects(); ++i)
    if (graph.root[i] != 0) reach.from(static_cast<ObjectId>(i));
  // Immortal objects are no garbage, even if only garbage refers to them.
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    if (reach.reached()[i] || columns.count[i] != 0 || columns.is_pseudo(object)) continue;
    graph.root[i] = static_cast<std::uint8_t>(RootKind::kImmortal);
    reach.from(object);
  }
  for (const ObjectId begin : begins_of_garbage(graph, reach.reached()))
    graph.root[begin] = static_cast<std::uint8_t>(RootKind::kGarbage);
}

namespace {

// What the interpreter's own fields refer to: the names in the cache of methods are counted, what
// stands beside them is not, and which is which is not known.
void add_interpreter_fields(const Columns& columns, Array<std::uint32_t>& found) {
  for (const ObjectId root : columns.roots)
    for (EdgeId edge = columns.first_edge[root]; edge < columns.first_edge[root + 1]; ++edge)
      if (columns.kind(edge) == snapshot::EdgeKind::kField && !columns.is_counted(edge))
        ++found[columns.target[edge]];
}

}  // namespace

std::vector<HeldByC> total_held_by_c(const Graph& graph) {
  const Columns& columns = graph.columns;
  Array<std::uint32_t> found = counted_references(columns);
  add_interpreter_fields(columns, found);
  std::vector<HeldByC> totals(columns.types.size(), HeldByC{0, 0, 0, kNone});
  std::vector<std::uint32_t> most(columns.types.size());
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const std::uint32_t count = columns.count[i];
    if (count == 0 || count - 1 <= found[i] || columns.is_pseudo(static_cast<ObjectId>(i)))
      continue;
    const std::uint32_t references = count - 1 - found[i];
    HeldByC& total = totals[columns.type[i]];
    ++total.objects;
    total.references += references;
    total.retained += graph.retained[i];
    if (references <= most[columns.type[i]]) continue;
    most[columns.type[i]] = references;
    total.example = static_cast<ObjectId>(i);
  }
  return totals;
}

}  // namespace hoop::analysis
