// SPDX-License-Identifier: Apache-2.0
// Dicts by their keys, instances by their class, functions by their code.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/snapshot.h"
#include "analysis/survey.h"
#include "analysis/value_table.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::Layout;

namespace {

// Strings of the file by what they say: the same text may be there under two numbers.
class Texts {
 public:
  explicit Texts(const Columns& columns) : first_(columns.string_end.size()) {
    std::unordered_map<std::string_view, std::uint32_t> known;
    for (std::uint32_t i = 1; i < first_.size(); ++i)
      first_[i] = known.emplace(columns.string(i), i).first->second;
  }
  [[nodiscard]] std::uint32_t operator[](std::uint32_t number) const {
    return number < first_.size() ? first_[number] : 0;
  }

 private:
  std::vector<std::uint32_t> first_;
};

template <class F>
void for_each_edge(const Columns& columns, ObjectId object, F&& visit) {
  for (EdgeId edge = columns.first_edge[object]; edge < columns.first_edge[object + 1]; ++edge)
    visit(edge);
}

bool is_text(const Columns& columns, ObjectId object) {
  return columns.layout_of(object) == Layout::kStr;
}

// Of the keys of a dict, in their order. 0: they are not all strings, or there are none.
std::uint64_t signature_of_keys(const Columns& columns, ObjectId dict, std::uint32_t& count) {
  std::uint64_t sum = 1;
  count = 0;
  for (EdgeId edge = columns.first_edge[dict]; edge < columns.first_edge[dict + 1]; ++edge) {
    if (columns.kind(edge) != EdgeKind::kKey) continue;
    const TextRow* const text = columns.text_of(columns.target[edge]);
    if (text == nullptr || !is_text(columns, columns.target[edge])) return 0;
    sum = mixed(sum, std::uint64_t{text->hash} << 32 | text->length);
    ++count;
  }
  return count == 0 ? 0 : sum | 1;
}

}  // namespace

std::vector<bool> namespaces(const Columns& columns) {
  std::vector<bool> found(columns.objects());
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    const Layout layout = columns.layout_of(object);
    const bool is_definition = layout == Layout::kType || layout == Layout::kModule ||
                               layout == Layout::kFunction || layout == Layout::kInterpreter ||
                               layout == Layout::kThread || layout == Layout::kFrame ||
                               layout == Layout::kRunningFrame || layout == Layout::kGenerator;
    for_each_edge(columns, object, [&](EdgeId edge) {
      const EdgeKind kind = columns.kind(edge);
      const bool is_named = kind == EdgeKind::kAttribute || kind == EdgeKind::kField;
      if (kind == EdgeKind::kDict || (is_definition && is_named))
        found[columns.target[edge]] = true;
    });
  }
  return found;
}

namespace {

// With the keys that would go with it.
void add_dict(const Columns& columns, ObjectId dict, DictGroup& group) {
  constexpr std::uint32_t kOne = 2;  // the coded count of what one reference refers to
  ++group.count;
  group.bytes += columns.bytes_of(dict);
  group.ids.push_back(dict);
  for_each_edge(columns, dict, [&](EdgeId edge) {
    const ObjectId key = columns.target[edge];
    if (columns.kind(edge) != EdgeKind::kKey || columns.count[key] != kOne) return;
    ++group.own_keys;
    group.own_key_bytes += columns.bytes_of(key);
    group.ids.push_back(key);
  });
}

}  // namespace

std::vector<DictGroup> survey_dicts(const Snapshot& snapshot, std::uint64_t least_bytes) {
  const Columns& columns = snapshot.columns();
  const std::vector<bool> is_namespace = namespaces(columns);
  std::unordered_map<std::uint64_t, std::uint32_t> numbers;
  std::vector<DictGroup> groups;
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto dict = static_cast<ObjectId>(i);
    if (columns.layout_of(dict) != Layout::kDict || is_namespace[i]) continue;
    std::uint32_t keys = 0;
    const std::uint64_t signature = signature_of_keys(columns, dict, keys);
    if (signature == 0) continue;
    const std::uint64_t key = mixed(signature, columns.type[i]);
    const auto [at, is_new] = numbers.emplace(key, static_cast<std::uint32_t>(groups.size()));
    if (is_new) groups.push_back({columns.type[i], keys, 0, 0, 0, 0, {}});
    add_dict(columns, dict, groups[at->second]);
  }
  std::erase_if(groups, [&](const DictGroup& group) { return group.bytes < least_bytes; });
  return groups;
}

