// SPDX-License-Identifier: Apache-2.0
// The index against a model that looks at every slab.
#include "heap/slab_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/random.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::heap {
namespace {

using testing::Random;

// A space of several groups of chunks, all of its units taken; any record may play a slab.
class Index : public ::testing::Test {
 protected:
  static constexpr unsigned kChunks = 300;

  void SetUp() override {
    ASSERT_TRUE(space_.init(kGiB, SIZE_MAX));
    for (unsigned i = 0; i < kChunks * 2; ++i)
      ASSERT_NE(space_.take(64, UnitSpace::Placement::kAny), nullptr);
    ASSERT_TRUE(index_.init(kGiB));
  }
  void TearDown() override {
    os::fail_mappings_from_for_testing(0);
    index_.release();
    space_.release();
  }
  Slab* slab_at(unsigned chunk, unsigned unit, SizeClass size_class = 0,
                Domain domain = Domain::kMemory) {
    Slab* const slab = space_.records_of_chunk(chunk) + unit;
    slab->size_class = size_class;
    slab->domain = domain;
    return slab;
  }
  void put(Slab* slab, unsigned quarter) { ASSERT_TRUE(index_.put(space_, slab, quarter)); }
  Slab* take(SizeClass size_class = 0, Domain domain = Domain::kMemory) {
    return index_.take_fullest(space_, domain, size_class);
  }

