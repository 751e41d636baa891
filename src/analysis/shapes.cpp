// SPDX-License-Identifier: Apache-2.0
// All objects by the shape of the path that leads to them, and what each shape holds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/path_names.h"
#include "analysis/snapshot.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::Layout;

namespace {

// The type that most of a shape's objects have, found without a table for each shape (Boyer and
// Moore, "MJRTY", 1991): a candidate and its lead. Right where there is a majority.
struct Majority {
  std::uint32_t type = kNone;
  std::uint32_t lead = 0;

  void add(std::uint32_t one) {
    if (lead == 0) type = one;
    lead += one == type ? 1 : -1;
  }
};

struct Found {
  Majority type;
  ObjectId example = kNone;
};

}  // namespace

std::vector<ShapeRow> Snapshot::shapes(std::uint64_t least_retained, std::uint64_t least_count) {
  const std::size_t objects = columns().objects();
  Array<std::uint32_t> shape_of(objects);
  std::vector<Found> found;
  for (std::size_t i = 0; i < objects; ++i) {
    const auto object = static_cast<ObjectId>(i);
    const std::uint32_t shape = shape_of[i] = names_.shape_of(object);
    if (shape >= found.size()) found.resize(shape + std::size_t{1});
    Found& one = found[shape];
    one.type.add(columns().type[i]);
    if (one.example == kNone || graph_.retained[object] > graph_.retained[one.example])
      one.example = object;
  }
  const std::vector<GroupTotal> totals = total_groups(graph_, shape_of, found.size());
  std::vector<ShapeRow> rows;
  for (std::size_t shape = 0; shape < found.size(); ++shape) {
    const GroupTotal& total = totals[shape];
    if (total.count == 0) continue;
    if (total.retained < least_retained && total.count < least_count) continue;
    const ObjectId example = found[shape].example;
    const ObjectId parent = graph_.path_parent[example];
    const std::uint32_t above = parent == kNone ? 0 : shape_of[parent];
    rows.push_back({static_cast<std::uint32_t>(shape), above, above == 0 ? 0 : totals[above].count,
                    total, found[shape].type.type, example});
  }
  return rows;
}

std::vector<ObjectId> Snapshot::fullest(std::uint64_t least, std::size_t most) const {
  const auto is_being_made = [this](ObjectId object) {
    const EdgeId edge = graph_.path_edge[object];
    // What is on the stack of a running frame seems to be held by C code.
    return edge == kNone || columns().kind(edge) == snapshot::EdgeKind::kStack;
  };
  std::vector<ObjectId> found;
  for (std::size_t i = 0; i < columns().objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    const CapacityRow* const row = columns().capacity_of(object);
    const bool has_entries = row != nullptr && columns().layout_of(object) != Layout::kByteArray;
    if (has_entries && row->used >= least && !is_being_made(object)) found.push_back(object);
  }
  const auto fuller = [this](ObjectId a, ObjectId b) {
    return columns().capacity_of(a)->used > columns().capacity_of(b)->used;
  };
  const std::size_t kept = std::min(most, found.size());
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(found.begin(), end, found.end(), fuller);
  found.resize(kept);
  return found;
}

}  // namespace hoop::analysis
