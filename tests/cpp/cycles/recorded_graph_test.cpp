// SPDX-License-Identifier: Apache-2.0
#include "cycles/recorded_graph.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.h"
#include "cpp/support/fake_graph.h"
#include "cpp/support/placed_graph.h"
#include "cpp/support/random.h"
#include "cpp/support/recorded_search.h"
#include "cycles/host.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::cycles {
namespace {

using testing::FakeGraph;
using testing::Garbage;
using testing::PlacedGraph;
using testing::problem_with;
using testing::Random;
using testing::RecordedSearch;
using testing::some_graph;

using Rows = std::vector<Address>;

Rows references(const RecordedGraph& graph, Address row) {
  Rows found;
  graph.for_each_reference(row, [&](Address target) { found.push_back(target); });
  return found;
}
Rows weak_references(const RecordedGraph& graph, Address row) {
  Rows found;
  graph.for_each_weak_reference(row, [&](Address target) { found.push_back(target); });
  return found;
}

TEST(RecordedGraph, KeepsCountsAndReferencesInTheirOrder) {
  RecordedGraph graph;
  ASSERT_TRUE(graph.init(4));
  EXPECT_EQ(graph.size(), 0U);
  graph.begin_row(7);
  for (const Index target : {3U, 0U, 3U}) graph.add_reference(target);
  graph.begin_row(0);
  graph.begin_row(kAlwaysLive);
  graph.add_reference(1);
  graph.add_weak_reference(0);
  graph.add_reference(2);
  graph.begin_row(1);
  EXPECT_EQ(graph.size(), 4U);
  EXPECT_EQ(graph.count_of(0), 7U);
  EXPECT_EQ(graph.count_of(2), kAlwaysLive);
  EXPECT_EQ(references(graph, 0), (Rows{3, 0, 3}));
  EXPECT_EQ(references(graph, 1), Rows{});
  EXPECT_EQ(references(graph, 2), (Rows{1, 2}));
  EXPECT_EQ(weak_references(graph, 2), Rows{0});
  EXPECT_EQ(references(graph, 3), Rows{});
  EXPECT_FALSE(graph.is_damaged());
}

TEST(RecordedGraph, TakesTheHighestRowsStronglyAndWeakly) {
  RecordedGraph graph;
  ASSERT_TRUE(graph.init(1));
  graph.begin_row(0);
  graph.add_reference(RecordedGraph::kMaxRows - 1);
  graph.add_weak_reference(RecordedGraph::kMaxRows - 1);
  EXPECT_EQ(references(graph, 0), Rows{RecordedGraph::kMaxRows - 1});
  EXPECT_EQ(weak_references(graph, 0), Rows{RecordedGraph::kMaxRows - 1});
}

TEST(RecordedGraph, MayHaveNoRows) {
  RecordedGraph graph;
  ASSERT_TRUE(graph.init(0));
  EXPECT_EQ(graph.size(), 0U);
}

// The first capacity is a quarter of a million references.
constexpr Index kManyReferences = 1'200'000;

TEST(RecordedGraph, GrowsAsReferencesCome) {
  const std::size_t before = os::read_memory_use().virtual_bytes;
  {
    RecordedGraph graph;
    ASSERT_TRUE(graph.init(3));
    for (Index row = 0; row < 3; ++row) {
      graph.begin_row(row);
      for (Index i = row; i < kManyReferences; i += 3) graph.add_reference(i);
    }
    ASSERT_FALSE(graph.is_damaged());
    for (Index row = 0; row < 3; ++row) {
      Index expected = row;
      graph.for_each_reference(row, [&](Address target) {
        ASSERT_EQ(target, expected);
        expected += 3;
      });
      EXPECT_GE(expected, kManyReferences);
    }
  }
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
}

class RecordedGraphOutOfMemory : public ::testing::Test {
 protected:
  ~RecordedGraphOutOfMemory() override { os::fail_mappings_from_for_testing(0); }
};

TEST_F(RecordedGraphOutOfMemory, RefusesToBegin) {
  const std::size_t before = os::read_memory_use().virtual_bytes;
  for (const int n : {1, 2}) {
    os::fail_mappings_from_for_testing(n);
    RecordedGraph graph;
    EXPECT_FALSE(graph.init(100)) << n;
  }
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
}

TEST_F(RecordedGraphOutOfMemory, IsDamagedAndStaysSo) {
  RecordedGraph graph;
  ASSERT_TRUE(graph.init(2));
  graph.begin_row(0);
  os::fail_mappings_from_for_testing(1);
  Index added = 0;
  while (!graph.is_damaged() && added < kManyReferences) graph.add_reference(added++);
  EXPECT_TRUE(graph.is_damaged());
  graph.add_weak_reference(0);
  os::fail_mappings_from_for_testing(0);
  graph.begin_row(5);
  graph.add_reference(1);
  EXPECT_TRUE(graph.is_damaged()) << "a reference is missing for good";
  EXPECT_EQ(references(graph, 0).size(), added - 1U) << "what was written before is there";
  EXPECT_EQ(references(graph, 1), Rows{1});
  EXPECT_EQ(graph.count_of(1), 5U);
}

// --- written down and searched -------------------------------------------------------------------

// Half of what keeps objects alive, chosen at random; the finder has to see the other half.
std::vector<std::size_t> some_roots(const FakeGraph& graph, Random& random) {
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < graph.size(); ++i)
    if (graph.external(i) != 0 && random.below(2) == 0) roots.push_back(i);
  for (const std::size_t pinned : graph.pinned())
    if (random.below(2) == 0) roots.push_back(pinned);
  return roots;
}

