// SPDX-License-Identifier: Apache-2.0
// A host of src/cycles that is a list of counts and edges, and what a naive search says of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "base/units.h"
#include "cycles/address_table.h"
#include "cycles/finder.h"
#include "cycles/host.h"
#include "cycles/tables.h"

namespace hoop::testing {

// Objects are numbers from 0; their addresses are spread out, so that hashes have something to do.
class FakeGraph {
 public:
  explicit FakeGraph(std::size_t objects)
      : external_(objects), edges_(objects), weak_edges_(objects), in_scope_(objects, true) {}

  [[nodiscard]] std::size_t size() const { return edges_.size(); }
  void link(std::size_t from, std::size_t to) { edges_[from].push_back(to); }
  void link_weakly(std::size_t from, std::size_t to) { weak_edges_[from].push_back(to); }
  void refer_from_outside(std::size_t to) { ++external_[to]; }
  void pin(std::size_t object) { pinned_.push_back(object); }
  void put_out_of_scope(std::size_t object) { in_scope_[object] = false; }
  [[nodiscard]] const std::vector<std::size_t>& edges(std::size_t from) const {
    return edges_[from];
  }
  [[nodiscard]] const std::vector<std::size_t>& weak_edges(std::size_t from) const {
    return weak_edges_[from];
  }
  [[nodiscard]] std::size_t external(std::size_t object) const { return external_[object]; }
  [[nodiscard]] const std::vector<std::size_t>& pinned() const { return pinned_; }

  static Address address(std::size_t object) { return 0x10000 + object * 48; }
  static std::size_t object(Address address) { return (address - 0x10000) / 48; }

  // To be called after the last link: counts are of that moment.
  void count_references() {
    counts_.assign(size(), 0);
    for (std::size_t i = 0; i < size(); ++i) {
      counts_[i] += static_cast<std::uint32_t>(external_[i]);
      for (const std::size_t target : edges_[i]) ++counts_[target];
    }
    for (const std::size_t object : pinned_) counts_[object] = cycles::kAlwaysLive;
  }
  void set_count(std::size_t object, std::uint32_t count) { counts_[object] = count; }

  // --- the host ---
  [[nodiscard]] std::uint32_t count_of(Address at) const { return counts_[object(at)]; }
  template <class F>
  void for_each_reference(Address at, F&& visit) {
    for (const std::size_t target : edges_[object(at)]) visit(address(target));
  }
  template <class F>
  void for_each_weak_reference(Address at, F&& visit) {
    for (const std::size_t target : weak_edges_[object(at)]) visit(address(target));
  }
  [[nodiscard]] cycles::Index index_of(Address at) const { return table_->find(at); }
  void set_index(Address at, cycles::Index index) {
    if (index != cycles::kNoIndex) table_->insert(at, index);
  }
  [[nodiscard]] bool in_scope(Address at) const { return in_scope_[object(at)]; }
  void note_overcount(Address at) { overcounted_.push_back(object(at)); }
  void prefetch(Address at) const { table_->prefetch(at); }

  void set_table(cycles::AddressTable& table) { table_ = &table; }
  [[nodiscard]] const std::vector<std::size_t>& overcounted() const { return overcounted_; }

  // --- what is true ---
  // Those that cannot be reached from outside through objects of `among`, itself included in it.
  [[nodiscard]] std::vector<bool> garbage(const std::vector<bool>& among) const {
    std::vector<bool> live(size());
    std::vector<std::size_t> reached;
    const auto reach = [&](std::size_t object) {
      if (!among[object] || live[object]) return;
      live[object] = true;
      reached.push_back(object);
    };
    for (std::size_t i = 0; i < size(); ++i) {
      if (external_[i] != 0) reach(i);
      if (!among[i])
        for (const std::size_t target : edges_[i]) reach(target);
    }
    for (const std::size_t object : pinned_) reach(object);
    while (!reached.empty()) {
      const std::size_t from = reached.back();
      reached.pop_back();
      for (const std::size_t target : edges_[from]) reach(target);
    }
    std::vector<bool> garbage(size());
    for (std::size_t i = 0; i < size(); ++i) garbage[i] = among[i] && !live[i];
    return garbage;
  }
  // The lowest object of each object's component of the garbage, by joining until nothing changes.
  [[nodiscard]] std::vector<std::size_t> components(const std::vector<bool>& garbage) const {
    std::vector<std::size_t> lowest(size());
    std::iota(lowest.begin(), lowest.end(), 0);
    for (bool changed = true; changed;) {
      changed = false;
      const auto join = [&](std::size_t a, std::size_t b) {
        if (!garbage[a] || !garbage[b] || lowest[a] == lowest[b]) return;
        lowest[a] = lowest[b] = std::min(lowest[a], lowest[b]);
        changed = true;
      };
      for (std::size_t i = 0; i < size(); ++i) {
        for (const std::size_t target : edges_[i]) join(i, target);
        for (const std::size_t target : weak_edges_[i]) join(i, target);
      }
    }
    return lowest;
  }

 private:
  std::vector<std::size_t> external_;
  std::vector<std::vector<std::size_t>> edges_;
  std::vector<std::vector<std::size_t>> weak_edges_;
  std::vector<bool> in_scope_;
  std::vector<std::size_t> pinned_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::size_t> overcounted_;
  cycles::AddressTable* table_ = nullptr;
};

// A small graph out of random numbers, or a fuzzer's: below(bound).
template <class Numbers>
FakeGraph some_graph(Numbers& numbers) {
  const std::size_t objects = 1 + numbers.below(60);
  FakeGraph graph(objects);
  const auto any = [&] { return static_cast<std::size_t>(numbers.below(objects)); };
  for (std::size_t i = numbers.below(3 * objects); i > 0; --i) {
    const std::size_t from = any();
    graph.link(from, any());
  }
  for (std::size_t i = numbers.below(objects / 4 + 1); i > 0; --i) graph.refer_from_outside(any());
  for (std::size_t i = numbers.below(4); i > 0; --i) {
    const std::size_t from = any();
    graph.link_weakly(from, any());
  }
  if (numbers.below(8) == 0) graph.pin(any());
  return graph;
}

// The memory that a search needs, and nothing more: a byte behind it would be a fault.
class Search {
 public:
  Search(FakeGraph& graph, cycles::Index capacity)
      : rows_(new std::byte[cycles::Tables::bytes_for(capacity)]),
        slots_(new std::byte[cycles::AddressTable::bytes_for(capacity)]),
        tables(rows_.get(), capacity),
        table(slots_.get(), capacity, tables.objects()),
        finder(bind(graph, table), tables) {}

  void add_all(const FakeGraph& graph) {
    for (std::size_t i = 0; i < graph.size(); ++i) finder.add(FakeGraph::address(i));
  }
  // As the finder says, by object.
  [[nodiscard]] std::vector<bool> garbage(std::size_t objects) const {
    std::vector<bool> garbage(objects);
    for (cycles::Index i = 0; i < finder.size(); ++i)
      garbage[FakeGraph::object(finder.object(i))] = finder.is_garbage(i);
    return garbage;
  }

 private:
  static FakeGraph& bind(FakeGraph& graph, cycles::AddressTable& table) {
    graph.set_table(table);
    return graph;
  }
  std::unique_ptr<std::byte[]> rows_;
  std::unique_ptr<std::byte[]> slots_;

 public:
  cycles::Tables tables;
  cycles::AddressTable table;
  cycles::Finder<FakeGraph> finder;
};

}  // namespace hoop::testing
