// SPDX-License-Identifier: Apache-2.0
#include "os/pages.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "cpp/support/build.h"
#include "cpp/support/child.h"
#include "cpp/support/residency.h"
#include "os/proc.h"

namespace hoop::os {
namespace {

using testing::resident_bytes;

Address address_of(const void* pointer) { return reinterpret_cast<Address>(pointer); }

bool is_zero(const void* start, std::size_t bytes) {
  const auto* const content = static_cast<const char*>(start);
  return content[0] == 0 && std::memcmp(content, content + 1, bytes - 1) == 0;
}

TEST(Pages, AreOfTheSupportedSizeHere) { EXPECT_TRUE(page_size_is_supported()); }

TEST(Pages, ReserveHonoursEveryAlignment) {
  for (std::size_t alignment = kPageBytes; alignment <= kGiB; alignment *= 2) {
    void* const start = reserve(4 * kMiB, alignment);
    ASSERT_NE(start, nullptr);
    EXPECT_EQ(address_of(start) % alignment, 0u);
    unmap(start, 4 * kMiB);
  }
}

TEST(Pages, ReservedPagesHoldNoMemoryAndCannotBeRead) {
  auto* const start = static_cast<char*>(reserve(kMiB, kPageBytes));
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(resident_bytes(address_of(start), kMiB), 0u);
  if (!testing::kSanitized) {
    EXPECT_EXIT(*static_cast<volatile char*>(start) = 1, ::testing::KilledBySignal(SIGSEGV), "");
  }
  unmap(start, kMiB);
}

TEST(Pages, ReserveTakesNoMoreAddressSpaceThanItGives) {
  const std::size_t before = read_memory_use().virtual_bytes;
  void* const start = reserve(64 * kMiB, kHugePageBytes);
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(read_memory_use().virtual_bytes - before, 64 * kMiB);
  unmap(start, 64 * kMiB);
  EXPECT_EQ(read_memory_use().virtual_bytes, before);
}

TEST(Pages, CommittedPagesReadAsZeroAndCanBeWritten) {
  auto* const start = static_cast<char*>(reserve(kMiB, kHugePageBytes));
  ASSERT_NE(start, nullptr);
  ASSERT_TRUE(commit(start, 64 * kKiB));
  EXPECT_TRUE(is_zero(start, 64 * kKiB));
  std::memset(start, 1, 64 * kKiB);
  EXPECT_EQ(resident_bytes(address_of(start), kMiB), 64 * kKiB);
  unmap(start, kMiB);
}

TEST(Pages, CommitOfUnmappedSpaceIsRefused) {
  void* const start = reserve(kMiB, kPageBytes);
  ASSERT_NE(start, nullptr);
  unmap(start, kMiB);
  EXPECT_FALSE(commit(start, kMiB));
}

TEST(Pages, GiveBackFreesMemoryAndZeroesIt) {
  auto* const start = static_cast<char*>(map(16 * kPageBytes));
  ASSERT_NE(start, nullptr);
  std::memset(start, 7, 16 * kPageBytes);
  give_back(start + 4 * kPageBytes, 2 * kPageBytes);
  const std::vector<bool> resident = testing::resident_pages(address_of(start), 16 * kPageBytes);
  for (std::size_t page = 0; page < resident.size(); ++page)
    EXPECT_EQ(resident[page], page != 4 && page != 5);
  EXPECT_TRUE(is_zero(start + 4 * kPageBytes, 2 * kPageBytes));
  EXPECT_EQ(start[3 * kPageBytes], 7);
  EXPECT_EQ(start[6 * kPageBytes], 7);
  unmap(start, 16 * kPageBytes);
}

TEST(Pages, GiveBackAndUnmapKeepErrno) {
  void* const start = map(kPageBytes);
  ASSERT_NE(start, nullptr);
  errno = 77;
  give_back(start, kPageBytes);
  EXPECT_EQ(errno, 77);
  unmap(start, kPageBytes);
  unmap(reinterpret_cast<void*>(kPageBytes + 1), kPageBytes);  // not aligned: fails inside
  EXPECT_EQ(errno, 77);
}

TEST(Pages, MapGivesZeroedPages) {
  void* const start = map(3 * kPageBytes);
  ASSERT_NE(start, nullptr);
  EXPECT_TRUE(is_zero(start, 3 * kPageBytes));
  unmap(start, 3 * kPageBytes);
}

TEST(Pages, MapOfMoreThanThereIsIsRefused) {
  EXPECT_EQ(map(std::size_t{1} << 62), nullptr);
  EXPECT_EQ(reserve(std::size_t{1} << 62, kPageBytes), nullptr);
}

TEST(Pages, RemapKeepsTheContentAndZeroesTheRest) {
  auto* start = static_cast<char*>(map(4 * kPageBytes));
  ASSERT_NE(start, nullptr);
  std::memset(start, 9, 4 * kPageBytes);
  start = static_cast<char*>(remap(start, 4 * kPageBytes, 600 * kPageBytes));
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start[0], 9);
  EXPECT_EQ(start[4 * kPageBytes - 1], 9);
  EXPECT_TRUE(is_zero(start + 4 * kPageBytes, 596 * kPageBytes));
  start = static_cast<char*>(remap(start, 600 * kPageBytes, kPageBytes));
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start[kPageBytes - 1], 9);
  unmap(start, kPageBytes);
}

