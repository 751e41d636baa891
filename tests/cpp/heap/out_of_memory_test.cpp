// SPDX-License-Identifier: Apache-2.0
// No address space, no memory, or not any more: the heap says so and stays whole.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/child.h"
#include "cpp/support/heap_driver.h"
#include "cpp/support/heap_model.h"
#include "cpp/support/random.h"
#include "heap/heap.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::heap {
namespace {

using testing::HeapModel;
using testing::Random;

class OutOfMemory : public ::testing::Test {
 protected:
  void TearDown() override {
    os::fail_mappings_from_for_testing(0);
    FaultReport report;
    EXPECT_TRUE(heap_.validate(&report)) << static_cast<int>(report.fault);
    heap_.release();
  }
  void init(std::size_t reservation_bytes) {
    Options options;
    options.reservation_bytes = reservation_bytes;
    ASSERT_TRUE(heap_.init(options));
  }
  std::vector<void*> allocate_until_refused(std::size_t bytes, Domain domain = Domain::kMemory) {
    std::vector<void*> blocks;
    while (void* const block = heap_.allocate(bytes, domain)) blocks.push_back(block);
    return blocks;
  }

  Heap heap_;
};

// --- an exhausted reservation --------------------------------------------------------------------

TEST_F(OutOfMemory, RefusesWhenTheReservationIsFullAndWorksAgainAfterAFree) {
  init(4 * kMiB);
  for (const std::size_t bytes :
       {std::size_t{16}, std::size_t{500}, std::size_t{5000}, 30 * kKiB, 200 * kKiB}) {
    std::vector<void*> blocks = allocate_until_refused(bytes);
    ASSERT_GT(blocks.size(), 10u) << bytes;
    EXPECT_EQ(heap_.allocate(bytes), nullptr);
    EXPECT_EQ(heap_.allocate_zeroed(1, bytes), nullptr);
    EXPECT_TRUE(heap_.validate());
    EXPECT_EQ(heap_.live_block_count(), blocks.size());
    heap_.free(blocks.back());
    blocks.back() = heap_.allocate(bytes);
    EXPECT_NE(blocks.back(), nullptr) << bytes;
    EXPECT_EQ(heap_.allocate(bytes), nullptr);
    for (void* const block : blocks) heap_.free(block);
    EXPECT_EQ(heap_.live_block_count(), 0u);
    heap_.trim();
  }
}

TEST_F(OutOfMemory, UsesEveryBlockOfTheReservation) {
  init(2 * kMiB);
  EXPECT_EQ(allocate_until_refused(64).size(), 2 * kMiB / 64);
}

TEST_F(OutOfMemory, BlocksFreedAnywhereAreFoundAgain) {
  init(2 * kMiB);
  Random random = testing::seeded_random();
  std::vector<void*> blocks = allocate_until_refused(64);
  for (std::size_t i = blocks.size() - 1; i > 0; --i)
    std::swap(blocks[i], blocks[random.below(i + 1)]);
  // A full slab is left alone until an eighth of a page of it is free: so many may hide in each.
  const std::size_t freed = blocks.size() / 2;
  for (std::size_t i = 0; i < freed; ++i) heap_.free(blocks[i]);
  EXPECT_EQ(allocate_until_refused(64).size(), freed);
}

TEST_F(OutOfMemory, LargeBlocksStillWorkWhenTheReservationIsFull) {
  init(2 * kMiB);
  allocate_until_refused(64);
  void* const direct = heap_.allocate(2 * kMiB);
  EXPECT_NE(direct, nullptr);
  heap_.free(direct);
}

TEST_F(OutOfMemory, EmptySlabsOfOtherClassesAreUsedBeforeItRefuses) {
  init(2 * kMiB);
  const std::vector<void*> blocks = allocate_until_refused(64);
  for (void* const block : blocks) heap_.free(block);
  // All but the slab that is current.
  EXPECT_GE(allocate_until_refused(512).size(), (2 * kMiB - kUnitBytes) / 512);
}

TEST_F(OutOfMemory, EmptySlabsAreUsedForRunsBeforeItRefuses) {
  init(2 * kMiB);
  const std::vector<void*> blocks = allocate_until_refused(64);
  for (void* const block : blocks) heap_.free(block);
  // 64, 29 and 32 units: the last ones lie where the first slabs were.
  for (const std::size_t bytes : {kMiB, 450 * kKiB, 500 * kKiB})
    EXPECT_NE(heap_.allocate(bytes), nullptr) << bytes;
}

TEST_F(OutOfMemory, BlocksOfAnEarlierEpochAreTheLastResort) {
  init(2 * kMiB);
  const std::vector<void*> blocks = allocate_until_refused(64);
  heap_.epoch();
  for (std::size_t i = 0; i < blocks.size(); i += 2) heap_.free(blocks[i]);
  EXPECT_EQ(allocate_until_refused(64).size(), blocks.size() / 2);
  EXPECT_TRUE(heap_.validate());
}

TEST_F(OutOfMemory, PartialSlabsOfAnEarlierEpochAreTheLastResortToo) {
  init(2 * kMiB);
  const std::vector<void*> blocks = allocate_until_refused(64);
  for (std::size_t i = 0; i < blocks.size(); i += 2) heap_.free(blocks[i]);
  heap_.epoch();
  heap_.epoch();
  EXPECT_EQ(allocate_until_refused(64).size(), blocks.size() / 2);
  EXPECT_TRUE(heap_.validate());
}

TEST_F(OutOfMemory, AfterShrinkingTheReservationItRefusesAndALaterFreeHelps) {
  init(64 * kMiB);
  const std::size_t before = os::read_memory_use().virtual_bytes;
  void* const run = heap_.allocate(500 * kKiB);
  EXPECT_EQ(heap_.shrink_reservation(), 62 * kMiB);
  EXPECT_LE(os::read_memory_use().virtual_bytes, before - 60 * kMiB);
  std::vector<void*> blocks = allocate_until_refused(64);
  EXPECT_EQ(blocks.size(), (2 * kMiB - 512 * kKiB) / 64);
  EXPECT_EQ(heap_.shrink_reservation(), 0u);
  heap_.free(run);
  EXPECT_NE(heap_.allocate(64), nullptr);
  EXPECT_NE(heap_.allocate(100 * kKiB), nullptr);
}

TEST_F(OutOfMemory, AfterShrinkingAnUnusedReservationItRefusesAllButDirectBlocks) {
  init(64 * kMiB);
  EXPECT_GE(heap_.shrink_reservation(), 64 * kMiB) << "and the records for it";
  EXPECT_EQ(heap_.allocate(64), nullptr);
  EXPECT_EQ(heap_.allocate(64 * kKiB), nullptr);
  void* const direct = heap_.allocate(2 * kMiB);
  EXPECT_NE(direct, nullptr);
  heap_.free(direct);
}

TEST_F(OutOfMemory, AnEmptySpaceThatWasGivenUpIsNotUnmappedTwice) {
  init(64 * kMiB);
  const std::size_t before = os::read_memory_use().virtual_bytes;
  heap_.shrink_reservation();
  // Others may get the addresses meanwhile.
  void* const other = os::map(64 * kMiB);
  ASSERT_NE(other, nullptr);
  heap_.release();
  std::memset(other, 1, 64 * kMiB);
  EXPECT_LT(os::read_memory_use().virtual_bytes, before + kMiB);
  os::unmap(other, 64 * kMiB);
}

TEST_F(OutOfMemory, RandomOperationsOnAShrunkReservationBehaveLikeANaiveList) {
  init(64 * kMiB);
  testing::without_own_ticks(heap_);
  Random random = testing::seeded_random();
  HeapModel model(heap_, HeapModel::Refusals::kAreFine);
  for (int i = 0; i < 2000; ++i) model.allocate(random.below(3000), Domain::kObject);
  heap_.shrink_reservation();
  testing::DriverOptions driving;
  driving.most_live_bytes = 12 * kMiB;
  driving.rarity = 10;
  testing::HeapDriver<Random> driver(heap_, model, random, driving);
  for (std::size_t step = 0; step < testing::scaled(20'000); ++step) {
    driver.step();
    if (step % 1000 == 0) model.check();
    ASSERT_EQ(model.problem(), "") << "step " << step;
  }
  EXPECT_GT(model.refused(), 0u);
}

// --- a system that refuses -----------------------------------------------------------------------

TEST_F(OutOfMemory, InitFailsWhenNoAddressSpaceIsHad) {
  os::fail_mappings_from_for_testing(1);
  EXPECT_FALSE(heap_.init());
  EXPECT_EQ(heap_.allocate(10), nullptr);
  EXPECT_EQ(heap_.allocate(2 * kMiB), nullptr);
  os::fail_mappings_from_for_testing(0);
  ASSERT_TRUE(heap_.init());
  EXPECT_NE(heap_.allocate(10), nullptr);
}

// Each search for a last resort reads every record of the heap.
TEST_F(OutOfMemory, ARefusalOfTheSystemIsRememberedUntilTheNextBeat) {
  init(64 * kMiB);
  os::fail_mappings_from_for_testing(1);
  EXPECT_EQ(heap_.allocate(64), nullptr);
  os::fail_mappings_from_for_testing(0);
  EXPECT_EQ(heap_.allocate(64), nullptr);
  unsigned calls = 1;
  while (heap_.allocate(64) == nullptr && calls < 1000) ++calls;
  EXPECT_LE(calls, Heap::kSlowCallsPerBeat);
}

TEST_F(OutOfMemory, AFailedInitLeavesNoAddressSpaceBehind) {
  for (int n = 1; n <= 5; ++n) {
    const std::size_t before = os::read_memory_use().virtual_bytes;
    os::fail_mappings_from_for_testing(n);
    const bool works = heap_.init();
    os::fail_mappings_from_for_testing(0);
    EXPECT_EQ(works, false) << n;
    EXPECT_EQ(os::read_memory_use().virtual_bytes, before) << n;
  }
}

TEST_F(OutOfMemory, WorksInASmallReservation) {
  init(1);
  EXPECT_EQ(heap_.statistics().reserved_bytes, kChunkBytes);
  EXPECT_EQ(allocate_until_refused(1000).size(),
            kChunkBytes / kUnitBytes / 4 * (4 * kUnitBytes / 1024));
}

TEST_F(OutOfMemory, ALogThatCannotBeOpenedIsNotOpen) {
  init(64 * kMiB);
  void* const block = heap_.allocate(100);
  os::fail_mappings_from_for_testing(1);
  EXPECT_FALSE(heap_.begin_log());
  os::fail_mappings_from_for_testing(0);
  EXPECT_FALSE(heap_.log_is_open());
  EXPECT_FALSE(heap_.freed_since_log(block));
}

// A bit of everything that maps memory: chunks, records, index, runs, direct blocks and their
// table, the log.
void mixed_workload(Heap& heap, HeapModel& model) {
  Random random(1);
  for (unsigned i = 0; i < 120; ++i) {
    for (const std::size_t bytes :
         {std::size_t{24}, std::size_t{300}, std::size_t{2000}, 20 * kKiB}) {
      for (int n = 0; n < 4; ++n)
        model.allocate(bytes, i % 2 == 0 ? Domain::kObject : Domain::kMemory);
    }
    if (i % 4 == 0) model.allocate(100 * kKiB, Domain::kMemory);
    if (i % 10 == 0) model.allocate_zeroed(1, kMiB + i * kPageBytes, Domain::kMemory);
    if (i % 5 == 0 && model.size() > 0) model.resize(random.below(model.size()), i * 1000);
    if (i == 20) model.open_log();
    for (int n = 0; n < 10 && model.size() > 0; ++n) model.free(random.below(model.size()));
    if (i == 60) model.epoch();
    if (i == 90) heap.trim();
    if (i % 40 == 0) model.check();
  }
  model.close_log();
}

// True when the n-th mapping, or an earlier one, was asked for.
bool runs_into_failure(int n) {
  Heap heap;
  Options options;
  options.huge_pages = false;
  os::fail_mappings_from_for_testing(n);
  const bool works = heap.init(options);
  HeapModel model(heap, HeapModel::Refusals::kAreFine);
  if (works) {
    testing::without_own_ticks(heap);
    mixed_workload(heap, model);
  }
  void* const probe = os::map(os::kPageBytes);
  const bool failed = probe == nullptr;
  if (!failed) os::unmap(probe, os::kPageBytes);
  model.check();
  EXPECT_EQ(model.problem(), "") << "with failures";
  os::fail_mappings_from_for_testing(0);
  if (!works) return true;
  // Back in memory everything works, and nothing was lost. A refusal is remembered for a while.
  heap.trim();
  model.set_refusals(HeapModel::Refusals::kAreProblems);
  mixed_workload(heap, model);
  model.check();
  model.free_all();
  model.check();
  EXPECT_EQ(model.problem(), "") << "after failures";
  heap.release();
  return failed;
}

TEST_F(OutOfMemory, StaysWholeWhicheverMappingFails) {
  int n = 1;
  while (runs_into_failure(n)) {
    ASSERT_FALSE(HasFailure()) << "mapping " << n;
    ++n;
    ASSERT_LT(n, 2000);
  }
  EXPECT_GT(n, 20) << "the workload maps less than it should";
}

// --- a limit on address space --------------------------------------------------------------------

void limit_address_space(std::size_t more) {
  const rlimit limit{os::read_memory_use().virtual_bytes + more, RLIM_INFINITY};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
}

TEST_F(OutOfMemory, TakesAQuarterOfALimitedAddressSpace) {
  if (testing::kSanitized) GTEST_SKIP() << "sanitizers need address space without limit";
  EXPECT_TRUE(testing::passes_in_child([] {
    limit_address_space(kGiB);
    Heap heap;
    ASSERT_TRUE(heap.init());
    const std::size_t reserved = heap.statistics().reserved_bytes;
    EXPECT_LE(reserved, 256 * kMiB);
    EXPECT_GE(reserved, 64 * kMiB);
    std::size_t blocks = 0;
    while (heap.allocate(1000) != nullptr) ++blocks;
    EXPECT_GT(blocks, reserved / 1024 * 9 / 10);
    EXPECT_TRUE(heap.validate());
    EXPECT_NE(heap.allocate(100 * kMiB), nullptr)
        << "the rest of the limit is for others, large blocks among them";
  }));
}

TEST_F(OutOfMemory, SurvivesALimitThatIsReached) {
  if (testing::kSanitized) GTEST_SKIP() << "sanitizers need address space without limit";
  EXPECT_TRUE(testing::passes_in_child([] {
    limit_address_space(300 * kMiB);
    Heap heap;
    ASSERT_TRUE(heap.init());
    std::vector<void*> direct;
    direct.reserve(1000);
    while (void* const block = heap.allocate(3 * kMiB)) direct.push_back(block);
    EXPECT_GT(direct.size(), 20u);
    EXPECT_EQ(heap.allocate_zeroed(1, 3 * kMiB), nullptr);
    EXPECT_EQ(heap.reallocate(direct[0], 500 * kMiB), nullptr);
    EXPECT_TRUE(heap.owns(direct[0]));
    EXPECT_NE(heap.allocate(1000), nullptr) << "inside the reservation no address space is needed";
    heap.free(direct.back());
    EXPECT_NE(heap.allocate(3 * kMiB), nullptr);
    EXPECT_TRUE(heap.validate());
  }));
}

TEST_F(OutOfMemory, StaysOutWhereTheLimitIsTooSmall) {
  if (testing::kSanitized) GTEST_SKIP() << "sanitizers need address space without limit";
  EXPECT_TRUE(testing::passes_in_child([] {
    limit_address_space(40 * kMiB);
    Heap heap;
    EXPECT_FALSE(heap.init());
    EXPECT_EQ(heap.allocate(10), nullptr);
  }));
}

TEST_F(OutOfMemory, ALimitSetLaterLeavesRoomForOthersOnceTheReservationIsShrunk) {
  if (testing::kSanitized) GTEST_SKIP() << "sanitizers need address space without limit";
  EXPECT_TRUE(testing::passes_in_child([] {
    Heap heap;
    ASSERT_TRUE(heap.init());
    void* const block = heap.allocate(100);
    heap.shrink_reservation();
    limit_address_space(100 * kMiB);
    void* const other = os::map(50 * kMiB);
    EXPECT_NE(other, nullptr);
    EXPECT_NE(heap.allocate(100), nullptr);
    heap.free(block);
  }));
}

}  // namespace
}  // namespace hoop::heap
