// SPDX-License-Identifier: Apache-2.0
// Which chunks a heap names as huge pages.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/units.h"
#include "heap/heap.h"

namespace hoop::heap {
namespace {

class HugeChunks : public ::testing::Test {
 protected:
  void TearDown() override { heap_.release(); }
  void init(const Options& options) { ASSERT_TRUE(heap_.init(options)); }
  // Blocks that fill so many chunks, in the order of addresses.
  std::vector<void*> fill(unsigned chunks) {
    std::vector<void*> blocks;
    while (heap_.chunk_count() <= chunks) blocks.push_back(heap_.allocate(512 * kKiB));
    heap_.free(blocks.back());
    blocks.pop_back();
    return blocks;
  }
  std::vector<unsigned> named() const {
    std::vector<unsigned> chunks;
    heap_.for_each_huge_chunk([&](unsigned chunk) { chunks.push_back(chunk); });
    return chunks;
  }

  Heap heap_;
};

using Chunks = std::vector<unsigned>;

TEST_F(HugeChunks, AreNoneInAnEmptyHeap) {
  init({.huge_page_threshold = 0});
  EXPECT_EQ(named(), Chunks{});
}

TEST_F(HugeChunks, AreThoseFromTheThresholdOn) {
  init({.huge_page_threshold = 4 * kMiB});
  fill(4);
  ASSERT_EQ(heap_.chunk_count(), 5U);
  EXPECT_EQ(named(), (Chunks{2, 3, 4}));
  EXPECT_EQ(named().size(), heap_.statistics().huge_chunks);
}

TEST_F(HugeChunks, AreNoneWhereTheyAreNotWanted) {
  init({.huge_pages = false, .huge_page_threshold = 0});
  fill(3);
  EXPECT_EQ(named(), Chunks{});
}

TEST_F(HugeChunks, AreNamedNoMoreOnceTheyAreSplit) {
  init({.huge_page_threshold = 0});
  const std::vector<void*> blocks = fill(3);
  ASSERT_EQ(named(), (Chunks{0, 1, 2, 3}));
  const Address second = heap_.base() + kChunkBytes;
  bool kept_one = false;
  for (void* const block : blocks) {
    const auto address = reinterpret_cast<Address>(block);
    if (address < second || address >= second + kChunkBytes) continue;
    if (kept_one) heap_.free(block);
    kept_one = true;
  }
  heap_.trim();
  const Chunks left = named();
  EXPECT_EQ(std::count(left.begin(), left.end(), 1U), 0);
  EXPECT_EQ(std::count(left.begin(), left.end(), 0U), 1);
  EXPECT_EQ(left.size(), heap_.statistics().huge_chunks);
  EXPECT_GE(heap_.statistics().split_chunks, 1U);
}

}  // namespace
}  // namespace hoop::heap
