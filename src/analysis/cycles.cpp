// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/components.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "analysis/path_names.h"
#include "analysis/snapshot.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::Layout;

namespace {

// Modules, classes, and the dicts of both.
std::vector<bool> lasting_objects(const Columns& columns) {
  std::vector<bool> lasting(columns.objects());
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const Layout layout = columns.layout_of(static_cast<ObjectId>(i));
    if (layout != Layout::kModule && layout != Layout::kType) continue;
    lasting[i] = true;
    for (EdgeId edge = columns.first_edge[i]; edge < columns.first_edge[i + 1]; ++edge)
      if (columns.layout_of(columns.target[edge]) == Layout::kDict &&
          columns.kind(edge) != EdgeKind::kWeak)
        lasting[columns.target[edge]] = true;
  }
  return lasting;
}

struct Words {
  std::string text;
  std::string closing;  // the last part
};

class CycleSearch {
 public:
  CycleSearch(Snapshot& snapshot, CyclesOf what)
      : snapshot_(snapshot),
        graph_(snapshot.graph()),
        columns_(graph_.columns),
        left_out_(what == CyclesOf::kSmall ? lasting_objects(columns_)
                                           : std::vector<bool>(columns_.objects())),
        way_back_(columns_.objects(), kNone),
        liveness_(columns_.objects()) {}

  std::vector<CycleGroup> run() {
    const auto is_in = [this](ObjectId object) { return !left_out_[object]; };
    const auto follows = [this](EdgeId edge) { return !columns_.is_weak(edge); };
    ComponentFinder finder(columns_, is_in, follows);
    finder.run();
    component_ = finder.take_components();
    sort_members(finder.count());
    for (std::uint32_t i = 0; i < finder.count(); ++i) look_at(i);
    std::sort(groups_.begin(), groups_.end(), [](const CycleGroup& a, const CycleGroup& b) {
      return std::pair(b.bytes, b.objects) < std::pair(a.bytes, a.objects);
    });
    return std::move(groups_);
  }

