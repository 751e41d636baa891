// SPDX-License-Identifier: Apache-2.0
// What a heap gives back, page by page, against the ideal: every page without a part of a live
// block. The kernel says what is resident.
#include "cpp/support/residency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/heap_driver.h"
#include "cpp/support/heap_model.h"
#include "cpp/support/random.h"
#include "heap/heap.h"

namespace hoop::heap {
namespace {

using testing::HeapModel;
using testing::Random;

class Residency : public ::testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.huge_pages = false;
    init(options);
  }
  void TearDown() override {
    EXPECT_TRUE(heap_.validate());
    heap_.release();
  }
  void init(const Options& options) {
    heap_.release();
    ASSERT_TRUE(heap_.init(options));
    testing::without_own_ticks(heap_);
  }

  // Pages of the heap that hold a part of a live block.
  [[nodiscard]] std::vector<bool> live_pages() const {
    std::vector<bool> live(heap_.extent() / kPageBytes);
    heap_.for_each_block([&](const LiveBlock& block) {
      if (block.start - heap_.base() >= heap_.extent()) return;
      const std::size_t first = (block.start - heap_.base()) / kPageBytes;
      const std::size_t last = (block.start + block.bytes - 1 - heap_.base()) / kPageBytes;
      for (std::size_t page = first; page <= last; ++page) live[page] = true;
    });
    return live;
  }
  [[nodiscard]] std::vector<bool> resident_pages() const {
    return testing::resident_pages(heap_.base(), heap_.extent());
  }
  [[nodiscard]] std::size_t resident_bytes() const {
    return testing::resident_bytes(heap_.base(), heap_.extent());
  }
  // Resident pages that hold no live block.
  [[nodiscard]] std::vector<Address> wasted_pages() const {
    const std::vector<bool> live = live_pages();
    const std::vector<bool> resident = resident_pages();
    std::vector<Address> wasted;
    for (std::size_t page = 0; page < live.size(); ++page) {
      if (resident[page] && !live[page]) wasted.push_back(heap_.base() + page * kPageBytes);
    }
    return wasted;
  }
  // What may stay after a trim: the rest of each page run's last unit.
  [[nodiscard]] std::size_t pages_behind_runs() const {
    const Statistics statistics = heap_.statistics();
    const std::size_t runs = statistics.domains[0].runs + statistics.domains[1].runs;
    return runs * (kUnitBytes / kPageBytes - 1);
  }
  // Ticks until nothing more comes.
  std::size_t quiet_rounds() {
    std::size_t given = 0;
    for (int round = 0; round < 6; ++round) {
      now_ += Trimmer::kRoundInterval;
      given += heap_.tick(now_);
      while (heap_.trim_is_due(now_)) given += heap_.tick(now_);
    }
    return given;
  }
  static void allocate(HeapModel& model, std::size_t count, Random& random) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t most = random.percent(80) ? 600 : random.percent(95) ? 33'000 : 400'000;
      model.allocate(random.below(most), static_cast<Domain>(random.below(2)));
    }
  }
  // Frees stretches of blocks that were allocated one after the other, and single ones between.
  static void thin_out(HeapModel& model, Random& random) {
    std::vector<bool> dies(model.size());
    for (std::size_t i = 0; i < dies.size();) {
      const std::size_t length = random.between(1, 300);
      const unsigned chance = random.percent(50) ? 100 : static_cast<unsigned>(random.below(100));
      for (const std::size_t end = i + length; i < end && i < dies.size(); ++i)
        dies[i] = random.percent(chance);
    }
    // From the end: free() moves the last one into the gap.
    for (std::size_t i = dies.size(); i-- > 0;) {
      if (dies[i]) model.free(i);
    }
  }

  Heap heap_;
  Nanoseconds now_ = os::monotonic_now();
};

TEST_F(Residency, TrimLeavesOnlyPagesOfLiveBlocks) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  allocate(model, testing::scaled(20'000), random);
  thin_out(model, random);
  EXPECT_GT(heap_.trim(), 0u);
  EXPECT_EQ(wasted_pages().size(), 0u);
  EXPECT_EQ(live_pages(), resident_pages()) << "and all of these, since each was written to";
  model.check();
  EXPECT_EQ(model.problem(), "");
}

// Units given up by one slab and taken by another one keep their memory between: it counts too.
TEST_F(Residency, TrimLeavesOnlyPagesOfLiveBlocksAfterUnitsWereReused) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  for (int round = 0; round < 5; ++round) {
    allocate(model, testing::scaled(5000), random);
    thin_out(model, random);
  }
  heap_.trim();
  EXPECT_LE(wasted_pages().size(), pages_behind_runs());
  model.check();
  EXPECT_EQ(model.problem(), "");
}

