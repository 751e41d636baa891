// SPDX-License-Identifier: Apache-2.0
#include "analysis/snapshot.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "analysis/heap_file.h"
#include "analysis/index_file.h"
#include "analysis/path_names.h"

namespace hoop::analysis {

Snapshot::Snapshot(const std::string& path, IndexUse use, const Progress& progress)
    : file_(path), has_index_(analyse(use, progress)), names_(graph_) {}

bool Snapshot::analyse(IndexUse use, const Progress& progress) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kWorthKeeping = std::chrono::milliseconds(500);
  if (use != IndexUse::kNever) {
    if (std::optional<Graph> found = read_index(file_)) {
      graph_ = std::move(*found);
      return true;
    }
  }
  const Clock::time_point begin = Clock::now();
  graph_ = build_graph(read_columns(file_, progress), progress);
  if (use == IndexUse::kNever) return false;
  if (use == IndexUse::kAuto && Clock::now() - begin < kWorthKeeping) return false;
  if (progress) progress("keeping the index", 0);
  return write_index(file_, graph_);
}

const std::vector<GroupTotal>& Snapshot::by_type() {
  if (by_type_.empty()) by_type_ = total_groups(graph_, columns().type, columns().types.size());
  return by_type_;
}

std::vector<Group> Snapshot::by_module() { return by_owner(true); }

std::vector<Group> Snapshot::by_root() { return by_owner(false); }

std::vector<Group> Snapshot::by_owner(bool modules) {
  const std::size_t objects = columns().objects();
  Array<std::uint32_t> owner(objects, kNone);
  std::unordered_map<std::string, std::uint32_t> numbers;
  std::vector<std::string> texts;
  const auto number_of = [&](const std::string& text) {
    const auto [found, is_new] =
        numbers.try_emplace(text, static_cast<std::uint32_t>(texts.size()));
    if (is_new) texts.push_back(text);
    return found->second;
  };
  const auto own = [&](ObjectId object) -> std::uint32_t {
    if (modules && names_.is_named_module(object)) return number_of(names_.own_name(object));
    if (graph_.path_parent[object] != kNone) return kNone;
    switch (graph_.root_of(object)) {
      case RootKind::kHeldByC:
        return number_of("<held by C code>");
      case RootKind::kImmortal:
        return number_of("<immortal>");
      case RootKind::kGarbage:
        return number_of("<garbage>");
      default:
        break;
    }
    const std::string name = names_.own_name(object);
    if (name.empty()) return number_of(columns().type_name(columns().type[object]));
    return number_of("<" + name + ">");
  };
  std::vector<ObjectId> way;
  for (std::size_t i = 0; i < objects; ++i) {
    auto at = static_cast<ObjectId>(i);
    while (owner[at] == kNone && (owner[at] = own(at)) == kNone) {
      way.push_back(at);
      if (way.size() > objects) throw FileError("the index beside the file is damaged");
      at = graph_.path_parent[at];
    }
    for (; !way.empty(); way.pop_back()) owner[way.back()] = owner[at];
  }
  const std::vector<GroupTotal> totals = total_groups(graph_, owner, texts.size());
  std::vector<Group> groups;
  for (std::size_t i = 0; i < totals.size(); ++i)
    groups.push_back({std::move(texts[i]), totals[i]});
  return groups;
}

std::array<GroupTotal, kRootKinds> Snapshot::by_root_kind() const {
  std::array<GroupTotal, kRootKinds> totals{};
  for (std::size_t i = 0; i < columns().objects(); ++i) {
    if (graph_.dominator[i] != kNone) continue;
    GroupTotal& total = totals[graph_.root[i]];
    ++total.count;
    total.bytes += columns().bytes_of(static_cast<ObjectId>(i));
    total.retained += graph_.retained[i];
  }
  return totals;
}

std::vector<ObjectId> Snapshot::objects_of_type(std::uint32_t row) const {
  std::vector<ObjectId> found;
  for (std::size_t i = 0; i < columns().objects(); ++i)
    if (columns().type[i] == row) found.push_back(static_cast<ObjectId>(i));
  return found;
}

