// SPDX-License-Identifier: Apache-2.0
#include "cycles/marker.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/units.h"
#include "cpp/support/fake_graph.h"
#include "cpp/support/placed_graph.h"
#include "cpp/support/random.h"
#include "cycles/host.h"
#include "cycles/object_map.h"
#include "cycles/prefetch_ring.h"

namespace hoop::cycles {
namespace {

using testing::FakeGraph;
using testing::PlacedGraph;
using testing::Random;

constexpr Address kBase = 16 * kGiB;

// Objects in a row, 16 bytes each, that notes what the marker does with each of them.
class Row {
 public:
  explicit Row(std::size_t objects) : targets_(objects), steps_(objects) {}

  static Address at(std::size_t object) { return kBase + 16 * object; }
  void link(std::size_t from, std::size_t to) { targets_[from].push_back(at(to)); }
  void link_to_address(std::size_t from, Address to) { targets_[from].push_back(to); }
  [[nodiscard]] std::size_t size() const { return steps_.size(); }

  // Every object was taken through its steps in order, or not at all.
  [[nodiscard]] std::size_t looked_at() const {
    std::size_t count = 0;
    for (const unsigned steps : steps_) {
      EXPECT_TRUE(steps == 0 || steps == 3);
      count += steps == 3 ? 1 : 0;
    }
    return count;
  }

  // --- the host ---
  void prefetch_object(Address object) { step(object, 0); }
  void prefetch_content(Address object) { step(object, 1); }
  template <class F>
  void for_each_reference(Address object, F&& visit) {
    step(object, 2);
    for (const Address target : targets_[number(object)]) visit(target);
  }

 private:
  static std::size_t number(Address object) { return (object - kBase) / 16; }
  void step(Address object, unsigned expected) {
    ASSERT_EQ(steps_[number(object)]++, expected) << number(object);
  }

  std::vector<std::vector<Address>> targets_;
  std::vector<unsigned> steps_;
};

// All objects of a row in a map, and a stack with a place for each and no more.
class Marking {
 public:
  explicit Marking(Row& row)
      : span_(round_up(16 * row.size(), std::size_t{1} << ObjectMap::kRegionShift)),
        memory_(new std::byte[ObjectMap::bytes_for(span_, 4)]()),
        stack_(new Address[row.size()]),
        map(memory_.get(), kBase, span_, 4),
        marker(row, map, stack_.get()) {
    for (std::size_t i = 0; i < row.size(); ++i) map.add(Row::at(i));
  }

  std::size_t unmarked() { return map.number_unmarked(); }
  bool is_live(std::size_t object) { return !map.mark_live(Row::at(object)); }

 private:
  std::size_t span_;
  std::unique_ptr<std::byte[]> memory_;
  std::unique_ptr<Address[]> stack_;