TEST_F(Residency, TrimFindsThePagesOfAReusedUnitThatItsNewSlabNeverUsed) {
  void* const run = heap_.allocate(40 * kKiB);
  std::memset(run, 1, 40 * kKiB);
  heap_.free(run);
  ASSERT_EQ(heap_.allocate(64), run) << "the case that matters: the same unit";
  std::memset(run, 1, 64);
  heap_.trim();
  EXPECT_EQ(resident_bytes(), kPageBytes);
}

TEST_F(Residency, AnEmptyHeapHoldsNothingAfterTrim) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  allocate(model, testing::scaled(20'000), random);
  model.free_all();
  heap_.trim();
  EXPECT_EQ(resident_bytes(), 0u);
  EXPECT_EQ(heap_.statistics().touched_bytes, 0u);
  EXPECT_EQ(heap_.trim(), 0u);
}

TEST_F(Residency, TicksLeaveWhatIsInUseAndGiveTheRestBack) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  for (int i = 0; i < 30'000; ++i) model.allocate(1 + random.below(48), Domain::kMemory);
  thin_out(model, random);
  quiet_rounds();
  // Idle pages may stay in the slabs that are current: one for each of the three classes.
  std::set<Address> units;
  for (const Address page : wasted_pages()) units.insert(page / kUnitBytes);
  EXPECT_LE(units.size(), 3u);
  model.check();
  EXPECT_EQ(model.problem(), "");
}

TEST_F(Residency, TicksGiveBackInStepsAsAProgramFreesSlowly) {
  // Pages fall idle through the fast path only; the countdown of each slab must notice.
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  for (int i = 0; i < 20'000; ++i) model.allocate(40 + random.below(9), Domain::kMemory);
  while (model.size() > 200) {
    for (int i = 0; i < 200; ++i) model.free(random.below(model.size()));
    now_ += Trimmer::kRoundInterval;
    while (heap_.trim_is_due(now_)) heap_.tick(now_);
  }
  quiet_rounds();
  std::set<Address> units;
  for (const Address page : wasted_pages()) units.insert(page / kUnitBytes);
  EXPECT_LE(units.size(), 1u) << "idle pages may stay in the current slab only";
  EXPECT_EQ(model.problem(), "");
}

TEST_F(Residency, TicksGiveBackWhatALargeCurrentSlabDoesNotUse) {
  // The first block of its class, in units that a run has written to.
  void* const run = heap_.allocate(64 * kKiB);
  std::memset(run, 1, 64 * kKiB);
  heap_.free(run);
  void* const block = heap_.allocate(3000);
  ASSERT_EQ(block, run) << "the case that matters: the same units";
  std::memset(block, 1, 3000);
  quiet_rounds();
  EXPECT_EQ(resident_bytes(), kPageBytes);
  EXPECT_FALSE(heap_.trim_pending());
}

TEST_F(Residency, ALargeMappingIsPaidForWithFreeUnits) {
  std::vector<void*> runs;
  for (int i = 0; i < 10; ++i) {
    runs.push_back(heap_.allocate(kMiB));
    std::memset(runs.back(), 1, kMiB);
  }
  for (void* run : runs) heap_.free(run);
  EXPECT_EQ(resident_bytes(), 10 * kMiB);
  void* block = heap_.allocate(4 * kMiB);
  EXPECT_LE(resident_bytes(), 6 * kMiB);
  block = heap_.reallocate(block, 8 * kMiB);
  EXPECT_LE(resident_bytes(), 2 * kMiB);
  EXPECT_GE(heap_.given_back_bytes(), 8 * kMiB);
  heap_.free(block);
}

TEST_F(Residency, NothingComesBackWithinTheFirstRound) {
  HeapModel model(heap_);
  for (int i = 0; i < 10'000; ++i) model.allocate(100, Domain::kMemory);
  model.free_all();
  const std::size_t before = resident_bytes();
  now_ += Trimmer::kRoundInterval;
  while (heap_.trim_is_due(now_)) heap_.tick(now_);
  EXPECT_EQ(resident_bytes(), before);
}

TEST_F(Residency, KeptMappingsComeBackAfterAnInterval) {
  void* const block = heap_.allocate(8 * kMiB);
  std::memset(block, 1, 8 * kMiB);
  heap_.free(block);
  const Nanoseconds freed = os::monotonic_now();
  EXPECT_EQ(heap_.tick(freed), 0u);
  EXPECT_EQ(heap_.tick(freed + Trimmer::kRoundInterval + 100 * kMillisecond), 8 * kMiB);
  EXPECT_EQ(heap_.given_back_bytes(), 8 * kMiB);
  EXPECT_FALSE(heap_.trim_pending());
}

TEST_F(Residency, TouchedBytesAreTheResidentOnes) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  allocate(model, testing::scaled(20'000), random);
  thin_out(model, random);
  heap_.trim();
  EXPECT_EQ(heap_.statistics().touched_bytes, resident_bytes());
}

TEST_F(Residency, TrimSaysWhatItGaveBack) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  for (int round = 0; round < 4; ++round) {
    allocate(model, testing::scaled(8'000), random);
    thin_out(model, random);
    const std::size_t before = resident_bytes();
    const std::size_t ever = heap_.given_back_bytes();
    const std::size_t given = heap_.trim();
    // The ends of page runs and of reused units may never have been touched: they count all the
    // same.
    EXPECT_GE(given, before - resident_bytes()) << "round " << round;
    EXPECT_LE(given, (before - resident_bytes()) * 5 / 4) << "round " << round;
    EXPECT_EQ(heap_.given_back_bytes(), ever + given);
  }
}

TEST_F(Residency, TrimmedBlocksCanBeAllocatedAgain) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  for (int round = 0; round < 10; ++round) {
    allocate(model, testing::scaled(4000), random);
    thin_out(model, random);
    heap_.trim();
    model.check();
    ASSERT_EQ(model.problem(), "") << "round " << round;
  }
}

TEST_F(Residency, ReservedMemoryCostsNothing) { EXPECT_EQ(heap_.statistics().metadata_bytes, 0u); }

TEST_F(Residency, AFirstBlockCostsOnePageOfItsSlab) {
  *static_cast<char*>(heap_.allocate(64)) = 1;
  EXPECT_EQ(resident_bytes(), kPageBytes);
}

// --- huge pages ----------------------------------------------------------------------------------

// The first touch of a huge page makes all of it resident, units and pages included that nobody
// ever took.
class ResidencyOnHugePages : public Residency {
 protected:
  void SetUp() override {
    Options options;
    options.huge_page_threshold = 0;
    init(options);
    *static_cast<char*>(heap_.allocate(16)) = 1;
    if (resident_bytes() != kChunkBytes) GTEST_SKIP() << "the kernel gives no huge pages here";
    init(options);
  }
};

TEST_F(ResidencyOnHugePages, TrimLeavesOnlyPagesOfLiveBlocks) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  allocate(model, testing::scaled(20'000), random);
  thin_out(model, random);
  heap_.trim();
  EXPECT_LE(wasted_pages().size(), pages_behind_runs());
  model.check();
  EXPECT_EQ(model.problem(), "");
}

TEST_F(ResidencyOnHugePages, TrimFindsThePagesThatNobodyUsed) {
  *static_cast<char*>(heap_.allocate(64)) = 1;
  ASSERT_EQ(resident_bytes(), kChunkBytes);
  heap_.trim();
  EXPECT_EQ(resident_bytes(), kPageBytes);
}

TEST_F(ResidencyOnHugePages, AnEmptyHeapHoldsNothingAfterTrim) {
  void* const run = heap_.allocate(100 * kKiB);
  std::memset(run, 1, 100 * kKiB);
  heap_.free(run);
  heap_.trim();
  EXPECT_EQ(resident_bytes(), 0u);
}

TEST_F(ResidencyOnHugePages, TicksGiveAnEmptyHeapBack) {
  void* const run = heap_.allocate(100 * kKiB);
  std::memset(run, 1, 100 * kKiB);
  heap_.free(run);
  quiet_rounds();
  EXPECT_EQ(resident_bytes(), 0u);
}

TEST_F(ResidencyOnHugePages, TouchedBytesAreTheResidentOnes) {
  *static_cast<char*>(heap_.allocate(64)) = 1;
  EXPECT_EQ(heap_.statistics().touched_bytes, resident_bytes());
}

// A slab that is in use when a tick splits its huge page keeps its untouched pages, but not
// forever.
TEST_F(ResidencyOnHugePages, TrimFindsWhatATickLeftWhenItSplitTheChunk) {
  *static_cast<char*>(heap_.allocate(64)) = 1;
  heap_.free(heap_.allocate(kMiB));
  quiet_rounds();
  ASSERT_EQ(heap_.statistics().split_chunks, 1u);
  EXPECT_EQ(heap_.statistics().touched_bytes, resident_bytes());
  heap_.trim();
  EXPECT_EQ(resident_bytes(), kPageBytes);
}

TEST_F(ResidencyOnHugePages, ASplitChunkIsNotFilledUpAgain) {
  Random random = testing::seeded_random();
  HeapModel model(heap_);
  allocate(model, testing::scaled(10'000), random);
  thin_out(model, random);
  heap_.trim();
  const std::size_t after = resident_bytes();
  // Every live block is touched again.
  model.check();
  EXPECT_EQ(model.problem(), "");
  EXPECT_EQ(resident_bytes(), after);
}

}  // namespace
}  // namespace hoop::heap
