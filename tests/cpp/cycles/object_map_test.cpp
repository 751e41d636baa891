// SPDX-License-Identifier: Apache-2.0
#include "cycles/object_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <set>
#include <vector>

#include "base/units.h"
#include "cpp/support/build.h"
#include "cpp/support/random.h"
#include "cycles/host.h"

namespace hoop::cycles {
namespace {

using testing::Random;

// The map only computes with addresses: no memory need be there.
constexpr Address kBase = 64 * kGiB;
constexpr std::size_t kSpan = 6 * kMiB;
constexpr Address kElsewhere = 512 * kGiB;
constexpr Address kRegion = Address{1} << ObjectMap::kRegionShift;
constexpr std::size_t kOtherRegions = 8;
constexpr std::size_t kMostOthers = 6;  // three quarters of them

// A map in exactly the memory that it asks for: a byte behind it would be a fault.
class OwnMap {
 public:
  explicit OwnMap(Address base = kBase, std::size_t span = kSpan,
                  std::size_t other_regions = kOtherRegions)
      : memory_(new std::byte[ObjectMap::bytes_for(span, other_regions)]()),
        map(memory_.get(), base, span, other_regions) {}

  std::vector<Address> unmarked() const {
    std::vector<Address> found;
    map.for_each_unmarked([&](Address object) { found.push_back(object); });
    return found;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;

 public:
  ObjectMap map;
};

using Addresses = std::vector<Address>;

TEST(ObjectMap, IsEmptyAtFirst) {
  OwnMap own;
  for (const Address address : {Address{0}, Address{16}, kBase, kBase + kSpan - 16, kElsewhere}) {
    EXPECT_FALSE(own.map.contains(address));
    EXPECT_FALSE(own.map.mark_live(address));
    own.map.remove(address);
  }
  EXPECT_EQ(own.map.number_unmarked(), 0U);
  EXPECT_EQ(own.map.number_of(kBase), kNoIndex);
  EXPECT_EQ(own.map.number_of(kElsewhere), kNoIndex);
  EXPECT_EQ(own.unmarked(), Addresses{});
}

TEST(ObjectMap, HoldsObjectsInItsSpanAndAtTheEdges) {
  OwnMap own;
  const Addresses objects = {kBase - 16, kBase, kBase + 16, kBase + kSpan - 16, kBase + kSpan};
  for (const Address object : objects) EXPECT_TRUE(own.map.add(object));
  for (const Address object : objects) {
    EXPECT_TRUE(own.map.contains(object));
    EXPECT_FALSE(own.map.add(object)) << "it is there";
  }
  EXPECT_FALSE(own.map.contains(kBase - 32));
  EXPECT_FALSE(own.map.contains(kBase + 32));
  EXPECT_FALSE(own.map.contains(kBase + kSpan - 32));
  EXPECT_FALSE(own.map.contains(kBase + kSpan + 16));
}

TEST(ObjectMap, TellsTheSamePlaceInDifferentRegionsApart) {
  OwnMap own;
  EXPECT_TRUE(own.map.add(kBase + 160));
  EXPECT_TRUE(own.map.add(kElsewhere + 160));
  for (const Address region : {kBase + kRegion, kBase + 2 * kRegion, kElsewhere + kRegion,
                               kElsewhere - kRegion, kElsewhere + kGiB})
    EXPECT_FALSE(own.map.contains(region + 160));
}

TEST(ObjectMap, MarkingIsNewsOnce) {
  OwnMap own;
  for (const Address object : {kBase + 48, kElsewhere}) {
    EXPECT_FALSE(own.map.mark_live(object)) << "it is no object yet";
    own.map.add(object);
    EXPECT_TRUE(own.map.mark_live(object));
    EXPECT_FALSE(own.map.mark_live(object));
    EXPECT_TRUE(own.map.contains(object));
  }
}

TEST(ObjectMap, NumbersWhatIsNotMarkedInAddressOrder) {
  OwnMap own;
  const Addresses objects = {kBase, kBase + 16, kBase + 1008, kBase + 1024, kBase + 5 * kMiB};
  for (auto object = objects.rbegin(); object != objects.rend(); ++object) own.map.add(*object);
  own.map.mark_live(kBase + 16);
  EXPECT_EQ(own.map.number_unmarked(), 4U);
  EXPECT_EQ(own.map.number_of(kBase), 0U);
  EXPECT_EQ(own.map.number_of(kBase + 16), kNoIndex) << "it is alive";
  EXPECT_EQ(own.map.number_of(kBase + 32), kNoIndex) << "it is no object";
  EXPECT_EQ(own.map.number_of(kBase + 1008), 1U);
  EXPECT_EQ(own.map.number_of(kBase + 1024), 2U);
  EXPECT_EQ(own.map.number_of(kBase + 5 * kMiB), 3U);
  EXPECT_EQ(own.unmarked(), (Addresses{kBase, kBase + 1008, kBase + 1024, kBase + 5 * kMiB}));
}

TEST(ObjectMap, RefusesRegionsBeyondThreeQuartersAndKeepsTheOthers) {
  OwnMap own;
  for (std::size_t i = 0; i < kMostOthers; ++i)
    EXPECT_TRUE(own.map.add(kElsewhere + i * kRegion)) << i;
  EXPECT_FALSE(own.map.add(kElsewhere + kMostOthers * kRegion));
  EXPECT_FALSE(own.map.contains(kElsewhere + kMostOthers * kRegion));
  EXPECT_FALSE(own.map.mark_live(kElsewhere + kMostOthers * kRegion));
  for (std::size_t i = 0; i < kMostOthers; ++i) {
    EXPECT_TRUE(own.map.contains(kElsewhere + i * kRegion));
    EXPECT_TRUE(own.map.add(kElsewhere + i * kRegion + kRegion - 16)) << "a region that is known";
  }
  EXPECT_TRUE(own.map.add(kBase));
  EXPECT_EQ(own.map.number_unmarked(), 2 * kMostOthers + 1);
}

TEST(ObjectMap, HasNoObjectsInTheFirstRegion) {
  OwnMap own;
  for (const Address address : {Address{0}, Address{16}, kRegion - 16}) {
    EXPECT_FALSE(own.map.add(address));
    EXPECT_FALSE(own.map.contains(address));
    // Other regions are there now, whose free slots are 0.
    own.map.add(kElsewhere);
    EXPECT_FALSE(own.map.add(address));
    EXPECT_FALSE(own.map.mark_live(address));
    EXPECT_EQ(own.map.number_of(address), kNoIndex);
  }
  EXPECT_TRUE(own.map.add(kRegion));
}

TEST(ObjectMap, HasObjectsInTheLastRegion) {
  OwnMap own;
  const Address last = ~Address{0} - 15;
  EXPECT_TRUE(own.map.add(last));
  EXPECT_TRUE(own.map.contains(last));
  EXPECT_EQ(own.unmarked(), Addresses{last});
}

TEST(ObjectMap, NeedsNoSpan) {
  OwnMap own(0, 0, 4);
  EXPECT_TRUE(own.map.add(kElsewhere));
  EXPECT_FALSE(own.map.add(16));
  EXPECT_EQ(own.map.number_unmarked(), 1U);
  EXPECT_EQ(own.unmarked(), Addresses{kElsewhere});
}

// --- against a naive model -----------------------------------------------------------------------

class Model {
 public:
  bool add(Address object) {
    const Address region = object / kRegion;
    const bool in_span = object >= kBase && object < kBase + kSpan;
    if (!in_span && !regions_.contains(region)) {
      if (region == 0 || regions_.size() == kMostOthers) return false;
      regions_.insert(region);
    }
    return known_.insert(object).second;
  }
  void remove(Address object) { known_.erase(object); }
  [[nodiscard]] bool contains(Address object) const { return known_.contains(object); }
  bool mark_live(Address object) { return contains(object) && live_.insert(object).second; }
  [[nodiscard]] bool is_marked(Address object) const { return live_.contains(object); }
  [[nodiscard]] Addresses unmarked() const {
    Addresses found;
    std::set_difference(known_.begin(), known_.end(), live_.begin(), live_.end(),
                        std::back_inserter(found));
    return found;
  }