  UnitSpace space_;
  SlabIndex index_;
};

TEST_F(Index, IsEmptyAtFirst) {
  for (unsigned size_class = 0; size_class < kClassCount; ++size_class) {
    EXPECT_EQ(take(static_cast<SizeClass>(size_class), Domain::kObject), nullptr);
  }
}

TEST_F(Index, TakesTheFullestQuarterFirst) {
  Slab* const sparse = slab_at(0, 0);
  Slab* const middle = slab_at(0, 1);
  Slab* const full = slab_at(250, 100);
  put(sparse, 0);
  put(middle, 2);
  put(full, 3);
  EXPECT_EQ(take(), full);
  EXPECT_EQ(take(), middle);
  EXPECT_EQ(take(), sparse);
  EXPECT_EQ(take(), nullptr);
}

TEST_F(Index, TakesTheLowestAddressOfAQuarter) {
  std::vector<Slab*> slabs;
  for (const unsigned chunk : {0u, 63u, 64u, 191u, 299u}) {
    for (const unsigned unit : {0u, 7u, 8u, 127u}) slabs.push_back(slab_at(chunk, unit));
  }
  for (std::size_t i = slabs.size(); i-- > 0;) put(slabs[i], 1);
  for (Slab* const slab : slabs) ASSERT_EQ(take(), slab);
  EXPECT_EQ(take(), nullptr);
}

TEST_F(Index, KeepsClassesAndDomainsApart) {
  Slab* const object = slab_at(0, 0, 5, Domain::kObject);
  Slab* const memory = slab_at(0, 1, 5, Domain::kMemory);
  Slab* const other = slab_at(0, 2, 6, Domain::kObject);
  for (Slab* const slab : {object, memory, other}) put(slab, 2);
  EXPECT_EQ(take(7, Domain::kObject), nullptr);
  EXPECT_EQ(take(5, Domain::kMemory), memory);
  EXPECT_EQ(take(5, Domain::kMemory), nullptr);
  EXPECT_EQ(take(5, Domain::kObject), object);
  EXPECT_EQ(take(6, Domain::kObject), other);
}

TEST_F(Index, MarksASlabWhileItIsInside) {
  Slab* const slab = slab_at(1, 1);
  EXPECT_EQ(slab->bucket_tag, 0u);
  put(slab, 3);
  EXPECT_NE(slab->bucket_tag, 0u);
  EXPECT_EQ(take(), slab);
  EXPECT_EQ(slab->bucket_tag, 0u);
}

TEST_F(Index, ForgetsARemovedSlab) {
  Slab* const first = slab_at(1, 1);
  Slab* const second = slab_at(1, 2);
  put(first, 3);
  put(second, 3);
  index_.remove(space_, first);
  index_.remove(space_, first);  // not inside: nothing to do
  EXPECT_EQ(first->bucket_tag, 0u);
  EXPECT_EQ(take(), second);
  EXPECT_EQ(take(), nullptr);
}

TEST_F(Index, FindsALowerSlabThatIsPutAfterAHigherOneWasTaken) {
  Slab* const high = slab_at(299, 0);
  Slab* const low = slab_at(2, 0);
  put(high, 0);
  EXPECT_EQ(take(), high);
  EXPECT_EQ(take(), nullptr);
  put(high, 0);
  put(low, 0);
  EXPECT_EQ(take(), low);
  EXPECT_EQ(take(), high);
}

TEST_F(Index, CommitsMemoryForTheGroupsInUseOnly) {
  const std::size_t before = index_.metadata_bytes();
  put(slab_at(0, 0), 0);
  const std::size_t one_group = index_.metadata_bytes();
  EXPECT_GT(one_group, before);
  put(slab_at(63, 0), 0);
  EXPECT_EQ(index_.metadata_bytes(), one_group);
  put(slab_at(64, 0), 0);
  EXPECT_GT(index_.metadata_bytes(), one_group);
}

TEST_F(Index, LeavesASlabOutWhenItsMemoryIsRefused) {
  Slab* const slab = slab_at(100, 3);
  for (int n = 1; n <= 2; ++n) {
    os::fail_mappings_from_for_testing(n);
    EXPECT_FALSE(index_.put(space_, slab, 2));
    os::fail_mappings_from_for_testing(0);
    EXPECT_EQ(slab->bucket_tag, 0u);
    EXPECT_EQ(take(), nullptr);
  }
  put(slab, 2);
  EXPECT_EQ(take(), slab);
}

TEST_F(Index, TakesWhatANaiveSearchWouldTake) {
  Random random = testing::seeded_random();
  // (domain, class) -> quarter -> slabs by address
  std::map<std::pair<unsigned, unsigned>, std::map<unsigned, std::map<Address, Slab*>>> naive;
  std::vector<Slab*> inside;
  const auto quarters_of = [&](const Slab* slab) -> auto& {
    return naive[{static_cast<unsigned>(slab->domain), slab->size_class}];
  };
  const auto forget = [&](Slab* slab) {
    for (auto& [quarter, slabs] : quarters_of(slab)) slabs.erase(space_.address_of(slab));
    inside.erase(std::find(inside.begin(), inside.end(), slab));
  };
  for (std::size_t step = 0; step < testing::scaled(200'000); ++step) {
    const bool grow = step / 3000 % 2 == 0;
    const auto size_class =
        static_cast<SizeClass>(random.percent(80) ? random.below(3) : random.below(kClassCount));
    const auto domain = static_cast<Domain>(random.below(kDomainCount));
    if (random.percent(grow ? 65 : 30)) {
      Slab* const slab =
          space_.records_of_chunk(static_cast<unsigned>(random.below(kChunks))) + random.below(128);
      if (slab->bucket_tag != 0) continue;
      slab->size_class = size_class;
      slab->domain = domain;
      const auto quarter = static_cast<unsigned>(random.below(SlabIndex::kQuarters));
      put(slab, quarter);
      quarters_of(slab)[quarter][space_.address_of(slab)] = slab;
      inside.push_back(slab);
    } else if (random.percent(40) && !inside.empty()) {
      Slab* const slab = inside[random.below(inside.size())];
      index_.remove(space_, slab);
      forget(slab);
    } else {
      Slab* expected = nullptr;
      auto& quarters = naive[{static_cast<unsigned>(domain), size_class}];
      for (unsigned quarter = SlabIndex::kQuarters; quarter-- > 0 && expected == nullptr;) {
        if (!quarters[quarter].empty()) expected = quarters[quarter].begin()->second;
      }
      ASSERT_EQ(take(size_class, domain), expected) << "step " << step;
      if (expected != nullptr) forget(expected);
    }
  }
}

TEST(SlabIndex, QuartersCoverEveryFilling) {
  for (unsigned capacity = 2; capacity <= kMaxBlocksPerSlab; ++capacity) {
    for (unsigned live = 1; live < capacity; ++live) {
      const unsigned quarter = SlabIndex::quarter_of(live, capacity);
      ASSERT_LT(quarter, SlabIndex::kQuarters);
      ASSERT_GE(live, SlabIndex::least_live(quarter, capacity)) << live << " of " << capacity;
      if (quarter + 1 < SlabIndex::kQuarters) {
        ASSERT_LT(live, SlabIndex::least_live(quarter + 1, capacity)) << live << " of " << capacity;
      }
    }
  }
}

TEST(SlabIndex, ReportsWhenItsAddressSpaceIsRefusedAndLeavesNoneBehind) {
  for (int n = 1; n <= 2; ++n) {
    const std::size_t before = os::read_memory_use().virtual_bytes;
    SlabIndex index;
    os::fail_mappings_from_for_testing(n);
    EXPECT_FALSE(index.init(64 * kGiB));
    os::fail_mappings_from_for_testing(0);
    index.release();
    EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
  }
}

TEST(SlabIndex, LeavesNoAddressSpaceBehindAfterRelease) {
  for (const std::size_t bytes : {kChunkBytes, 64 * kMiB, 300 * kMiB, 64 * kGiB}) {
    const std::size_t before = os::read_memory_use().virtual_bytes;
    SlabIndex index;
    ASSERT_TRUE(index.init(bytes));
    index.release();
    EXPECT_EQ(os::read_memory_use().virtual_bytes, before) << bytes;
  }
}

}  // namespace
}  // namespace hoop::heap
