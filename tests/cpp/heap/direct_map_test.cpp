// SPDX-License-Identifier: Apache-2.0
#include "heap/direct_map.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/random.h"
#include "cpp/support/residency.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::heap {
namespace {

using testing::Random;

constexpr std::size_t kFirstPlaces = 64;  // blocks until the table grows: half of 128

class Direct : public ::testing::Test {
 protected:
  void TearDown() override {
    os::fail_mappings_from_for_testing(0);
    map_.release();
  }
  char* allocate(std::size_t bytes, Domain domain = Domain::kMemory) {
    return static_cast<char*>(map_.allocate(bytes, domain));
  }
  static bool is_zero(const char* start, std::size_t bytes) {
    return start[0] == 0 && std::memcmp(start, start + 1, bytes - 1) == 0;
  }

  DirectMap map_;
};

TEST_F(Direct, KnowsNothingAtFirst) {
  char local[64] = {};
  EXPECT_EQ(map_.find(local), nullptr);
  EXPECT_EQ(map_.find(nullptr), nullptr);
  EXPECT_FALSE(map_.free(local, 0));
  EXPECT_EQ(map_.count(), 0u);
  EXPECT_EQ(map_.metadata_bytes(), 0u);
}

TEST_F(Direct, RemembersWhatWasAskedFor) {
  char* const block = allocate(3 * kMiB + 5, Domain::kObject);
  ASSERT_NE(block, nullptr);
  const DirectBlock* const found = map_.find(block);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->bytes, 3 * kMiB + 5);
  EXPECT_EQ(found->mapped, 3 * kMiB + os::kPageBytes);
  EXPECT_EQ(found->domain, Domain::kObject);
  EXPECT_EQ(map_.used_bytes(), 3 * kMiB + os::kPageBytes);
  EXPECT_EQ(map_.find(block + 16), nullptr) << "only the start is the block";
  EXPECT_EQ(map_.find(nullptr), nullptr);
}

TEST_F(Direct, RefusesImpossibleSizes) {
  for (const std::size_t bytes :
       {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1, SIZE_MAX / 2, std::size_t{1} << 50}) {
    EXPECT_EQ(map_.allocate(bytes, Domain::kMemory), nullptr) << bytes;
    EXPECT_EQ(map_.allocate_zeroed(bytes, Domain::kMemory), nullptr) << bytes;
  }
  char* const block = allocate(2 * kMiB);
  block[0] = 3;
  EXPECT_EQ(map_.resize(block, SIZE_MAX), nullptr);
  EXPECT_EQ(map_.resize(block, SIZE_MAX / 2), nullptr);
  EXPECT_EQ(block[0], 3);
  EXPECT_EQ(map_.find(block)->bytes, 2 * kMiB);
  EXPECT_EQ(map_.count(), 1u);
}

// --- the table -----------------------------------------------------------------------------------

TEST_F(Direct, FindsEveryBlockAsTheTableGrows) {
  std::vector<char*> blocks;
  for (std::size_t i = 0; i < 1000; ++i) {
    blocks.push_back(allocate(os::kPageBytes * (1 + i % 3)));
    ASSERT_NE(blocks.back(), nullptr);
    ASSERT_EQ(map_.count(), i + 1);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const DirectBlock* const found = map_.find(blocks[i]);
    ASSERT_NE(found, nullptr);
    ASSERT_EQ(found->mapped, os::kPageBytes * (1 + i % 3));
  }
  EXPECT_EQ(map_.metadata_bytes(), 2048 * sizeof(DirectBlock)) << "at most half full";
}

// Erasing from probe sequences, in the order of addresses, against it and at random.
TEST_F(Direct, FindsTheOthersAfterAnyBlockIsErased) {
  Random random = testing::seeded_random();
  for (int round = 0; round < 20; ++round) {
    std::vector<char*> blocks;
    for (std::size_t i = 0; i < kFirstPlaces; ++i) blocks.push_back(allocate(os::kPageBytes));
    while (!blocks.empty()) {
      const std::size_t index = round % 3 == 0   ? 0
                                : round % 3 == 1 ? blocks.size() - 1
                                                 : random.below(blocks.size());
      char* const erased = blocks[index];
      ASSERT_TRUE(map_.free(erased, 1));
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(index));
      ASSERT_EQ(map_.find(erased), nullptr);
      for (char* const block : blocks) ASSERT_NE(map_.find(block), nullptr);
    }
    ASSERT_EQ(map_.count(), 0u);
    ASSERT_EQ(map_.used_bytes(), 0u);
  }
}

