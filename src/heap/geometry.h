// SPDX-License-Identifier: Apache-2.0
// The shape of the heap's address space and its size classes.
//
//   reservation  | chunk 2 MiB | chunk | chunk | ...            one range, 2 MiB aligned
//   chunk        | 128 units of 16 KiB |
//   small slab   1 unit   of blocks of 16, 32, ... 512 bytes
//   medium slab  4 units  of blocks of 576, 640, ... 32 KiB (steps of 1/8)
//   page run     n units  for one block of up to 1 MiB
//   above 1 MiB  a mapping of its own, outside the reservation
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/pages.h"

namespace hoop::heap {

using os::kPageBytes;

inline constexpr unsigned kUnitShift = 14;
inline constexpr unsigned kChunkShift = 21;
inline constexpr std::size_t kUnitBytes = std::size_t{1} << kUnitShift;
inline constexpr std::size_t kChunkBytes = std::size_t{1} << kChunkShift;
inline constexpr unsigned kUnitsPerChunk = kChunkBytes / kUnitBytes;

inline constexpr std::size_t kAlignment = 16;
inline constexpr std::size_t kMaxSmallBytes = 512;
inline constexpr std::size_t kMaxMediumBytes = 32 * kKiB;
inline constexpr std::size_t kMaxRunBytes = 1 * kMiB;

inline constexpr unsigned kUnitsPerMediumSlab = 4;
inline constexpr unsigned kMaxBlocksPerSlab = kUnitBytes / kAlignment;
inline constexpr unsigned kMaxPagesPerSlab = kUnitsPerMediumSlab * kUnitBytes / kPageBytes;

// What a block is for. Under CPython: the `obj` and the `mem` allocator.
enum class Domain : std::uint8_t { kObject, kMemory };
inline constexpr unsigned kDomainCount = 2;

using SizeClass = std::uint8_t;
inline constexpr unsigned kSmallClassCount = kMaxSmallBytes / kAlignment;
inline constexpr unsigned kStepsPerDoubling = 8;
inline constexpr unsigned kMediumClassCount = 6 * kStepsPerDoubling;
inline constexpr unsigned kClassCount = kSmallClassCount + kMediumClassCount;

// REQUIRES: 1 <= size <= kMaxSmallBytes.
constexpr SizeClass small_class_of(std::size_t size) {
  return static_cast<SizeClass>((size - 1) / kAlignment);
}

// REQUIRES: kMaxSmallBytes < size <= kMaxMediumBytes.
constexpr SizeClass medium_class_of(std::size_t size) {
  const std::size_t last = size - 1;
  const auto log = static_cast<unsigned>(std::bit_width(last)) - 1;  // 9..14
  const std::size_t step = (last - (std::size_t{1} << log)) >> (log - 3);
  return static_cast<SizeClass>(kSmallClassCount + (log - 9) * kStepsPerDoubling + step);
}

constexpr bool is_small(SizeClass size_class) { return size_class < kSmallClassCount; }

// Facts of one size class.
struct ClassInfo {
  std::uint32_t block_bytes = 0;
  std::uint32_t reciprocal =
      0;  // (offset * reciprocal) >> 32 == offset / block_bytes, offset < 64 KiB
  std::uint16_t capacity = 0;  // blocks in a slab
  std::uint16_t pages = 0;     // bit i: page i of the slab holds a part of a block
  std::uint8_t units = 0;      // units in a slab
};

constexpr ClassInfo make_class_info(unsigned size_class) {
  ClassInfo info;
  if (size_class < kSmallClassCount) {
    info.block_bytes = static_cast<std::uint32_t>((size_class + 1) * kAlignment);
    info.units = 1;
  } else {
    const unsigned medium = size_class - kSmallClassCount;
    const std::uint32_t base = 512u << (medium / kStepsPerDoubling);
    info.block_bytes = base + (base / 8) * (medium % kStepsPerDoubling + 1);
    info.units = kUnitsPerMediumSlab;
  }
  info.reciprocal = static_cast<std::uint32_t>((std::uint64_t{1} << 32) / info.block_bytes + 1);
  info.capacity = static_cast<std::uint16_t>(info.units * kUnitBytes / info.block_bytes);
  const std::size_t used = std::size_t{info.capacity} * info.block_bytes;
  const std::size_t pages = round_up(used, kPageBytes) / kPageBytes;
  info.pages = static_cast<std::uint16_t>((1u << pages) - 1);
  return info;
}

inline constexpr std::array<ClassInfo, kClassCount> kClasses = [] {
  std::array<ClassInfo, kClassCount> classes{};
  for (unsigned i = 0; i < kClassCount; ++i) classes[i] = make_class_info(i);
  return classes;
}();

}  // namespace hoop::heap