 private:
  std::set<Address> known_;
  std::set<Address> live_;
  std::set<Address> regions_;
};

Address any_address(Random& random) {
  const Address near = random.below(512) * 16;
  switch (random.below(8)) {
    case 0:
      return kBase + near;
    case 1:
      return kBase + kSpan - 16 - near;
    case 2:
      return kBase - 16 - near;
    case 3:
      return kBase + kSpan + near;
    case 4:
      return kElsewhere + random.below(8) * kRegion + near;
    case 5:
      return near;  // the first region
    default:
      return kBase + random.below(kSpan / 16) * 16;
  }
}

class ObjectMapRandomized : public ::testing::Test {
 protected:
  // Objects are removed before any is marked, as in a walk of their lists.
  void act(Random& random, std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) {
      const Address object = any_address(random);
      if (random.percent(70)) {
        ASSERT_EQ(own_.map.add(object), model_.add(object)) << object;
      } else {
        own_.map.remove(object);
        model_.remove(object);
      }
      const Address asked = any_address(random);
      ASSERT_EQ(own_.map.contains(asked), model_.contains(asked)) << asked;
    }
    for (std::size_t i = 0; i < steps; ++i) {
      const Address object = any_address(random);
      ASSERT_EQ(own_.map.mark_live(object), model_.mark_live(object)) << object;
    }
  }
  void check_numbers(Random& random) {
    const Addresses found = own_.unmarked();
    ASSERT_EQ(own_.map.number_unmarked(), found.size());
    for (Index i = 0; i < found.size(); ++i) ASSERT_EQ(own_.map.number_of(found[i]), i);
    Addresses sorted = found;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, model_.unmarked());
    for (int i = 0; i < 1000; ++i) {
      const Address asked = any_address(random);
      const bool has_number = model_.contains(asked) && !model_.is_marked(asked);
      ASSERT_EQ(own_.map.number_of(asked) != kNoIndex, has_number) << asked;
    }
  }

  OwnMap own_;
  Model model_;
};

TEST_F(ObjectMapRandomized, FewObjectsAgreeWithSets) {
  Random random = testing::seeded_random();
  for (int round = 0; round < 200; ++round) {
    own_ = OwnMap();
    model_ = Model();
    act(random, 1 + random.below(100));
    check_numbers(random);
    if (HasFatalFailure()) return;
  }
}

TEST_F(ObjectMapRandomized, ManyObjectsAgreeWithSets) {
  Random random = testing::seeded_random();
  act(random, testing::scaled(400'000));
  check_numbers(random);
}

}  // namespace
}  // namespace hoop::cycles