TEST_F(Direct, VisitsEveryBlockOnce) {
  std::map<Address, std::size_t> expected;
  for (std::size_t i = 1; i <= 200; ++i)
    expected[reinterpret_cast<Address>(allocate(i * 100))] = i * 100;
  std::map<Address, std::size_t> visited;
  map_.for_each([&](const DirectBlock& block) {
    EXPECT_TRUE(visited.emplace(block.start, block.bytes).second);
  });
  EXPECT_EQ(visited, expected);
}

// --- kept mappings -------------------------------------------------------------------------------

TEST_F(Direct, GivesAKeptMappingOutAgain) {
  char* const block = allocate(4 * kMiB);
  ASSERT_TRUE(map_.free(block, 1));
  EXPECT_EQ(map_.kept_bytes(), 4 * kMiB);
  EXPECT_EQ(map_.used_bytes(), 0u);
  EXPECT_EQ(allocate(4 * kMiB), block);
  EXPECT_EQ(map_.kept_bytes(), 0u);
}

TEST_F(Direct, AcceptsUpToAnEighthToSpare) {
  char* const block = allocate(9 * kMiB);
  ASSERT_TRUE(map_.free(block, 1));
  EXPECT_EQ(allocate(8 * kMiB), block);
  EXPECT_EQ(map_.used_bytes(), 9 * kMiB);
  EXPECT_EQ(map_.find(block)->bytes, 8 * kMiB);
}

TEST_F(Direct, DropsKeptMappingsWhenNoneFits) {
  char* const large = allocate(10 * kMiB);
  ASSERT_TRUE(map_.free(large, 1));
  ASSERT_NE(allocate(8 * kMiB), nullptr);
  EXPECT_EQ(map_.kept_bytes(), 0u);
  char* const small = allocate(2 * kMiB);
  ASSERT_TRUE(map_.free(small, 1));
  ASSERT_NE(allocate(2 * kMiB + 1), nullptr);
  EXPECT_EQ(map_.kept_bytes(), 0u);
}

TEST_F(Direct, ZeroesAKeptMappingWhereAsked) {
  char* const block = allocate(4 * kMiB);
  std::memset(block, 0xEE, 4 * kMiB);
  ASSERT_TRUE(map_.free(block, 1));
  auto* const zeroed = static_cast<char*>(map_.allocate_zeroed(4 * kMiB - 100, Domain::kMemory));
  ASSERT_EQ(zeroed, block) << "the case that matters";
  EXPECT_TRUE(is_zero(zeroed, 4 * kMiB - 100));
}

TEST_F(Direct, KeepsAtMost64MiB) {
  std::vector<char*> blocks;
  for (int i = 0; i < 4; ++i) blocks.push_back(allocate(20 * kMiB));
  for (char* const block : blocks) ASSERT_TRUE(map_.free(block, 1));
  EXPECT_EQ(map_.kept_bytes(), 60 * kMiB);
}

TEST_F(Direct, KeepsAtMost16Mappings) {
  std::vector<char*> blocks;
  for (int i = 0; i < 20; ++i) blocks.push_back(allocate(kMiB));
  for (char* const block : blocks) ASSERT_TRUE(map_.free(block, 1));
  EXPECT_EQ(map_.kept_bytes(), 16 * kMiB);
}

TEST_F(Direct, DropsOnlyWhatWasFreedBefore) {
  char* const old = allocate(2 * kMiB);
  char* const young = allocate(3 * kMiB);
  ASSERT_TRUE(map_.free(old, 100));
  ASSERT_TRUE(map_.free(young, 200));
  EXPECT_EQ(map_.drop_kept(100), 0u);
  EXPECT_EQ(map_.drop_kept(101), 2 * kMiB);
  EXPECT_EQ(map_.kept_bytes(), 3 * kMiB);
  EXPECT_EQ(map_.drop_kept(UINT64_MAX), 3 * kMiB);
  EXPECT_EQ(map_.drop_kept(UINT64_MAX), 0u);
}

TEST_F(Direct, DoesNotKnowAFreedBlock) {
  char* const block = allocate(2 * kMiB);
  ASSERT_TRUE(map_.free(block, 1));
  EXPECT_EQ(map_.find(block), nullptr);
  EXPECT_FALSE(map_.free(block, 1));
}

