// SPDX-License-Identifier: Apache-2.0
// Equal values, wide strings, containers and numbers, by the shape of the path to them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/path_names.h"
#include "analysis/snapshot.h"
#include "analysis/survey.h"
#include "analysis/value_table.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::Layout;

namespace {

bool is_built_in(const Columns& columns, ObjectId object) {
  return (columns.type_of(object).flags & snapshot::kMadeAtRunTime) == 0;
}

constexpr std::uint32_t kOne = 2;  // the coded count of what one reference refers to

// Groups by a key of 64 bits, in the order in which they appear.
template <class Group>
class Grouping {
 public:
  Group& at(std::uint64_t key) {
    const auto [found, is_new] = numbers_.emplace(key, static_cast<std::uint32_t>(groups_.size()));
    if (is_new) groups_.emplace_back();
    return groups_[found->second];
  }
  // Moved out.
  template <class F>
  std::vector<Group> those(F&& wanted) {
    std::erase_if(groups_, [&](const Group& group) { return !wanted(group); });
    return std::move(groups_);
  }

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;
  std::vector<Group> groups_;
};

// One object of each value: of strings by length, kind and hash, of tuples by what they hold.
// Numbers are in no file, so that two of them are equal if they are the same object.
class Values {
 public:
  explicit Values(const Columns& columns) : columns_(columns), first_(columns.objects(), kNone) {
    // The one that is kept is one that lives on anyhow.
    for (const bool lasting : {true, false})
      for (std::size_t i = 0; i < columns.objects(); ++i)
        if (is_lasting(i) == lasting) add_text(static_cast<ObjectId>(i));
    // Tuples in tuples: once more for each level, as long as it can matter.
    constexpr int kLevels = 3;
    for (int level = 0; level < kLevels; ++level)
      for (std::size_t i = 0; i < columns.objects(); ++i) add_tuple(static_cast<ObjectId>(i));
  }

  // kNone: of a kind that is not compared.
  [[nodiscard]] ObjectId first_of(ObjectId object) const { return first_[object]; }

 private:
  void add_text(ObjectId object) {
    const TextRow* const text = columns_.text_of(object);
    if (text == nullptr || !is_built_in(columns_, object) || text->hash == 0) return;
    const std::uint64_t content = std::uint64_t{text->hash} << 32 | text->length;
    const std::uint64_t kind = std::uint64_t{columns_.type[object]} << 8 | text->width;
    first_[object] = known_.find_or_add(mixed(mixed(1, content), kind), object);
  }
  [[nodiscard]] bool is_lasting(std::size_t object) const {
    return (columns_.flags[object] & snapshot::kInterned) != 0 || columns_.count[object] == 0;
  }
  void add_tuple(ObjectId tuple) {
    if (columns_.layout_of(tuple) != Layout::kTuple || !is_built_in(columns_, tuple)) return;
    if (first_[tuple] != kNone) return;
    std::uint64_t sum = 7;
    std::uint32_t items = 0;
    for (EdgeId edge = columns_.first_edge[tuple]; edge < columns_.first_edge[tuple + 1]; ++edge) {
      if (columns_.kind(edge) != EdgeKind::kItem) continue;
      const ObjectId item = columns_.target[edge];
      if (!may_be_shared(item)) return;
      sum = mixed(sum, first_[item] != kNone ? first_[item] : item);
      ++items;
    }
    if (items == 0) return;
    first_[tuple] = known_.find_or_add(mixed(sum, items), tuple);
  }
  [[nodiscard]] bool may_be_shared(ObjectId item) const {
    if (!is_built_in(columns_, item)) return false;
    switch (columns_.layout_of(item)) {
      case Layout::kStr:
      case Layout::kBytes:
      case Layout::kInt:
      case Layout::kFloat:
      case Layout::kComplex:
      case Layout::kBool:
      case Layout::kNone:
        return true;
      case Layout::kTuple:
        return first_[item] != kNone;
      default:
        return false;
    }
  }

  const Columns& columns_;
  Array<ObjectId> first_;
  ValueTable known_;
};

// Held by code: constants, names, docstrings. Nobody shares those by hand.
bool is_of_code(const Graph& graph, ObjectId object) {
  constexpr int kSteps = 3;
  ObjectId at = graph.path_parent[object];
  for (int i = 0; i < kSteps && at != kNone; ++i, at = graph.path_parent[at]) {
    const Layout layout = graph.columns.layout_of(at);
    if (layout == Layout::kCode || layout == Layout::kFunction || layout == Layout::kType)
      return true;
    if (layout != Layout::kTuple) return false;
  }
  return false;
}

}  // namespace

