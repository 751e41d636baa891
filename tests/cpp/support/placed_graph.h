// SPDX-License-Identifier: Apache-2.0
// A graph whose objects lie at addresses as those of a process do: most in one span, some in other
// regions, some where no object that is looked at can be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "../support/fake_graph.h"
#include "base/units.h"

namespace hoop::testing {

// A host of Marker; the search that records it is in recorded_search.h.
class PlacedGraph {
 public:
  static constexpr Address kBase = 16 * kGiB;
  static constexpr std::size_t kSpan = 4 * kMiB;
  static constexpr std::size_t kOtherRegions = 8;

  // Places out of random numbers, or a fuzzer's.
  template <class Numbers>
  PlacedGraph(const FakeGraph& graph, Numbers& numbers) : graph_(graph) {
    while (places_.size() < graph.size()) {
      const Address wanted = some_place(numbers);
      place(wanted, numbers.below(8) != 0);
    }
  }
  // One behind the other in the span.
  explicit PlacedGraph(const FakeGraph& graph) : graph_(graph) {
    while (places_.size() < graph.size()) place(kBase + 32 * places_.size(), true);
  }

  [[nodiscard]] const FakeGraph& graph() const { return graph_; }
  [[nodiscard]] Address place_of(std::size_t object) const { return places_[object]; }
  [[nodiscard]] std::size_t object_at(Address place) const { return objects_.at(place); }
  // Whether it is meant to be looked at.
  [[nodiscard]] bool is_tracked(std::size_t object) const { return is_tracked_[object]; }

  // --- the host ---
  [[nodiscard]] std::uint32_t count_of(Address at) const {
    return graph_.count_of(FakeGraph::address(object_at(at)));
  }
  template <class F>
  void for_each_reference(Address at, F&& visit) const {
    for (const std::size_t target : graph_.edges(object_at(at))) visit(places_[target]);
  }
  template <class F>
  void for_each_weak_reference(Address at, F&& visit) const {
    for (const std::size_t target : graph_.weak_edges(object_at(at))) visit(places_[target]);
  }
  void prefetch_object(Address) const {}
  void prefetch_content(Address) const {}

 private:
  void place(Address wanted, bool is_tracked) {
    while (objects_.contains(wanted)) wanted += 16;
    objects_[wanted] = places_.size();
    places_.push_back(wanted);
    is_tracked_.push_back(is_tracked);
  }
  template <class Numbers>
  static Address some_place(Numbers& numbers) {
    const std::uint64_t kind = numbers.below(16);
    const Address near = 16 * numbers.below(256);
    if (kind < 6) return kBase + near;
    if (kind < 10) return kBase + near * (kSpan / 4096);
    if (kind < 13) return 64 * kGiB + numbers.below(8) * 2 * kMiB + near;
    if (kind < 14) return kBase + kSpan - 64 + near / 32 / 16 * 16;  // around its end
    if (kind < 15) return 16 + near;                                 // where no object can be
    return Address{0} - kMiB + near;
  }

  const FakeGraph& graph_;
  std::vector<Address> places_;
  std::vector<bool> is_tracked_;
  std::unordered_map<Address, std::size_t> objects_;
};

}  // namespace hoop::testing