TEST(Pages, RefusedRemapLeavesTheMapping) {
  auto* const start = static_cast<char*>(map(kPageBytes));
  ASSERT_NE(start, nullptr);
  start[0] = 5;
  EXPECT_EQ(remap(start, kPageBytes, std::size_t{1} << 62), nullptr);
  EXPECT_EQ(start[0], 5);
  unmap(start, kPageBytes);
}

TEST(Pages, SharedPagesCarryResultsBothWays) {
  auto* const shared = static_cast<volatile char*>(map_shared(3 * kPageBytes));
  ASSERT_NE(shared, nullptr);
  EXPECT_TRUE(is_zero(const_cast<char*>(shared), 3 * kPageBytes));
  shared[0] = 1;
  EXPECT_TRUE(testing::passes_in_child([&] {
    EXPECT_EQ(shared[0], 1);
    shared[2 * kPageBytes] = 2;
  }));
  EXPECT_EQ(shared[2 * kPageBytes], 2);
  unmap(const_cast<char*>(shared), 3 * kPageBytes);
}

TEST(Pages, SparsePagesAreZeroAndTheProcessesOwn) {
  auto* const sparse = static_cast<volatile char*>(map_sparse(3 * kPageBytes));
  ASSERT_NE(sparse, nullptr);
  EXPECT_TRUE(is_zero(const_cast<char*>(sparse), 3 * kPageBytes));
  sparse[0] = 1;
  EXPECT_TRUE(testing::passes_in_child([&] {
    EXPECT_EQ(sparse[0], 1);
    sparse[0] = 2;
  }));
  EXPECT_EQ(sparse[0], 1);
  unmap(const_cast<char*>(sparse), 3 * kPageBytes);
}

TEST(Pages, SharedAndSparsePagesHoldNoMemoryUntilTheyAreTouched) {
  for (void* (*const map_pages)(std::size_t) noexcept : {map_shared, map_sparse}) {
    auto* const start = static_cast<char*>(map_pages(64 * kMiB));
    ASSERT_NE(start, nullptr);
    const std::size_t before = read_memory_use().resident_bytes;
    advise(start, 64 * kMiB, HugePages::kUnwanted);
    start[0] = start[32 * kMiB] = 1;
    EXPECT_EQ(resident_bytes(address_of(start), 64 * kMiB), 2 * kPageBytes);
    EXPECT_LT(read_memory_use().resident_bytes, before + 4 * kMiB);
    unmap(start, 64 * kMiB);
  }
}

TEST(Pages, SparsePagesMayBeMoreThanThereIsMemory) {
  constexpr std::size_t kBytes = 256 * kGiB;
  auto* const start = static_cast<char*>(map_sparse(kBytes));
  if (start == nullptr) GTEST_SKIP() << "the system is strict";
  start[kBytes - 1] = 1;
  EXPECT_EQ(start[0], 0);
  unmap(start, kBytes);
}

TEST(Pages, SparsePagesGrowAndKeepTheirContent) {
  auto* start = static_cast<char*>(map_sparse(kPageBytes));
  ASSERT_NE(start, nullptr);
  std::memset(start, 9, kPageBytes);
  start = static_cast<char*>(remap(start, kPageBytes, 900 * kPageBytes));
  ASSERT_NE(start, nullptr);
  EXPECT_EQ(start[kPageBytes - 1], 9);
  EXPECT_TRUE(is_zero(start + kPageBytes, 899 * kPageBytes));
  unmap(start, 900 * kPageBytes);
}

std::size_t huge_bytes_at(const void* start) {
  struct Found {
    Address address;
    std::size_t bytes;
  } found{address_of(start), 0};
  for_each_mapping(
      [](void* context, const Mapping& mapping) {
        auto* const wanted = static_cast<Found*>(context);
        if (mapping.start <= wanted->address && wanted->address < mapping.end)
          wanted->bytes = mapping.huge_page_bytes;
      },
      &found);
  return found.bytes;
}