// --- resizing ------------------------------------------------------------------------------------

TEST_F(Direct, ResizesKeepingContentAndDomain) {
  char* block = allocate(2 * kMiB, Domain::kObject);
  std::memset(block, 1, 2 * kMiB);
  for (const std::size_t bytes :
       {40 * kMiB, 2 * kMiB + 1, 5 * os::kPageBytes, 3 * kMiB, 3 * kMiB - 1}) {
    block = static_cast<char*>(map_.resize(block, bytes));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(block[0], 1);
    EXPECT_EQ(block[5 * os::kPageBytes - 1], 1);
    EXPECT_EQ(map_.find(block)->bytes, bytes);
    EXPECT_EQ(map_.find(block)->domain, Domain::kObject);
    EXPECT_EQ(map_.used_bytes(), round_up(bytes, os::kPageBytes));
    EXPECT_EQ(map_.count(), 1u);
  }
}

TEST_F(Direct, ResizesWithinAPageInPlace) {
  char* const block = allocate(2 * kMiB);
  EXPECT_EQ(map_.resize(block, 2 * kMiB - 1), block);
  EXPECT_EQ(map_.find(block)->bytes, 2 * kMiB - 1);
}

TEST_F(Direct, ShrinkingGivesTheMemoryBack) {
  char* const block = allocate(8 * kMiB);
  std::memset(block, 1, 8 * kMiB);
  const std::size_t before = os::read_memory_use().virtual_bytes;
  ASSERT_EQ(map_.resize(block, 2 * kMiB), block);
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before - 6 * kMiB);
}

TEST_F(Direct, StaysAsItWasWhenAResizeIsRefused) {
  char* const block = allocate(2 * kMiB);
  block[7] = 7;
  os::fail_mappings_from_for_testing(1);
  EXPECT_EQ(map_.resize(block, 8 * kMiB), nullptr);
  EXPECT_EQ(map_.resize(block, 1 * kMiB), nullptr);
  EXPECT_EQ(map_.resize(block, 2 * kMiB - 5), block) << "within its pages no mapping is needed";
  os::fail_mappings_from_for_testing(0);
  EXPECT_EQ(block[7], 7);
  ASSERT_NE(map_.find(block), nullptr);
  EXPECT_EQ(map_.count(), 1u);
}

// --- out of memory -------------------------------------------------------------------------------

TEST_F(Direct, RefusesCleanlyWhenTheFirstTableIsRefused) {
  os::fail_mappings_from_for_testing(1);
  EXPECT_EQ(allocate(2 * kMiB), nullptr);
  os::fail_mappings_from_for_testing(0);
  EXPECT_EQ(map_.count(), 0u);
  EXPECT_NE(allocate(2 * kMiB), nullptr);
}

TEST_F(Direct, RefusesCleanlyWhenTheMappingIsRefused) {
  os::fail_mappings_from_for_testing(2);
  EXPECT_EQ(allocate(2 * kMiB), nullptr);
  os::fail_mappings_from_for_testing(0);
  EXPECT_EQ(map_.count(), 0u);
  EXPECT_EQ(map_.used_bytes(), 0u);
}

TEST_F(Direct, KeepsItsBlocksWhenTheTableCannotGrow) {
  std::vector<char*> blocks;
  for (std::size_t i = 0; i < kFirstPlaces; ++i) blocks.push_back(allocate(os::kPageBytes));
  os::fail_mappings_from_for_testing(1);
  EXPECT_EQ(allocate(os::kPageBytes), nullptr);
  os::fail_mappings_from_for_testing(0);
  for (char* const block : blocks) EXPECT_NE(map_.find(block), nullptr);
  EXPECT_NE(allocate(os::kPageBytes), nullptr);
}

TEST_F(Direct, UsesAKeptMappingEvenWhenTheSystemRefusesNewOnes) {
  char* const block = allocate(2 * kMiB);
  ASSERT_TRUE(map_.free(block, 1));
  os::fail_mappings_from_for_testing(1);
  EXPECT_EQ(allocate(2 * kMiB), block);
}

