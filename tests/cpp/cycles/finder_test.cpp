// SPDX-License-Identifier: Apache-2.0
#include "cycles/finder.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "../support/fake_graph.h"
#include "../support/random.h"
#include "cycles/components.h"

namespace hoop::cycles {
namespace {

using testing::FakeGraph;
using testing::Random;
using testing::Search;
using testing::some_graph;

// All objects are added; `garbage` are the numbers of those that are found to be.
std::vector<std::size_t> garbage_of_all(FakeGraph& graph) {
  graph.count_references();
  Search search(graph, static_cast<Index>(graph.size()));
  search.add_all(graph);
  search.finder.find(Reach::kAdded);
  std::vector<std::size_t> found;
  for (Index i = 0; i < search.finder.size(); ++i)
    if (search.finder.is_garbage(i)) found.push_back(FakeGraph::object(search.finder.object(i)));
  return found;
}

using Numbers = std::vector<std::size_t>;

TEST(Finder, FindsACycleThatNothingRefersTo) {
  FakeGraph graph(3);
  graph.link(0, 1);
  graph.link(1, 0);
  graph.refer_from_outside(2);
  EXPECT_EQ(garbage_of_all(graph), (Numbers{0, 1}));
}

TEST(Finder, KeepsWhatAReferenceFromOutsideReaches) {
  FakeGraph graph(4);
  graph.link(0, 1);
  graph.link(1, 0);
  graph.link(1, 2);
  graph.link(2, 3);
  graph.link(3, 2);
  graph.refer_from_outside(1);
  EXPECT_TRUE(garbage_of_all(graph).empty());
}

TEST(Finder, FindsWhatHangsOnACycle) {
  FakeGraph graph(3);
  graph.link(0, 0);
  graph.link(0, 1);
  graph.link(1, 2);
  EXPECT_EQ(garbage_of_all(graph), (Numbers{0, 1, 2}));
}

TEST(Finder, CountsEachOfSeveralReferences) {
  FakeGraph graph(2);
  for (int i = 0; i < 3; ++i) graph.link(0, 1);
  graph.link(1, 0);
  EXPECT_EQ(garbage_of_all(graph), (Numbers{0, 1}));
  graph.refer_from_outside(1);
  EXPECT_TRUE(garbage_of_all(graph).empty());
}

TEST(Finder, APinnedObjectIsAlive) {
  FakeGraph graph(2);
  graph.link(0, 1);
  graph.link(1, 0);
  graph.pin(0);
  EXPECT_TRUE(garbage_of_all(graph).empty());
}

TEST(Finder, TakesAnObjectWithTooManyReferencesToBeAliveAndSaysSo) {
  FakeGraph graph(3);
  graph.link(0, 1);
  graph.link(1, 0);
  graph.link(1, 2);
  graph.link(2, 2);
  graph.count_references();
  graph.set_count(0, 0);  // 1 names a reference that it does not own
  Search search(graph, 3);
  search.add_all(graph);
  search.finder.find(Reach::kAdded);
  EXPECT_EQ(search.garbage(3), (std::vector<bool>{false, false, false}));
  EXPECT_EQ(graph.overcounted(), Numbers{0});
}

TEST(Finder, TheClosureTakesWhatIsInScopeOnly) {
  FakeGraph graph(4);
  for (std::size_t i = 0; i < 3; ++i) graph.link(i, i + 1);
  graph.link(1, 0);
  graph.put_out_of_scope(2);
  graph.count_references();
  Search search(graph, 4);
  search.finder.add(FakeGraph::address(0));
  search.finder.find(Reach::kClosure);
  EXPECT_EQ(search.finder.size(), 2U);
  EXPECT_EQ(search.garbage(4), (std::vector<bool>{true, true, false, false}));
}

TEST(Finder, AReferenceFromOutsideOfTheSetKeepsAlive) {
  FakeGraph graph(3);
  graph.link(0, 1);
  graph.link(1, 0);
  graph.link(2, 1);  // garbage too, but nobody looks at it
  graph.count_references();
  Search search(graph, 3);
  search.finder.add(FakeGraph::address(0));
  search.finder.find(Reach::kClosure);
  EXPECT_EQ(search.garbage(3), (std::vector<bool>{false, false, false}));
}

TEST(Finder, AClosureThatDoesNotFitIsCutAndStillRight) {
  FakeGraph graph(10);
  for (std::size_t i = 0; i < 10; ++i) graph.link(i, (i + 1) % 10);
  graph.count_references();
  Search search(graph, 5);
  search.finder.add(FakeGraph::address(0));
  search.finder.find(Reach::kClosure);
  EXPECT_TRUE(search.finder.is_truncated());
  EXPECT_EQ(search.garbage(10), std::vector<bool>(10));
}

TEST(Finder, WhatIsMarkedFromRootsIsNotTriedAgain) {
  FakeGraph graph(5);
  graph.link(0, 1);
  graph.link(1, 2);
  graph.link(3, 4);
  graph.link(4, 3);
  graph.refer_from_outside(0);
  graph.count_references();
  Search search(graph, 5);
  search.add_all(graph);
  search.finder.mark_from(FakeGraph::address(0));
  search.finder.finish_marking();
  EXPECT_EQ(search.garbage(5), (std::vector<bool>{false, false, false, true, true}));
  search.finder.find(Reach::kAdded);
  EXPECT_EQ(search.garbage(5), (std::vector<bool>{false, false, false, true, true}));
  EXPECT_EQ(search.tables.internal(1), 0U);
}

TEST(Finder, ARingOfAMillionIsOneCycle) {
  constexpr std::size_t kObjects = 1'000'000;
  FakeGraph graph(kObjects);
  for (std::size_t i = 0; i < kObjects; ++i) graph.link(i, (i + 1) % kObjects);
  EXPECT_EQ(garbage_of_all(graph).size(), kObjects);
}

TEST(FinderRandomized, AllObjectsAgreeWithANaiveSearch) {
  for (std::uint32_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    FakeGraph graph = some_graph(random);
    graph.count_references();
    Search search(graph, static_cast<Index>(graph.size()));
    search.add_all(graph);
    for (std::size_t i = 0; i < graph.size(); ++i)
      if (graph.external(i) != 0 && random.below(2) == 0)
        search.finder.mark_from(FakeGraph::address(i));
    search.finder.finish_marking();
    search.finder.find(Reach::kAdded);
    ASSERT_EQ(search.garbage(graph.size()), graph.garbage(std::vector<bool>(graph.size(), true)))
        << "seed " << seed;
  }
}

TEST(FinderRandomized, ClosuresAgreeWithANaiveSearch) {
  for (std::uint32_t seed = 1; seed <= 4000; ++seed) {
    Random random(seed);
    FakeGraph graph = some_graph(random);
    for (std::size_t i = random.below(3); i > 0; --i)
      graph.put_out_of_scope(random.below(graph.size()));
    graph.count_references();
    Search search(graph, static_cast<Index>(graph.size()));
    for (std::size_t i = 1 + random.below(3); i > 0; --i)
      search.finder.add(FakeGraph::address(random.below(graph.size())));
    search.finder.find(Reach::kClosure);
    std::vector<bool> looked_at(graph.size());
    for (Index i = 0; i < search.finder.size(); ++i)
      looked_at[FakeGraph::object(search.finder.object(i))] = true;
    ASSERT_EQ(search.garbage(graph.size()), graph.garbage(looked_at)) << "seed " << seed;
  }
}

TEST(FinderRandomized, ComponentsAgreeWithANaiveSearch) {
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    Random random(seed);
    FakeGraph graph = some_graph(random);
    graph.count_references();
    Search search(graph, static_cast<Index>(graph.size()));
    search.add_all(graph);
    search.finder.find(Reach::kAdded);
    const std::vector<bool> garbage = search.garbage(graph.size());
    const Numbers expected = graph.components(garbage);
    Components<FakeGraph> components(graph, search.tables);
    std::size_t groups = 0;
    for (std::size_t i = 0; i < graph.size(); ++i) {
      if (!garbage[i]) continue;
      ASSERT_EQ(components.of(static_cast<Index>(i)), expected[i]) << "seed " << seed;
      groups += expected[i] == i ? 1 : 0;
    }
    ASSERT_EQ(components.count(), groups) << "seed " << seed;
    std::vector<Index> sorted;
    for (std::size_t lowest = 0; lowest < graph.size(); ++lowest)
      for (std::size_t i = lowest; i < graph.size(); ++i)
        if (garbage[i] && expected[i] == lowest) sorted.push_back(static_cast<Index>(i));
    std::vector<Index> starts(graph.size());
    std::vector<Index> order(graph.size());
    order.resize(components.sort(starts.data(), order.data()));
    ASSERT_EQ(order, sorted) << "seed " << seed;
  }
}

TEST(Finder, ANumberedSearchGivesTheSameAnswersInTheSameOrder) {
  Random random(7);
  FakeGraph graph = some_graph(random);
  graph.count_references();
  std::vector<Address> orders[2];
  for (auto& order : orders) {
    Search search(graph, static_cast<Index>(graph.size()));
    search.finder.add(FakeGraph::address(0));
    search.finder.find(Reach::kClosure);
    for (Index i = 0; i < search.finder.size(); ++i) order.push_back(search.finder.object(i));
  }
  EXPECT_EQ(orders[0], orders[1]);
}

// 100 million objects: indices of 32 bits, at most 40 bytes for each, numbers by address included.
TEST(Tables, TakeAtMostFortyBytesForEachObject) {
  static_assert(sizeof(Index) == 4);
  for (const Index objects : {1000U, 65'537U, 1'000'000U, 100'000'000U, 1'500'000'000U}) {
    const std::size_t bytes = Tables::bytes_for(objects) + AddressTable::bytes_for(objects);
    EXPECT_LE(bytes, std::size_t{objects} * kMostBytesPerObject) << objects;
  }
}

}  // namespace
}  // namespace hoop::cycles
