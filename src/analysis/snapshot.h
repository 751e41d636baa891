// SPDX-License-Identifier: Apache-2.0
// An opened snapshot, and the questions that it answers. Not for two threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/graph.h"
#include "analysis/heap_file.h"
#include "analysis/path_names.h"

namespace hoop::analysis {

// kAuto: an index is read, and one is written where analysing took long enough to be worth it.
enum class IndexUse { kAuto, kNever, kAlways };

struct Group {
  std::string name;
  GroupTotal total;
};

// Objects that are held by paths of one shape.
struct Holder {
  std::string shape;
  GroupTotal total;
  ObjectId example;  // the one that retains most
};

struct Holders {
  std::vector<Holder> groups;  // those that retain most first
  std::uint64_t retained;      // by all objects together, each byte once
};

// Objects to which paths of one shape lead.
struct ShapeRow {
  std::uint32_t shape;    // PathNamer::shape_of()
  std::uint32_t above;    // the shape of the object before the last on the path; 0: none
  std::uint64_t holders;  // objects of the shape `above`
  GroupTotal total;
  std::uint32_t type;  // of most of them, where most are of one
  ObjectId example;    // the one that retains most
};

// Cycles of one kind: strongly connected components in which one shortest cycle leads through the
// same types by the same references.
struct CycleGroup {
  std::string cycle;    // "Node.children -> list[*] -> Node.parent -> Node"
  std::string closing;  // its last reference: "Node.parent"
  std::vector<std::pair<std::uint32_t, std::uint32_t>> types;  // of the largest: row, count
  std::uint32_t components = 0;
  std::uint32_t largest = 0;  // objects
  std::uint64_t objects = 0, bytes = 0, retained = 0;
  // Components that something outside holds, and whose holder is no garbage.
  std::uint32_t held = 0;
  std::vector<ObjectId> example;  // the objects of one cycle
};
// kSmall: without modules, classes, and the dicts of both, which hold each other in any program.
enum class CyclesOf { kSmall, kAll };

class Snapshot {
 public:
  explicit Snapshot(const std::string& path, IndexUse use = IndexUse::kAuto,
                    const Progress& progress = {});

  [[nodiscard]] const HeapFile& file() const { return file_; }
  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] const Columns& columns() const { return graph_.columns; }
  [[nodiscard]] PathNamer& names() { return names_; }
  [[nodiscard]] bool has_index() const { return has_index_; }

  // By row of TYPES.
  const std::vector<GroupTotal>& by_type();
  // By the module that a path leads through last; what no module leads to, by its root.
  std::vector<Group> by_module();
  std::vector<Group> by_root();
  [[nodiscard]] std::array<GroupTotal, kRootKinds> by_root_kind() const;

  Holders holders(const std::vector<ObjectId>& objects);
  [[nodiscard]] std::vector<ObjectId> objects_of_type(std::uint32_t row) const;

  // Shapes whose objects retain so much, or are so many.
  std::vector<ShapeRow> shapes(std::uint64_t least_retained, std::uint64_t least_count);

  // Containers with so many entries at least, those with most first, `most` at the most; but for
  // those that an expression is just making.
  [[nodiscard]] std::vector<ObjectId> fullest(std::uint64_t least, std::size_t most) const;

  // Children of an object, or of the root (kNone), that retain most.
  std::vector<ObjectId> children(ObjectId object, std::size_t most);
  std::size_t child_count(ObjectId object);

  std::vector<CycleGroup> cycles(CyclesOf what);

 private:
  [[nodiscard]] bool analyse(IndexUse use, const Progress& progress);
  std::vector<Group> by_owner(bool modules);
  const DominatorTree& tree();

  HeapFile file_;
  Graph graph_;
  bool has_index_;
  PathNamer names_;
  std::vector<GroupTotal> by_type_;
  DominatorTree tree_;
};

// Objects of `last` that were not in `first` and are, by address and type, in `middle` as well.
std::vector<ObjectId> appeared(const Columns& first, const Columns& middle, const Columns& last);

// Chrome DevTools' format. Bytes written.
std::uint64_t write_devtools(Snapshot& snapshot, const std::string& path);

}  // namespace hoop::analysis