TEST(Pages, CollapsePutsAHugePageTogetherAndKeepsItsContent) {
  auto* const start = static_cast<char*>(reserve(kHugePageBytes, kHugePageBytes));
  ASSERT_NE(start, nullptr);
  ASSERT_TRUE(commit(start, kHugePageBytes));
  advise(start, kHugePageBytes, HugePages::kUnwanted);
  for (std::size_t page = 0; page < kHugePageBytes; page += kPageBytes)
    start[page] = static_cast<char>(page / kPageBytes % 100);
  ASSERT_EQ(huge_bytes_at(start), 0u);
  advise(start, kHugePageBytes, HugePages::kWanted);
  errno = 77;
  const bool is_whole = collapse(start);
  EXPECT_EQ(errno, 77);
  EXPECT_EQ(huge_bytes_at(start), is_whole ? kHugePageBytes : 0u);
  for (std::size_t page = 0; page < kHugePageBytes; page += kPageBytes)
    ASSERT_EQ(start[page], static_cast<char>(page / kPageBytes % 100));
  unmap(start, kHugePageBytes);
  if (!is_whole) GTEST_SKIP() << "the kernel cannot, or is short of memory";
}

TEST(Pages, CollapseOfUnmappedSpaceIsRefusedAndKeepsErrno) {
  void* const start = reserve(kHugePageBytes, kHugePageBytes);
  ASSERT_NE(start, nullptr);
  unmap(start, kHugePageBytes);
  errno = 77;
  EXPECT_FALSE(collapse(start));
  EXPECT_EQ(errno, 77);
}

TEST(Pages, AddressSpaceLeftIsUnlimitedWithoutALimit) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &limit), 0);
  if (limit.rlim_cur != RLIM_INFINITY) GTEST_SKIP() << "the tests run under a limit";
  EXPECT_EQ(address_space_left(), SIZE_MAX);
}

TEST(Pages, AddressSpaceLeftFollowsTheLimit) {
  EXPECT_TRUE(testing::passes_in_child([] {
    const std::size_t used = read_memory_use().virtual_bytes;
    const rlimit limit{used + 100 * kMiB, RLIM_INFINITY};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_NEAR(static_cast<double>(address_space_left()), 100.0 * kMiB, 1.0 * kMiB);
    const rlimit below_use{kMiB, RLIM_INFINITY};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &below_use), 0);
    EXPECT_EQ(address_space_left(), 0u);
  }));
}

class FailingMappings : public ::testing::Test {
 protected:
  ~FailingMappings() override { fail_mappings_from_for_testing(0); }
};

TEST_F(FailingMappings, FailFromTheChosenCallOn) {
  void* const start = reserve(kMiB, kPageBytes);
  ASSERT_NE(start, nullptr);
  fail_mappings_from_for_testing(3);
  EXPECT_TRUE(commit(start, kPageBytes));
  void* const mapped = map(kPageBytes);
  EXPECT_NE(mapped, nullptr);
  EXPECT_EQ(map(kPageBytes), nullptr);
  EXPECT_FALSE(commit(start, kPageBytes));
  EXPECT_EQ(reserve(kMiB, kPageBytes), nullptr);
  EXPECT_EQ(remap(mapped, kPageBytes, 2 * kPageBytes), nullptr);
  EXPECT_EQ(map_shared(kPageBytes), nullptr);
  EXPECT_EQ(map_sparse(kPageBytes), nullptr);
  fail_mappings_from_for_testing(0);
  EXPECT_TRUE(commit(start, kPageBytes));
  unmap(mapped, kPageBytes);
  unmap(start, kMiB);
}

TEST_F(FailingMappings, FailAtTheVeryNextCallForOne) {
  fail_mappings_from_for_testing(1);
  EXPECT_EQ(map(kPageBytes), nullptr);
}

TEST_F(FailingMappings, CountSharedAndSparseOnes) {
  fail_mappings_from_for_testing(3);
  void* const shared = map_shared(kPageBytes);
  void* const sparse = map_sparse(kPageBytes);
  EXPECT_NE(shared, nullptr);
  EXPECT_NE(sparse, nullptr);
  EXPECT_EQ(map_sparse(kPageBytes), nullptr);
  unmap(shared, kPageBytes);
  unmap(sparse, kPageBytes);
}

TEST_F(FailingMappings, DoNotTouchGiveBackAndUnmap) {
  auto* const start = static_cast<char*>(map(kPageBytes));
  ASSERT_NE(start, nullptr);
  start[0] = 1;
  fail_mappings_from_for_testing(1);
  give_back(start, kPageBytes);
  EXPECT_EQ(start[0], 0);
  const std::size_t before = read_memory_use().virtual_bytes;
  unmap(start, kPageBytes);
  EXPECT_EQ(read_memory_use().virtual_bytes, before - kPageBytes);
}

}  // namespace
}  // namespace hoop::os