std::vector<EqualGroup> survey_equals(Snapshot& snapshot, std::uint64_t least_bytes) {
  const Columns& columns = snapshot.columns();
  const Values values(columns);
  Grouping<EqualGroup> grouping;
  ValueTable seen;  // values, at each shape
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    const ObjectId first = values.first_of(object);
    if (first == kNone || is_of_code(snapshot.graph(), object)) continue;
    const Layout layout = columns.layout_of(object);
    const std::uint64_t shape = snapshot.names().shape_of(object);
    EqualGroup& group = grouping.at(shape << 8 | static_cast<std::uint64_t>(layout));
    group.layout = layout;
    ++group.all;
    const std::size_t before = seen.size();
    seen.find_or_add(mixed(mixed(shape, first), static_cast<std::uint64_t>(layout)), object);
    group.distinct += seen.size() - before;
    if (first == object || columns.count[object] == 0) continue;
    group.bytes += columns.bytes_of(object);
    group.ids.push_back(object);
  }
  return grouping.those([&](const EqualGroup& group) { return group.bytes >= least_bytes; });
}

std::vector<WideGroup> survey_wide(Snapshot& snapshot, std::uint64_t least_bytes) {
  const Columns& columns = snapshot.columns();
  Grouping<WideGroup> grouping;
  for (const ContentRow& row : columns.content) {
    const TextRow* const text = columns.text_of(row.object);
    if (text == nullptr || text->width < 2) continue;
    const std::uint64_t shape = snapshot.names().shape_of(row.object);
    WideGroup& group = grouping.at(shape << 8 | text->width);
    group.width = text->width;
    group.characters += text->length;
    group.wide += row.detail;
    group.utf8 += row.bytes;
    group.bytes += columns.bytes_of(row.object);
    group.ids.push_back(row.object);
  }
  return grouping.those([&](const WideGroup& group) { return group.bytes >= least_bytes; });
}

namespace {

// A list that a __dict__ or an inline value leads to.
bool is_attribute(const Graph& graph, ObjectId object) {
  const EdgeId edge = graph.path_edge[object];
  if (edge == kNone) return false;
  if (graph.columns.kind(edge) == EdgeKind::kAttribute)
    return !is_built_in(graph.columns, graph.path_parent[object]);
  const ObjectId parent = graph.path_parent[object];
  const EdgeId before = graph.path_edge[parent];
  return before != kNone && graph.columns.kind(before) == EdgeKind::kDict &&
         graph.columns.layout_of(graph.path_parent[parent]) != Layout::kType &&
         graph.columns.layout_of(graph.path_parent[parent]) != Layout::kModule;
}

}  // namespace

std::vector<ContainerGroup> survey_containers(Snapshot& snapshot, std::uint64_t least_bytes) {
  const Columns& columns = snapshot.columns();
  Grouping<ContainerGroup> grouping;
  std::unordered_map<std::uint64_t, std::uint64_t> bytes_at;  // by shape and type
  const std::vector<bool> is_namespace = namespaces(columns);
  const auto place_of = [](const ContainerGroup& group) {
    return std::uint64_t{group.shape} << 32 | group.type;
  };
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    const CapacityRow* const slots = columns.capacity_of(object);
    if (slots == nullptr || is_namespace[i]) continue;
    const std::uint32_t shape = snapshot.names().shape_of(object);
    const std::uint64_t place = std::uint64_t{shape} << 32 | columns.type[i];
    const std::uint64_t sizes = std::uint64_t{slots->used} << 32 | slots->allocated;
    ContainerGroup& group = grouping.at(mixed(mixed(place, sizes), columns.bytes_of(object)));
    group.shape = shape;
    group.type = columns.type[i];
    group.used = slots->used;
    group.allocated = slots->allocated;
    group.each = columns.bytes_of(object);
    group.is_attribute = is_attribute(snapshot.graph(), object);
    group.ids.push_back(object);
    bytes_at[place] += group.each;
  }
  return grouping.those(
      [&](const ContainerGroup& group) { return bytes_at[place_of(group)] >= least_bytes; });
}

namespace {

// What a container of numbers holds.
struct Numbers {
  std::uint64_t items = 0;
  std::uint64_t longest = 0;
  Layout layout = Layout::kOther;
};

bool is_sequence(Layout layout) {
  return layout == Layout::kList || layout == Layout::kTuple || layout == Layout::kDeque;
}

// items == 0: something else is in it, or nothing.
Numbers numbers_in(const Columns& columns, ObjectId container) {
  Numbers found;
  for (EdgeId edge = columns.first_edge[container]; edge < columns.first_edge[container + 1];
       ++edge) {
    if (columns.kind(edge) != EdgeKind::kItem) continue;
    const ObjectId item = columns.target[edge];
    const Layout layout = columns.layout_of(item);
    if (layout != Layout::kInt && layout != Layout::kFloat) return {};
    if (found.items != 0 && layout != found.layout) return {};
    if (!is_built_in(columns, item)) return {};
    found.layout = layout;
    found.longest = std::max<std::uint64_t>(found.longest, columns.bytes_of(item));
    ++found.items;
  }
  return found;
}

void add_numbers(const Columns& columns, ObjectId container, const Numbers& numbers,
                 NumberGroup& group) {
  group.type = columns.type[container];
  group.is_float = numbers.layout == Layout::kFloat;
  group.width = group.containers == 0 || group.width == numbers.items ? numbers.items : 0;
  ++group.containers;
  group.items += numbers.items;
  group.container_bytes += columns.bytes_of(container);
  group.longest = std::max(group.longest, numbers.longest);
  group.ids.push_back(container);
  for (EdgeId edge = columns.first_edge[container]; edge < columns.first_edge[container + 1];
       ++edge) {
    const ObjectId item = columns.target[edge];
    if (columns.kind(edge) != EdgeKind::kItem || columns.count[item] != kOne) continue;
    ++group.boxes;
    group.box_bytes += columns.bytes_of(item);
    group.ids.push_back(item);
  }
}

}  // namespace

