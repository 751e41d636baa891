// SPDX-License-Identifier: Apache-2.0
// The search for garbage in a copy of a process, on a PlacedGraph: objects are entered in a map,
// what roots reach is marked, the rest is numbered, written down and searched. And what a naive
// search says of the result.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../support/fake_graph.h"
#include "../support/placed_graph.h"
#include "base/units.h"
#include "cycles/components.h"
#include "cycles/finder.h"
#include "cycles/host.h"
#include "cycles/marker.h"
#include "cycles/object_map.h"
#include "cycles/recorded_graph.h"
#include "cycles/tables.h"
#include "os/pages.h"

namespace hoop::testing {

struct Garbage {
  std::vector<bool> entered;                     // by object: it was looked at
  std::vector<std::size_t> objects;              // by row of what was written down
  std::vector<std::vector<cycles::Index>> rows;  // by component, in the order found
  std::uint64_t overcounts = 0;
};

class RecordedSearch {
 public:
  // `roots` are objects, which keep alive what they reach.
  RecordedSearch(const PlacedGraph& graph, std::vector<std::size_t> roots)
      : graph_(graph), roots_(std::move(roots)) {}

  // Nothing: no memory.
  std::optional<Garbage> run() {
    const Pages bits(cycles::ObjectMap::bytes_for(PlacedGraph::kSpan, PlacedGraph::kOtherRegions));
    if (!bits.are_there()) return std::nullopt;
    cycles::ObjectMap map(bits.as<void>(), PlacedGraph::kBase, PlacedGraph::kSpan,
                          PlacedGraph::kOtherRegions);
    enter(map);
    cycles::RecordedGraph recorded;
    if (!mark(map) || !recorded.init(map.number_unmarked())) return std::nullopt;
    record(map, recorded);
    if (recorded.is_damaged() || !search(recorded)) return std::nullopt;
    garbage_.overcounts = recorded.overcounts();
    return garbage_;
  }

 private:
  class Pages {
   public:
    explicit Pages(std::size_t bytes)
        : bytes_(round_up(std::max<std::size_t>(bytes, 1), os::kPageBytes)),
          start_(os::map_sparse(bytes_)) {}
    ~Pages() {
      if (start_ != nullptr) os::unmap(start_, bytes_);
    }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    [[nodiscard]] bool are_there() const { return start_ != nullptr; }
    template <class T>
    [[nodiscard]] T* as() const {
      return static_cast<T*>(start_);
    }

   private:
    std::size_t bytes_;
    void* start_;
  };

  void enter(cycles::ObjectMap& map) {
    for (std::size_t i = 0; i < graph_.graph().size(); ++i)
      garbage_.entered.push_back(graph_.is_tracked(i) && map.add(graph_.place_of(i)));
  }
  bool mark(cycles::ObjectMap& map) {
    const Pages stack(graph_.graph().size() * sizeof(Address));
    if (!stack.are_there()) return false;
    cycles::Marker<const PlacedGraph> marker(graph_, map, stack.as<Address>());
    for (const std::size_t root : roots_) marker.mark_from(graph_.place_of(root));
    marker.drain();
    return true;
  }
  void record(const cycles::ObjectMap& map, cycles::RecordedGraph& recorded) {
    map.for_each_unmarked([&](Address place) {
      garbage_.objects.push_back(graph_.object_at(place));
      recorded.begin_row(graph_.count_of(place));
      graph_.for_each_reference(place, [&](Address target) {
        const cycles::Index row = map.number_of(target);
        if (row != cycles::kNoIndex) recorded.add_reference(row);
      });
      graph_.for_each_weak_reference(place, [&](Address target) {
        const cycles::Index row = map.number_of(target);
        if (row != cycles::kNoIndex) recorded.add_weak_reference(row);
      });
    });
  }
  bool search(cycles::RecordedGraph& recorded) {
    const cycles::Index rows = recorded.size();
    const Pages columns(cycles::Tables::bytes_for(rows));
    if (!columns.are_there()) return false;
    cycles::Tables tables(columns.as<void>(), rows);
    cycles::Finder<cycles::RecordedGraph, cycles::Lookahead::kNone> finder(recorded, tables);
    for (cycles::Index row = 0; row < rows; ++row) finder.add_new(Address{row});
    finder.find(cycles::Reach::kAdded);
    const Pages sorting(2 * std::size_t{rows} * sizeof(cycles::Index));
    if (!sorting.are_there()) return false;
    cycles::Components<cycles::RecordedGraph> components(recorded, tables);
    auto* const order = sorting.as<cycles::Index>() + rows;
    const cycles::Index found = components.sort(sorting.as<cycles::Index>(), order);
    for (cycles::Index i = 0; i < found; ++i) {
      if (i == 0 || components.of(order[i]) != components.of(order[i - 1]))
        garbage_.rows.emplace_back();
      garbage_.rows.back().push_back(order[i]);
    }
    return true;
  }

  const PlacedGraph& graph_;
  std::vector<std::size_t> roots_;
  Garbage garbage_;
};

// "" where the naive search finds the same, in components whose rows rise.
inline std::string problem_with(const Garbage& garbage, const FakeGraph& graph) {
  const std::vector<bool> expected = graph.garbage(garbage.entered);
  const std::vector<std::size_t> lowest = graph.components(expected);
  std::map<std::size_t, std::vector<std::size_t>> components;  // by their lowest object
  for (std::size_t i = 0; i < graph.size(); ++i)
    if (expected[i]) components[lowest[i]].push_back(i);
  if (components.size() != garbage.rows.size()) return "another number of components";
  cycles::Index last_first = 0;
  for (const auto& rows : garbage.rows) {
    if (!std::is_sorted(rows.begin(), rows.end())) return "rows of a component do not rise";
    if (rows.front() < last_first) return "components do not rise";
    last_first = rows.front();
    std::vector<std::size_t> objects;
    for (const cycles::Index row : rows) objects.push_back(garbage.objects[row]);
    std::sort(objects.begin(), objects.end());
    if (components[objects.front()] != objects) return "another component";
  }
  return "";
}

}  // namespace hoop::testing
