// SPDX-License-Identifier: Apache-2.0
#include "heap/in_flight_log.h"

#include <gtest/gtest.h>

#include <set>

#include "cpp/support/random.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::heap {
namespace {

// The log only compares addresses: no memory need be there.
constexpr Address kBase = 64 * kGiB;
constexpr std::size_t kExtent = 6 * kMiB;
constexpr Address kElsewhere = 512 * kGiB;

class OpenLog : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(log_.begin(kBase, kExtent)); }
  void TearDown() override { log_.end(); }
  InFlightLog log_;
};

TEST(InFlightLog, IsClosedAtFirstAndKnowsNothing) {
  const InFlightLog log;
  EXPECT_FALSE(log.is_open());
  EXPECT_FALSE(log.contains(kBase));
}

TEST(InFlightLog, IgnoresNotesWhileClosed) {
  InFlightLog log;
  log.note(kBase);
  EXPECT_FALSE(log.contains(kBase));
}

TEST_F(OpenLog, IsEmpty) {
  EXPECT_TRUE(log_.is_open());
  EXPECT_FALSE(log_.contains(kBase));
  EXPECT_FALSE(log_.contains(kElsewhere));
}

TEST_F(OpenLog, ContainsExactlyTheNotedBlocks) {
  testing::Random random = testing::seeded_random();
  std::set<Address> noted = {kBase, kBase + kExtent - 16};
  for (int i = 0; i < 5000; ++i) noted.insert(kBase + random.below(kExtent / 16) * 16);
  for (const Address block : noted) log_.note(block);
  for (Address block = kBase; block < kBase + kExtent; block += 16) {
    ASSERT_EQ(log_.contains(block), noted.contains(block)) << block - kBase;
  }
}

TEST_F(OpenLog, IgnoresBlocksBeyondItsExtent) {
  log_.note(kBase + kExtent);
  log_.note(kBase - 16);
  EXPECT_FALSE(log_.contains(kBase + kExtent));
  EXPECT_FALSE(log_.contains(kBase - 16));
}

TEST_F(OpenLog, ContainsBlocksWithAMappingOfTheirOwn) {
  log_.note_direct(kElsewhere);
  EXPECT_TRUE(log_.contains(kElsewhere));
  EXPECT_FALSE(log_.contains(kElsewhere + kMiB));
}

TEST_F(OpenLog, RemembersFiveHundredAndTwelveDirectBlocksExactly) {
  for (std::size_t i = 0; i < 512; ++i) log_.note_direct(kElsewhere + i * kMiB);
  for (std::size_t i = 0; i < 512; ++i) ASSERT_TRUE(log_.contains(kElsewhere + i * kMiB));
  EXPECT_FALSE(log_.contains(kElsewhere + 512 * kMiB));
}

TEST_F(OpenLog, OverflowingWithDirectBlocksTakesAllOfThemForFreed) {
  constexpr std::size_t kRoom = 98'304;
  for (std::size_t i = 0; i < kRoom; ++i) log_.note_direct(kElsewhere + i * kMiB);
  log_.note_direct(kElsewhere);  // that is no news
  EXPECT_TRUE(log_.contains(kElsewhere));
  EXPECT_TRUE(log_.contains(kElsewhere + (kRoom - 1) * kMiB));
  EXPECT_FALSE(log_.contains(kElsewhere + kRoom * kMiB));
  log_.note_direct(kElsewhere + kRoom * kMiB);
  EXPECT_TRUE(log_.contains(kElsewhere + kRoom * kMiB));
  EXPECT_TRUE(log_.contains(kElsewhere + 2 * kRoom * kMiB));
  EXPECT_FALSE(log_.contains(kBase)) << "blocks in the heap have a bit of their own";
}

TEST_F(OpenLog, ForgetsWhenItIsClosedAndWhenItIsOpenedAgain) {
  log_.note(kBase);
  log_.note_direct(kElsewhere);
  ASSERT_TRUE(log_.begin(kBase, kExtent));
  EXPECT_FALSE(log_.contains(kBase));
  EXPECT_FALSE(log_.contains(kElsewhere));
  log_.note(kBase);
  log_.end();
  EXPECT_FALSE(log_.is_open());
  EXPECT_FALSE(log_.contains(kBase));
}

TEST_F(OpenLog, GivesItsMemoryBackWhenClosed) {
  log_.end();
  const std::size_t before = os::read_memory_use().virtual_bytes;
  ASSERT_TRUE(log_.begin(kBase, 512 * kMiB));
  EXPECT_GT(os::read_memory_use().virtual_bytes, before);
  log_.end();
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
}

TEST(InFlightLog, OfAnEmptyHeapTakesDirectBlocksOnly) {
  InFlightLog log;
  ASSERT_TRUE(log.begin(0, 0));
  log.note(kBase);
  log.note_direct(kElsewhere);
  EXPECT_FALSE(log.contains(kBase));
  EXPECT_TRUE(log.contains(kElsewhere));
  log.end();
}

TEST(InFlightLog, StaysClosedWhenMemoryIsRefused) {
  InFlightLog log;
  os::fail_mappings_from_for_testing(1);
  EXPECT_FALSE(log.begin(kBase, kExtent));
  os::fail_mappings_from_for_testing(0);
  EXPECT_FALSE(log.is_open());
  log.note(kBase);
  EXPECT_FALSE(log.contains(kBase));
  EXPECT_TRUE(log.begin(kBase, kExtent));
  log.end();
}

}  // namespace
}  // namespace hoop::heap