std::vector<NumberGroup> survey_numbers(Snapshot& snapshot, std::uint64_t least_bytes) {
  const Columns& columns = snapshot.columns();
  Grouping<NumberGroup> grouping;
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    if (!is_sequence(columns.layout_of(object)) || !is_built_in(columns, object)) continue;
    const Numbers numbers = numbers_in(columns, object);
    if (numbers.items == 0 || is_of_code(snapshot.graph(), object)) continue;
    const std::uint64_t shape = snapshot.names().shape_of(object);
    const std::uint64_t kind = std::uint64_t{columns.type[i]} << 1 |
                               static_cast<std::uint64_t>(numbers.layout == Layout::kFloat);
    add_numbers(columns, object, numbers, grouping.at(mixed(shape, kind)));
  }
  return grouping.those([&](const NumberGroup& group) {
    return group.container_bytes + group.box_bytes >= least_bytes;
  });
}

TextColumn survey_column(const Snapshot& snapshot, const std::vector<ObjectId>& arrays) {
  const Columns& columns = snapshot.columns();
  TextColumn found{};
  found.is_narrow = true;
  std::unordered_set<std::uint64_t> distinct;
  std::unordered_set<ObjectId> seen;
  for (const ObjectId array : arrays) {
    for (EdgeId edge = columns.first_edge[array]; edge < columns.first_edge[array + 1]; ++edge) {
      if (columns.kind(edge) != EdgeKind::kItem) continue;
      ++found.items;
      const ObjectId item = columns.target[edge];
      const TextRow* const text = columns.text_of(item);
      if (text == nullptr || columns.layout_of(item) != Layout::kStr) continue;
      ++found.texts;
      found.characters += text->length;
      found.is_narrow &= text->width <= 1;
      const std::uint64_t content = std::uint64_t{text->hash} << 32 | text->length;
      if (distinct.insert(content).second) found.distinct_bytes += columns.bytes_of(item);
      if (columns.count[item] == 0 || !seen.insert(item).second) continue;
      // Referred to from these arrays alone: as far as one array tells.
      if (columns.count[item] != kOne) continue;
      found.bytes += columns.bytes_of(item);
      found.ids.push_back(item);
    }
  }
  found.distinct = distinct.size();
  return found;
}

namespace {

// The part of a container that its table or its items are not in; 0: it is one block.
std::uint64_t head_bytes(Layout layout) {
  switch (layout) {
    case Layout::kList:
    case Layout::kByteArray:
      return 56;
    case Layout::kDict:
      return 64;
    case Layout::kSet:
      return 216;
    default:
      return 0;
  }
}

std::uint64_t rounded(std::uint64_t bytes, std::uint64_t step) {
  return (bytes + step - 1) / step * step;
}

std::uint64_t block_bytes(std::uint64_t bytes, AllocatedBy allocator) {
  constexpr std::uint64_t kSmall = 512, kMedium = 32 * 1024, kPage = 4096;
  if (bytes <= kSmall) return rounded(bytes, 16);
  if (allocator == AllocatedBy::kPymalloc)
    return bytes < 128 * 1024 ? rounded(bytes + 8, 16) : rounded(bytes + 16, kPage);
  if (bytes <= kMedium) {
    const auto log = 63 - static_cast<unsigned>(__builtin_clzll(bytes - 1));
    return rounded(bytes, std::uint64_t{1} << (log - 3));
  }
  return rounded(bytes, 16);  // pages behind the end are never touched
}

}  // namespace

std::uint64_t taken_bytes(const Columns& columns, const std::vector<ObjectId>& ids,
                          AllocatedBy allocator) {
  std::uint64_t sum = 0;
  for (const ObjectId object : ids) {
    const std::uint64_t bytes = columns.bytes_of(object);
    const std::uint64_t head = std::min(head_bytes(columns.layout_of(object)), bytes);
    sum += block_bytes(head, allocator) + block_bytes(bytes - head, allocator);
  }
  return sum;
}

}  // namespace hoop::analysis