TEST_F(Direct, LeavesNoAddressSpaceBehindAfterRelease) {
  const std::size_t before = os::read_memory_use().virtual_bytes;
  std::vector<char*> blocks;
  for (int i = 0; i < 100; ++i) blocks.push_back(allocate(100 * kKiB));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(map_.free(blocks[static_cast<std::size_t>(i) * 3], 1));
  map_.release();
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
  EXPECT_EQ(map_.count(), 0u);
  EXPECT_NE(allocate(2 * kMiB), nullptr) << "it can be used again";
}

// --- all together --------------------------------------------------------------------------------

class RandomBlocks {
 public:
  RandomBlocks(DirectMap& map, Random& random) : map_(map), random_(random) {}

  void step(bool grow) {
    ++now_;
    const std::uint64_t choice = random_.below(100);
    if (blocks_.empty() || choice < (grow ? 60u : 30u)) return allocate();
    const auto chosen =
        std::next(blocks_.begin(), static_cast<std::ptrdiff_t>(random_.below(blocks_.size())));
    check(*chosen);
    if (choice < 75) {
      ASSERT_TRUE(map_.free(reinterpret_cast<void*>(chosen->first), now_));
      blocks_.erase(chosen);
    } else if (choice < 97) {
      resize(*chosen);
    } else {
      map_.drop_kept(now_ - random_.below(20));
    }
  }

  void expect_like_naive() const {
    std::size_t mapped = 0;
    ASSERT_EQ(map_.count(), blocks_.size());
    for (const auto& [start, bytes] : blocks_) {
      const DirectBlock* const found = map_.find(reinterpret_cast<void*>(start));
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(found->bytes, bytes);
      ASSERT_GE(found->mapped, bytes);
      mapped += found->mapped;
    }
    ASSERT_EQ(map_.used_bytes(), mapped);
  }

 private:
  std::size_t random_size() {
    return 1 + random_.below(random_.percent(90) ? 64 * kKiB : 3 * kMiB);
  }

  // The first and the last bytes tell blocks apart.
  static void mark(Address start, std::size_t bytes) {
    auto* const block = reinterpret_cast<unsigned char*>(start);
    block[0] = static_cast<unsigned char>(bytes);
    block[bytes - 1] = static_cast<unsigned char>(bytes);
  }
  static void check(const std::pair<const Address, std::size_t>& entry) {
    const auto* const block = reinterpret_cast<const unsigned char*>(entry.first);
    ASSERT_EQ(block[0], static_cast<unsigned char>(entry.second));
    ASSERT_EQ(block[entry.second - 1], static_cast<unsigned char>(entry.second));
  }
  void allocate() {
    const std::size_t bytes = random_size();
    const auto domain = static_cast<Domain>(random_.below(2));
    const bool zeroed = random_.percent(30);
    void* const block = zeroed ? map_.allocate_zeroed(bytes, domain) : map_.allocate(bytes, domain);
    ASSERT_NE(block, nullptr);
    const auto* const content = static_cast<const char*>(block);
    if (zeroed) {
      ASSERT_TRUE(content[0] == 0 && std::memcmp(content, content + 1, bytes - 1) == 0);
    }
    const auto start = reinterpret_cast<Address>(block);
    ASSERT_TRUE(blocks_.emplace(start, bytes).second);
    mark(start, bytes);
  }
  void resize(const std::pair<const Address, std::size_t>& entry) {
    const std::size_t bytes = random_size();
    const auto old_first = static_cast<unsigned char>(entry.second);
    void* const moved = map_.resize(reinterpret_cast<void*>(entry.first), bytes);
    ASSERT_NE(moved, nullptr);
    ASSERT_EQ(*static_cast<unsigned char*>(moved), old_first);
    blocks_.erase(entry.first);
    const auto start = reinterpret_cast<Address>(moved);
    ASSERT_TRUE(blocks_.emplace(start, bytes).second);
    mark(start, bytes);
  }

  DirectMap& map_;
  Random& random_;
  std::map<Address, std::size_t> blocks_;
  Nanoseconds now_ = 100;
};

TEST_F(Direct, BehavesLikeANaiveMap) {
  Random random = testing::seeded_random();
  RandomBlocks blocks(map_, random);
  for (std::size_t step = 0; step < testing::scaled(20'000); ++step) {
    ASSERT_NO_FATAL_FAILURE(blocks.step(step / 2000 % 2 == 0)) << "step " << step;
    if (step % 500 == 0) {
      ASSERT_NO_FATAL_FAILURE(blocks.expect_like_naive()) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace hoop::heap
