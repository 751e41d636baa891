// SPDX-License-Identifier: Apache-2.0
#include "heap/geometry.h"

#include <gtest/gtest.h>

namespace hoop::heap {
namespace {

SizeClass class_of(std::size_t size) {
  return size <= kMaxSmallBytes ? small_class_of(size) : medium_class_of(size);
}

TEST(Geometry, MapsEverySizeToTheSmallestClassThatHoldsIt) {
  for (std::size_t size = 1; size <= kMaxMediumBytes; ++size) {
    const SizeClass found = class_of(size);
    ASSERT_LT(found, kClassCount);
    ASSERT_GE(kClasses[found].block_bytes, size);
    ASSERT_LT(found == 0 ? 0 : kClasses[found - 1u].block_bytes, size);
  }
}

TEST(Geometry, ClassesGrowStrictlyUpToTheLargestMediumSize) {
  for (unsigned i = 1; i < kClassCount; ++i)
    ASSERT_GT(kClasses[i].block_bytes, kClasses[i - 1].block_bytes);
  EXPECT_EQ(kClasses[0].block_bytes, kAlignment);
  EXPECT_EQ(kClasses[kSmallClassCount - 1].block_bytes, kMaxSmallBytes);
  EXPECT_EQ(kClasses[kClassCount - 1].block_bytes, kMaxMediumBytes);
}

TEST(Geometry, BlocksOfEveryClassAreAligned) {
  for (const ClassInfo& info : kClasses) EXPECT_EQ(info.block_bytes % kAlignment, 0u);
}

TEST(Geometry, AMediumBlockWastesAtMostAnEighth) {
  for (std::size_t size = kMaxSmallBytes + 1; size <= kMaxMediumBytes; ++size) {
    const std::size_t block = kClasses[medium_class_of(size)].block_bytes;
    ASSERT_LE((block - size) * 8, size) << size;
  }
}

TEST(Geometry, DividesEveryOffsetExactlyByItsReciprocal) {
  for (const ClassInfo& info : kClasses) {
    for (std::uint64_t offset = 0; offset < 64 * kKiB; ++offset) {
      ASSERT_EQ((offset * info.reciprocal) >> 32, offset / info.block_bytes)
          << info.block_bytes << ' ' << offset;
    }
  }
}

TEST(Geometry, ASlabHoldsAsManyBlocksAsFit) {
  for (unsigned i = 0; i < kClassCount; ++i) {
    const ClassInfo& info = kClasses[i];
    const std::size_t bytes = info.units * kUnitBytes;
    ASSERT_EQ(info.units, is_small(static_cast<SizeClass>(i)) ? 1u : kUnitsPerMediumSlab);
    ASSERT_LE(std::size_t{info.capacity} * info.block_bytes, bytes);
    ASSERT_GT((std::size_t{info.capacity} + 1) * info.block_bytes, bytes);
    ASSERT_GE(info.capacity, 2u);
    ASSERT_LE(info.capacity, kMaxBlocksPerSlab);
  }
}

TEST(Geometry, NamesExactlyThePagesThatHoldAPartOfABlock) {
  for (const ClassInfo& info : kClasses) {
    for (unsigned page = 0; page < kMaxPagesPerSlab; ++page) {
      const bool used = page * kPageBytes < std::size_t{info.capacity} * info.block_bytes;
      ASSERT_EQ((info.pages >> page & 1) != 0, used) << info.block_bytes << ' ' << page;
    }
  }
}

TEST(Geometry, ChunksAreCutIntoUnitsWithoutRest) {
  EXPECT_EQ(kUnitsPerChunk * kUnitBytes, kChunkBytes);
  EXPECT_EQ(kChunkBytes, os::kHugePageBytes);
  EXPECT_EQ(kMaxRunBytes % kUnitBytes, 0u);
}

}  // namespace
}  // namespace hoop::heap