TEST(RecordedSearch, SortsComponentsThatWeakReferencesJoin) {
  FakeGraph graph(7);
  for (const std::size_t i : {0U, 2U, 4U}) {
    graph.link(i, i + 1);
    graph.link(i + 1, i);
  }
  graph.link_weakly(0, 4);
  graph.refer_from_outside(6);
  graph.count_references();
  const PlacedGraph placed(graph);
  const std::optional<Garbage> found = RecordedSearch(placed, {6}).run();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rows, (std::vector<std::vector<Index>>{{0, 1, 4, 5}, {2, 3}}));
  EXPECT_EQ(found->overcounts, 0U);
}

TEST(RecordedSearch, FindsNothingInNothing) {
  const FakeGraph graph(0);
  const PlacedGraph placed(graph);
  const std::optional<Garbage> found = RecordedSearch(placed, {}).run();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->rows.empty());
}

TEST(RecordedSearch, TakesWhatHasTooManyReferencesToBeAlive) {
  FakeGraph graph(5);
  graph.link(0, 1);
  graph.link(1, 0);
  graph.link(1, 2);
  graph.link(3, 4);
  graph.link(4, 3);
  graph.count_references();
  graph.set_count(0, 0);  // 1 names a reference that it does not own
  const PlacedGraph placed(graph);
  const std::optional<Garbage> found = RecordedSearch(placed, {}).run();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rows, (std::vector<std::vector<Index>>{{3, 4}}));
  EXPECT_EQ(found->overcounts, 1U);
}

TEST(RecordedSearchRandomized, AgreesWithANaiveSearch) {
  Random random = testing::seeded_random();
  for (int round = 0; round < 3000; ++round) {
    FakeGraph graph = some_graph(random);
    graph.count_references();
    const PlacedGraph placed(graph, random);
    const std::optional<Garbage> found = RecordedSearch(placed, some_roots(graph, random)).run();
    ASSERT_TRUE(found);
    ASSERT_EQ(problem_with(*found, graph), "") << "round " << round;
    ASSERT_EQ(found->overcounts, 0U);
  }
}

// As above, where an object counts less than there are references to it: all of it lives.
TEST(RecordedSearchRandomized, TakesOvercountedObjectsToBeAlive) {
  Random random = testing::seeded_random();
  for (int round = 0; round < 3000; ++round) {
    FakeGraph graph = some_graph(random);
    graph.count_references();
    const std::size_t object = random.below(graph.size());
    const std::uint32_t count = graph.count_of(FakeGraph::address(object));
    const PlacedGraph placed(graph);
    if (count == 0 || count == kAlwaysLive || graph.external(object) != 0) continue;
    graph.set_count(object, static_cast<std::uint32_t>(random.below(count)));
    const std::optional<Garbage> found = RecordedSearch(placed, {}).run();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->overcounts, 1U);
    graph.pin(object);
    ASSERT_EQ(problem_with(*found, graph), "") << "round " << round;
  }
}

// Mappings fail from the n-th on, for each n: no answer, or the right one.
TEST_F(RecordedGraphOutOfMemory, GivesNoWrongAnswer) {
  Random random = testing::seeded_random();
  FakeGraph graph(1000);
  // The last hundred are alive; what is written down does not depend on the random links.
  for (int i = 0; i < 1000; ++i) {
    graph.link(random.below(900), random.below(1000));
    graph.link(900 + random.below(100), 900 + random.below(100));
  }
  for (Index i = 0; i < kManyReferences; ++i) graph.link(i % 500, i % 7);
  graph.refer_from_outside(999);
  graph.count_references();
  const PlacedGraph placed(graph);
  int failed = 0;
  for (int n = 1;; ++n) {
    os::fail_mappings_from_for_testing(n);
    const std::optional<Garbage> found = RecordedSearch(placed, {999}).run();
    if (found) {
      EXPECT_EQ(problem_with(*found, graph), "");
      break;
    }
    ++failed;
  }
  EXPECT_EQ(failed, 9) << "bits, stack, columns, references, three times more, tables, sorting";
}

}  // namespace
}  // namespace hoop::cycles