 public:
  ObjectMap map;
  Marker<Row> marker;
};

TEST(Marker, MarksNothingWithoutRoots) {
  Row row(3);
  row.link(0, 1);
  Marking marking(row);
  marking.marker.drain();
  EXPECT_EQ(marking.unmarked(), 3U);
  EXPECT_EQ(row.looked_at(), 0U);
}

TEST(Marker, MarksWhatRootsReachAndNothingElse) {
  Row row(8);
  row.link(0, 1);
  row.link(1, 2);
  row.link(2, 0);
  row.link(3, 0);
  row.link(4, 5);
  row.link(5, 4);
  row.link(6, 6);
  Marking marking(row);
  marking.marker.mark_from(Row::at(0));
  marking.marker.mark_from(Row::at(6));
  marking.marker.drain();
  EXPECT_EQ(row.looked_at(), 4U);
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(marking.is_live(i), i <= 2 || i == 6) << i;
}

TEST(Marker, LooksAtARootOnceHoweverOftenItIsNamed) {
  Row row(1);
  row.link(0, 0);
  Marking marking(row);
  for (int i = 0; i < 100; ++i) marking.marker.mark_from(Row::at(0));
  marking.marker.drain();
  marking.marker.mark_from(Row::at(0));
  marking.marker.drain();
  EXPECT_EQ(row.looked_at(), 1U);
}

TEST(Marker, PassesOverWhatIsNoObject) {
  Row row(2);
  const Address nothing[] = {0, 16, kBase - 16, kBase + 64, kBase + kMiB, 64 * kGiB, ~Address{0}};
  for (const Address address : nothing) row.link_to_address(0, address);
  row.link(0, 1);
  for (const Address address : nothing) row.link_to_address(1, address);
  Marking marking(row);
  for (const Address address : nothing) marking.marker.mark_from(address);
  marking.marker.mark_from(Row::at(0));
  marking.marker.drain();
  EXPECT_EQ(row.looked_at(), 2U);
}

TEST(Marker, GoesOnFromRootsThatComeLater) {
  Row row(100);
  for (std::size_t i = 0; i + 10 < 100; ++i) row.link(i, i + 10);
  Marking marking(row);
  for (std::size_t i = 0; i < 10; ++i) {
    marking.marker.mark_from(Row::at(i));
    marking.marker.drain();
    EXPECT_EQ(row.looked_at(), 10 * (i + 1));
  }
  EXPECT_EQ(marking.unmarked(), 0U);
}

TEST(Marker, ReachesTheEndOfAChainOfAMillion) {
  constexpr std::size_t kObjects = 1'000'000;
  Row row(kObjects);
  for (std::size_t i = 0; i + 1 < kObjects; ++i) row.link(i, i + 1);
  Marking marking(row);
  marking.marker.mark_from(Row::at(0));
  marking.marker.drain();
  EXPECT_EQ(marking.unmarked(), 0U);
  EXPECT_EQ(row.looked_at(), kObjects);
}

// Every number around the lengths of the lines that objects wait in.
TEST(Marker, ReachesAllTargetsOfAnObjectHoweverManyThereAre) {
  for (std::size_t targets = 0; targets <= 5 * PrefetchRing::kLength; ++targets) {
    Row row(targets + 1);
    for (std::size_t i = 1; i <= targets; ++i) row.link(0, i);
    Marking marking(row);
    marking.marker.mark_from(Row::at(0));
    marking.marker.drain();
    ASSERT_EQ(row.looked_at(), targets + 1);
  }
}

TEST(Marker, NeedsAPlaceOnItsStackForEachObjectAtMost) {
  constexpr std::size_t kObjects = 2000;
  Row row(kObjects);
  for (std::size_t i = 0; i < kObjects; ++i) {
    for (std::size_t k = 0; k < kObjects; k += 1 + i % 7) row.link(i, (i + k) % kObjects);
  }
  Marking marking(row);
  for (std::size_t i = 0; i < kObjects; ++i) marking.marker.mark_from(Row::at(i));
  marking.marker.drain();
  EXPECT_EQ(row.looked_at(), kObjects);
}

TEST(MarkerRandomized, AgreesWithANaiveSearch) {
  Random random = testing::seeded_random();
  for (int round = 0; round < 2000; ++round) {
    const FakeGraph graph = testing::some_graph(random);
    const PlacedGraph placed(graph, random);
    std::vector<std::byte> memory(
        ObjectMap::bytes_for(PlacedGraph::kSpan, PlacedGraph::kOtherRegions));
    ObjectMap map(memory.data(), PlacedGraph::kBase, PlacedGraph::kSpan,
                  PlacedGraph::kOtherRegions);
    std::vector<bool> entered;
    for (std::size_t i = 0; i < graph.size(); ++i)
      entered.push_back(placed.is_tracked(i) && map.add(placed.place_of(i)));
    std::vector<Address> stack(graph.size());
    Marker<const PlacedGraph> marker(placed, map, stack.data());
    // An object that is not there keeps nothing alive.
    FakeGraph rooted(graph.size());
    for (std::size_t i = 0; i < graph.size(); ++i)
      for (const std::size_t target : graph.edges(i))
        if (entered[i]) rooted.link(i, target);
    for (std::uint64_t roots = random.below(4); roots > 0; --roots) {
      const std::size_t root = random.below(graph.size());
      rooted.refer_from_outside(root);
      marker.mark_from(placed.place_of(root));
    }
    marker.drain();
    const std::vector<bool> unreached = rooted.garbage(entered);
    map.number_unmarked();
    for (std::size_t i = 0; i < graph.size(); ++i)
      ASSERT_EQ(map.number_of(placed.place_of(i)) != kNoIndex, unreached[i])
          << "round " << round << ", object " << i;
  }
}

}  // namespace
}  // namespace hoop::cycles