namespace {

// Names of attributes, in the order in which they were met, with how many instances have each.
class Names {
 public:
  void count(std::uint32_t name) {
    const auto at = std::find_if(found_.begin(), found_.end(),
                                 [name](const auto& one) { return one.first == name; });
    if (at != found_.end())
      ++at->second;
    else if (found_.size() < kMost)
      found_.emplace_back(name, 1);
  }
  // Those that all have before those that some have.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> in_order() {
    const auto has_more = [](const auto& a, const auto& b) { return a.second > b.second; };
    // By insertion: they are few, and equal ones stay in their order.
    for (auto at = found_.begin(); at != found_.end(); ++at)
      std::rotate(std::upper_bound(found_.begin(), at, *at, has_more), at, at + 1);
    return std::move(found_);
  }

 private:
  static constexpr std::size_t kMost = 128;  // more are looked at by nobody
  std::vector<std::pair<std::uint32_t, std::uint64_t>> found_;
};

class InstanceSurvey {
 public:
  explicit InstanceSurvey(const Snapshot& snapshot)
      : columns_(snapshot.columns()), texts_(columns_), group_of_(columns_.types.size(), kNone) {}

  std::vector<InstanceGroup> run(std::uint64_t least_bytes) {
    choose(least_bytes);
    for (std::size_t i = 0; i < columns_.objects(); ++i) {
      const auto object = static_cast<ObjectId>(i);
      const std::uint32_t group = group_of_[columns_.type[i]];
      if (group != kNone) add(object, group);
      if (columns_.layout_of(object) == Layout::kWeakReference) note_weak(object);
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      groups_[i].kinds = kinds_[i].size();
      groups_[i].names = names_[i].in_order();
    }
    std::erase_if(groups_, [&](const InstanceGroup& group) {
      return group.bytes + group.dict_bytes < least_bytes;
    });
    return std::move(groups_);
  }

 private:
  // Classes that have so many instances that it can matter: each has 16 bytes at least.
  void choose(std::uint64_t least_bytes) {
    std::vector<std::uint64_t> counts(columns_.types.size());
    for (std::size_t i = 0; i < columns_.objects(); ++i) ++counts[columns_.type[i]];
    for (std::size_t row = 0; row < counts.size(); ++row) {
      const TypeRow& type = columns_.types[row];
      const bool fits = type.layout == Layout::kInstance || type.layout == Layout::kOther;
      constexpr std::uint64_t kLargest = 4096;  // bytes of an instance, its dict included
      if ((type.flags & snapshot::kMadeAtRunTime) == 0 || !fits) continue;
      if (counts[row] * kLargest < least_bytes) continue;
      group_of_[row] = static_cast<std::uint32_t>(groups_.size());
      groups_.emplace_back();
      groups_.back().type = static_cast<std::uint32_t>(row);
    }
    names_.resize(groups_.size());
    kinds_.resize(groups_.size());
  }

  void add(ObjectId object, std::uint32_t number) {
    InstanceGroup& group = groups_[number];
    ++group.count;
    group.bytes += columns_.bytes_of(object);
    group.ids.push_back(object);
    ObjectId dict = kNone;
    attributes_.clear();
    for_each_edge(columns_, object, [&](EdgeId edge) {
      if (columns_.kind(edge) == EdgeKind::kDict) dict = columns_.target[edge];
      if (columns_.kind(edge) == EdgeKind::kAttribute) attributes_.push_back(edge);
    });
    if (dict != kNone) add_dict(group, dict);
    add_names(number);
  }