const DominatorTree& Snapshot::tree() {
  if (tree_.first.empty()) tree_ = build_dominator_tree(graph_);
  return tree_;
}

std::size_t Snapshot::child_count(ObjectId object) {
  const std::size_t at = object == kNone ? columns().objects() : object;
  return tree().first[at + 1] - tree().first[at];
}

std::vector<ObjectId> Snapshot::children(ObjectId object, std::size_t most) {
  const std::size_t at = object == kNone ? columns().objects() : object;
  const DominatorTree& dominators = tree();
  std::vector<ObjectId> found(dominators.children.begin() + dominators.first[at],
                              dominators.children.begin() + dominators.first[at + 1]);
  const std::size_t kept = std::min(most, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(kept), found.end(),
                    [this](ObjectId a, ObjectId b) {
                      return std::pair(graph_.retained[b], a) < std::pair(graph_.retained[a], b);
                    });
  found.resize(kept);
  return found;
}

namespace {

// Of the objects that one group of shapes has, what they free together: a member whose dominators
// hold another member of the group adds nothing.
class RetainedByGroup {
 public:
  RetainedByGroup(const Graph& graph, const std::vector<ObjectId>& members)
      : graph_(graph), nearest_(graph.columns.objects(), kNone) {
    for (const ObjectId member : members) nearest_[member] = member;
  }

  // The nearest member that dominates `member`, itself aside. kNone: there is none.
  ObjectId above(ObjectId member) {
    ObjectId at = graph_.dominator[member];
    while (at != kNone && nearest_[at] == kNone) {
      way_.push_back(at);
      if (way_.size() > nearest_.size()) throw FileError("the index beside the file is damaged");
      at = graph_.dominator[at];
    }
    const ObjectId found = at == kNone ? kNoMember : nearest_[at];
    for (; !way_.empty(); way_.pop_back()) nearest_[way_.back()] = found;
    return found == kNoMember ? kNone : found;
  }

 private:
  static constexpr ObjectId kNoMember = kNone - 1;

  const Graph& graph_;
  Array<ObjectId> nearest_;
  std::vector<ObjectId> way_;
};

}  // namespace

Holders Snapshot::holders(const std::vector<ObjectId>& objects) {
  std::unordered_map<std::uint32_t, std::uint32_t> group_of_shape;
  std::unordered_map<std::string, std::uint32_t> group_of_text;
  std::vector<Holder> groups;
  Array<std::uint32_t> group(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const std::uint32_t shape = names_.shape_of(objects[i]);
    auto found = group_of_shape.find(shape);
    if (found == group_of_shape.end()) {
      std::string text = names_.name_of(objects[i], Detail::kShape);
      const auto next = static_cast<std::uint32_t>(groups.size());
      const auto [same, is_new] = group_of_text.try_emplace(text, next);
      if (is_new) groups.push_back({std::move(text), {}, objects[i]});
      found = group_of_shape.emplace(shape, same->second).first;
    }
    group[i] = found->second;
  }
  Array<std::uint32_t> group_of(columns().objects(), kNone);
  for (std::size_t i = 0; i < objects.size(); ++i) group_of[objects[i]] = group[i];
  RetainedByGroup retained(graph_, objects);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const ObjectId object = objects[i];
    Holder& holder = groups[group[i]];
    ++holder.total.count;
    holder.total.bytes += columns().bytes_of(object);
    if (graph_.retained[object] > graph_.retained[holder.example]) holder.example = object;
    ObjectId above = retained.above(object);
    if (above == kNone) all += graph_.retained[object];
    while (above != kNone && group_of[above] != group[i]) above = retained.above(above);
    if (above == kNone) holder.total.retained += graph_.retained[object];
  }
  std::sort(groups.begin(), groups.end(), [](const Holder& a, const Holder& b) {
    return std::pair(b.total.retained, b.total.bytes) < std::pair(a.total.retained, a.total.bytes);
  });
  return {std::move(groups), all};
}

}  // namespace hoop::analysis
