// SPDX-License-Identifier: Apache-2.0
// The graph of a heap, and what is derived from it once: who refers to what, what holds what alive,
// the shortest path to each object, and which one holder would free it.
//
// All of it hangs on one root that is no object. Its children, by kind of root:
//   kListed      the interpreter and its threads, as the file lists them
//   kImmortal    immortal and static objects that nothing refers to
//   kHeldByC     objects whose count exceeds the references found: C code holds them
//   kGarbage     where an unreachable part of the graph begins, one object for each
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"

namespace hoop::analysis {

enum class RootKind : std::uint8_t { kNone, kListed, kImmortal, kHeldByC, kGarbage };
inline constexpr std::size_t kRootKinds = 5;

// Objects that refer to each object, by references that hold it. Those from several places in one
// object are there several times.
struct Referrers {
  Array<std::uint32_t> first;  // one more than there are objects
  Array<ObjectId> source;
};

struct Graph {
  Columns columns;
  Referrers referrers;
  Array<std::uint8_t> root;  // RootKind
  // The tree of shortest paths. kNone in both: a root.
  Array<ObjectId> path_parent;
  Array<EdgeId> path_edge;
  // kNone: the root itself.
  Array<ObjectId> dominator;
  Array<std::uint64_t> retained;

  [[nodiscard]] RootKind root_of(ObjectId object) const {
    return static_cast<RootKind>(root[object]);
  }
  // References that no object found in the file holds. 0 for immortal objects.
  [[nodiscard]] std::uint32_t held_by_c(ObjectId object) const;
};

// Objects of each type that have references which no object in the file has, and how many those
// are. By row of TYPES.
struct HeldByC {
  std::uint64_t objects, references, retained;
  ObjectId example;  // the one with most such references
};
std::vector<HeldByC> total_held_by_c(const Graph& graph);

Graph build_graph(Columns columns, const Progress& progress);

// The steps of build_graph(), in their order.
void find_referrers(Graph& graph);
void find_roots(Graph& graph);
void find_dominators(Graph& graph);
void find_paths(Graph& graph);

// Sizes of groups of objects: `group_of` has a number below `groups` for each object, or kNone.
// Retained: what is freed if all of a group are, as far as single members show it; each byte once.
struct GroupTotal {
  std::uint64_t count, bytes, retained;
};
std::vector<GroupTotal> total_groups(const Graph& graph, const Array<std::uint32_t>& group_of,
                                     std::size_t groups);

// The dominator tree from above: children of each object, and of the root (number objects()).
struct DominatorTree {
  Array<std::uint32_t> first;
  Array<ObjectId> children;
};
DominatorTree build_dominator_tree(const Graph& graph);

}  // namespace hoop::analysis
