// SPDX-License-Identifier: Apache-2.0
#include "counted/picture.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/units.h"
#include "counted/header.h"
#include "counted/object_graph.h"
#include "counted/state.h"
#include "cycles/finder.h"
#include "cycles/host.h"
#include "cycles/tables.h"
#include "hoop/object.h"

namespace hoop::counted {

namespace {

// Tarjan's algorithm with a stack of its own.
class StrongComponents {
 public:
  using Index = Picture::Index;

  explicit StrongComponents(const Picture& picture)
      : picture_(picture),
        order_(picture.size(), kUnseen),
        low_(picture.size()),
        component_(picture.size(), Picture::kOnNoCycle),
        on_stack_(picture.size()) {
    for (Index i = 0; i < picture.size(); ++i) {
      if (order_[i] == kUnseen) search_from(i);
    }
  }

  std::vector<Index> take() { return std::move(component_); }

 private:
  static constexpr Index kUnseen = UINT32_MAX;
  struct Step {
    Index object;
    std::size_t next;  // reference to follow
  };

  void search_from(Index root) {
    enter(root);
    while (!steps_.empty()) {
      Step& step = steps_.back();
      const Index object = step.object;
      const std::vector<Index>& references = picture_.references(object);
      if (step.next < references.size()) {
        follow(object, references[step.next++]);
      } else {
        steps_.pop_back();
        if (!steps_.empty())
          low_[steps_.back().object] = std::min(low_[steps_.back().object], low_[object]);
        if (low_[object] == order_[object]) close(object);
      }
    }
  }

  void enter(Index object) {
    order_[object] = low_[object] = seen_++;
    stack_.push_back(object);
    on_stack_[object] = true;
    steps_.push_back({object, 0});
  }

  void follow(Index from, Index to) {
    if (order_[to] == kUnseen) {
      enter(to);
    } else if (on_stack_[to]) {
      low_[from] = std::min(low_[from], order_[to]);
    }
  }

  // All above `root` on the stack are one component; alone, it is on a cycle if it refers to
  // itself.
  void close(Index root) {
    const auto& references = picture_.references(root);
    const bool is_cycle = stack_.back() != root ||
                          std::find(references.begin(), references.end(), root) != references.end();
    Index object = 0;
    do {
      object = stack_.back();
      stack_.pop_back();
      on_stack_[object] = false;
      if (is_cycle) component_[object] = components_;
    } while (object != root);
    if (is_cycle) ++components_;
  }

  const Picture& picture_;
  std::vector<Index> order_;
  std::vector<Index> low_;
  std::vector<Index> component_;
  std::vector<bool> on_stack_;
  std::vector<Index> stack_;
  std::vector<Step> steps_;
  Index seen_ = 0;
  Index components_ = 0;
};

// A picture as a host of src/cycles. Addresses are indices and one, since 0 is no address.
class PictureGraph {
 public:
  explicit PictureGraph(const Picture& picture)
      : picture_(picture), index_(picture.size(), cycles::kNoIndex) {}

  [[nodiscard]] std::uint32_t count_of(Address at) const {
    const Object* const object = picture_.object(place(at));
    const std::int32_t count = Access::count(object);
    return count < 0 || is_frozen(object) ? cycles::kAlwaysLive : static_cast<std::uint32_t>(count);
  }
  template <class F>
  void for_each_reference(Address at, F&& visit) {
    for (const Picture::Index target : picture_.references(place(at))) visit(Address{target} + 1);
  }
  [[nodiscard]] cycles::Index index_of(Address at) const { return index_[place(at)]; }
  void set_index(Address at, cycles::Index index) { index_[place(at)] = index; }
  [[nodiscard]] static bool in_scope(Address /*at*/) { return false; }
  void note_overcount(Address /*at*/) {}
  void prefetch(Address /*at*/) {}

 private:
  static Picture::Index place(Address at) { return static_cast<Picture::Index>(at - 1); }

  const Picture& picture_;
  std::vector<cycles::Index> index_;
};

}  // namespace

Picture::Picture(const State& state) {
  for_each_object(state, [&](const Object* object, std::size_t bytes) {
    if (!is_alive(object)) return;
    objects_.push_back(object);
    bytes_.push_back(bytes);
  });
  std::unordered_map<const Object*, Index> index;
  index.reserve(objects_.size());
  for (Index i = 0; i < objects_.size(); ++i) index.emplace(objects_[i], i);
  references_.resize(objects_.size());
  for (Index i = 0; i < objects_.size(); ++i) {
    for_each_reference(objects_[i], [&](const Object* target) {
      if (const auto found = index.find(target); found != index.end())
        references_[i].push_back(found->second);
    });
  }
}

std::vector<Picture::Index> Picture::cycles() const { return StrongComponents(*this).take(); }

std::vector<bool> Picture::garbage() const {
  const auto rows = static_cast<cycles::Index>(size());
  std::vector<std::byte> memory(cycles::Tables::bytes_for(rows));
  cycles::Tables tables(memory.data(), rows);
  PictureGraph graph(*this);
  cycles::Finder<PictureGraph> finder(graph, tables);
  for (Index i = 0; i < rows; ++i) finder.add(Address{i} + 1);
  finder.find(cycles::Reach::kAdded);
  std::vector<bool> garbage(size());
  for (Index i = 0; i < rows; ++i) garbage[i] = finder.is_garbage(i);
  return garbage;
}

}  // namespace hoop::counted