 private:
  void sort_members(std::uint32_t count) {
    first_ = Array<std::uint32_t>(count + std::size_t{1});
    for (const std::uint32_t component : component_)
      if (component != kNone) ++first_[component];
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i <= count; ++i) first_[i] = sum += first_[i];
    members_ = Array<ObjectId>(sum);
    for (std::size_t i = columns_.objects(); i-- > 0;)
      if (component_[i] != kNone) members_[--first_[component_[i]]] = static_cast<ObjectId>(i);
  }

  void look_at(std::uint32_t component) {
    const ObjectId* const begin = members_.begin() + first_[component];
    const ObjectId* const end = members_.begin() + first_[component + 1];
    if (end - begin == 1 && !refers_to_itself(*begin)) return;
    const std::vector<ObjectId> members(begin, end);
    const ObjectId entry = entry_of(members, component);
    const std::vector<Step> entered = shortest_cycle(entry, component);
    if (entered.empty()) return;
    // Where a path from a root comes in is worth telling; where garbage is entered is chance.
    const std::vector<Step> usual = from_smallest(entered);
    const bool is_held = is_live(entry);
    CycleGroup& group = group_of(words_of(usual));
    if (is_held && group.held == 0) name(group, words_of(entered));
    add(group, members, is_held, is_held ? entered : usual);
  }

  // Cycles that differ only in where they are entered are of one kind.
  CycleGroup& group_of(const Words& usual) {
    const auto next = static_cast<std::uint32_t>(groups_.size());
    const auto [found, is_new] = numbers_.try_emplace(usual.text, next);
    if (is_new) name(groups_.emplace_back(), usual);
    return groups_[found->second];
  }

  static void name(CycleGroup& group, const Words& words) {
    group.cycle = words.text;
    group.closing = words.closing;
  }

  [[nodiscard]] bool refers_to_itself(ObjectId object) const {
    for (EdgeId edge = columns_.first_edge[object]; edge < columns_.first_edge[object + 1]; ++edge)
      if (columns_.target[edge] == object && !columns_.is_weak(edge)) return true;
    return false;
  }

  // Where the path from a root comes in.
  [[nodiscard]] ObjectId entry_of(const std::vector<ObjectId>& members,
                                  std::uint32_t component) const {
    for (const ObjectId member : members) {
      const ObjectId parent = graph_.path_parent[member];
      if (parent == kNone || component_[parent] != component) return member;
    }
    return members.front();
  }

  // The steps from `entry` back to it. Empty: there are none.
  std::vector<Step> shortest_cycle(ObjectId entry, std::uint32_t component) {
    std::vector<ObjectId> queue{entry};
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const ObjectId at = queue[i];
      for (EdgeId edge = columns_.first_edge[at]; edge < columns_.first_edge[at + 1]; ++edge) {
        const ObjectId target = columns_.target[edge];
        if (component_[target] != component || columns_.is_weak(edge)) continue;
        if (target == entry) return steps_back(entry, at, edge);
        if (way_back_[target] != kNone) continue;
        way_back_[target] = edge;
        queue.push_back(target);
      }
    }
    return {};
  }
  std::vector<Step> steps_back(ObjectId entry, ObjectId last, EdgeId closing) {
    std::vector<Step> steps{{entry, closing}};
    for (ObjectId at = last; at != entry; at = source_of(way_back_[at]))
      steps.push_back({at, way_back_[at]});
    std::reverse(steps.begin(), steps.end());
    return steps;
  }
  [[nodiscard]] ObjectId source_of(EdgeId edge) const {
    const std::uint32_t* const after =
        std::upper_bound(columns_.first_edge.begin(), columns_.first_edge.end(), edge);
    return static_cast<ObjectId>(after - columns_.first_edge.begin() - 1);
  }

  [[nodiscard]] std::string part(ObjectId from, const Step& step) const {
    return columns_.type_name(columns_.type[from]) +
           snapshot_.names().step_name(from, step.edge, Detail::kShape);
  }

  // The same cycle, begun where its words are the smallest.
  [[nodiscard]] std::vector<Step> from_smallest(const std::vector<Step>& cycle) const {
    std::size_t first = 0;
    std::string smallest;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      std::string words = part(cycle[(i == 0 ? cycle.size() : i) - 1].object, cycle[i]);
      if (i != 0 && smallest <= words) continue;
      smallest = std::move(words);
      first = i;
    }
    std::vector<Step> rotated = cycle;
    std::rotate(rotated.begin(), rotated.begin() + static_cast<std::ptrdiff_t>(first),
                rotated.end());
    return rotated;
  }

  // A cycle begins at the object that its last step leads to.
  [[nodiscard]] Words words_of(const std::vector<Step>& cycle) const {
    constexpr std::size_t kMostSteps = 8;
    const ObjectId entry = cycle.back().object;
    Words words;
    ObjectId at = entry;
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      const bool is_last = i + 1 == cycle.size();
      if (is_last) words.closing = part(at, cycle[i]);
      if (i < kMostSteps || is_last)
        words.text += part(at, cycle[i]) + " -> ";
      else if (i == kMostSteps)
        words.text += "... -> ";
      at = cycle[i].object;
    }
    words.text += columns_.type_name(columns_.type[entry]);
    return words;
  }

  void add(CycleGroup& group, const std::vector<ObjectId>& members, bool is_held,
           const std::vector<Step>& cycle) {
    ++group.components;
    group.objects += members.size();
    group.held += is_held ? 1 : 0;
    for (const ObjectId member : members) {
      group.bytes += columns_.bytes_of(member);
      const ObjectId dominator = graph_.dominator[member];
      if (dominator == kNone || component_[dominator] != component_[member])
        group.retained += graph_.retained[member];
    }
    if (members.size() <= group.largest) return;
    group.largest = static_cast<std::uint32_t>(members.size());
    group.types = count_types(members);
    group.example.clear();
    for (const Step step : cycle) group.example.push_back(step.object);
  }
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint32_t>> count_types(
      const std::vector<ObjectId>& members) const {
    std::unordered_map<std::uint32_t, std::uint32_t> counts;
    for (const ObjectId member : members) ++counts[columns_.type[member]];
    std::vector<std::pair<std::uint32_t, std::uint32_t>> sorted(counts.begin(), counts.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return std::pair(b.second, a.first) < std::pair(a.second, b.first);
    });
    return sorted;
  }

  // Its path begins at something else than garbage.
  bool is_live(ObjectId object) {
    enum : std::uint8_t { kUnknown, kLive, kDead };
    std::vector<ObjectId> way;
    ObjectId at = object;
    while (liveness_[at] == kUnknown) {
      const ObjectId parent = graph_.path_parent[at];
      if (parent == kNone) {
        liveness_[at] = graph_.root_of(at) == RootKind::kGarbage ? kDead : kLive;
      } else {
        way.push_back(at);
        if (way.size() > columns_.objects())
          throw FileError("the index beside the file is damaged");
        at = parent;
      }
    }
    for (const ObjectId on_way : way) liveness_[on_way] = liveness_[at];
    return liveness_[at] == kLive;
  }

  Snapshot& snapshot_;
  const Graph& graph_;
  const Columns& columns_;
  std::vector<bool> left_out_;
  Array<std::uint32_t> component_;
  Array<std::uint32_t> first_;  // of each component
  Array<ObjectId> members_;
  Array<EdgeId> way_back_;
  Array<std::uint8_t> liveness_;
  std::vector<CycleGroup> groups_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace

std::vector<CycleGroup> Snapshot::cycles(CyclesOf what) { return CycleSearch(*this, what).run(); }

}  // namespace hoop::analysis