  // A dict whose keys are its own lists them among its counted references.
  void add_dict(InstanceGroup& group, ObjectId dict) {
    ++group.dicts;
    group.dict_bytes += columns_.bytes_of(dict);
    group.ids.push_back(dict);
    bool is_unshared = false;
    attributes_.clear();
    for_each_edge(columns_, dict, [&](EdgeId edge) {
      if (columns_.kind(edge) == EdgeKind::kKey) is_unshared |= columns_.is_counted(edge);
      if (columns_.kind(edge) == EdgeKind::kValue) attributes_.push_back(edge);
    });
    group.unshared += is_unshared ? 1 : 0;
    group.unshared_bytes += is_unshared ? columns_.bytes_of(dict) : 0;
  }

  void add_names(std::uint32_t number) {
    constexpr std::size_t kMostKinds = 4096;
    InstanceGroup& group = groups_[number];
    std::uint64_t sum = 1;
    for (const EdgeId edge : attributes_) {
      const std::uint32_t name = texts_[columns_.edge_name[edge]];
      group.has_unknown_names |= name == 0;
      sum = mixed(sum, name);
      names_[number].count(name);
    }
    group.attributes += attributes_.size();
    group.most_attributes = std::max<std::uint64_t>(group.most_attributes, attributes_.size());
    if (kinds_[number].size() < kMostKinds) kinds_[number].insert(sum);
  }

  void note_weak(ObjectId reference) {
    for_each_edge(columns_, reference, [&](EdgeId edge) {
      if (columns_.kind(edge) != EdgeKind::kWeak) return;
      const std::uint32_t group = group_of_[columns_.type[columns_.target[edge]]];
      if (group != kNone) ++groups_[group].referred_weakly;
    });
  }

  const Columns& columns_;
  Texts texts_;
  std::vector<std::uint32_t> group_of_;  // by type
  std::vector<InstanceGroup> groups_;
  std::vector<Names> names_;
  std::vector<std::unordered_set<std::uint64_t>> kinds_;
  std::vector<EdgeId> attributes_;
};

}  // namespace

std::vector<InstanceGroup> survey_instances(const Snapshot& snapshot, std::uint64_t least_bytes) {
  return InstanceSurvey(snapshot).run(least_bytes);
}

namespace {

// The code of a function, the function of a method.
ObjectId made_from(const Columns& columns, ObjectId callable, Layout wanted) {
  ObjectId found = kNone;
  for_each_edge(columns, callable, [&](EdgeId edge) {
    if (found == kNone && columns.kind(edge) != EdgeKind::kType &&
        columns.layout_of(columns.target[edge]) == wanted)
      found = columns.target[edge];
  });
  return found;
}

// What a function has of its own: its cells, and the tuple that holds them.
void add_parts(const Graph& graph, ObjectId function, CallableGroup& group) {
  const Columns& columns = graph.columns;
  for_each_edge(columns, function, [&](EdgeId edge) {
    const ObjectId part = columns.target[edge];
    const Layout layout = columns.layout_of(part);
    if (layout == Layout::kCell) ++group.cells;
    if (layout != Layout::kCell && layout != Layout::kTuple) return;
    if (graph.dominator[part] != function) return;
    group.bytes += columns.bytes_of(part);
    group.ids.push_back(part);
  });
}

}  // namespace

std::vector<CallableGroup> survey_callables(const Snapshot& snapshot, std::uint64_t least_bytes) {
  const Columns& columns = snapshot.columns();
  std::unordered_map<ObjectId, std::uint32_t> numbers;
  std::vector<CallableGroup> groups;
  for (std::size_t i = 0; i < columns.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    const Layout layout = columns.layout_of(object);
    if (layout != Layout::kFunction && layout != Layout::kMethod) continue;
    const Layout wanted = layout == Layout::kFunction ? Layout::kCode : Layout::kFunction;
    const ObjectId of = made_from(columns, object, wanted);
    if (of == kNone) continue;
    const auto [at, is_new] = numbers.emplace(of, static_cast<std::uint32_t>(groups.size()));
    if (is_new) groups.push_back({layout, of, 0, 0, {}});
    CallableGroup& group = groups[at->second];
    group.bytes += columns.bytes_of(object);
    group.ids.push_back(object);
    if (layout == Layout::kFunction) add_parts(snapshot.graph(), object, group);
  }
  std::erase_if(groups, [&](const CallableGroup& group) { return group.bytes < least_bytes; });
  return groups;
}

}  // namespace hoop::analysis
