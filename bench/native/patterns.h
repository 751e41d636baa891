// SPDX-License-Identifier: Apache-2.0
// The pair patterns: each function makes and frees `kPairsPerRun` blocks. Every block is written to
// once, as whoever asked for it would do.
#pragma once

#include <array>
#include <cstddef>

namespace hoop::bench {

inline constexpr std::size_t kPairsPerRun = 1000;

inline void touch(void* block) {
  *static_cast<unsigned char volatile*>(block) = 1;
  __asm__ volatile("" : : "r"(block) : "memory");
}

inline constexpr std::size_t kMixedSizes = 30;
// 16, 128, 240, ... through all multiples of 16 up to 480.
inline constexpr std::size_t mixed_size(std::size_t index) {
  return 16 + index * 7 % kMixedSizes * 16;
}

template <std::size_t kSize, class Access>
void single_pairs(const Access& access) {
  for (std::size_t i = 0; i < kPairsPerRun; ++i) {
    void* const block = access.allocate(kSize);
    touch(block);
    access.release(block);
  }
}

// Last made, first freed.
template <std::size_t kSize, class Access>
void batch_lifo(const Access& access) {
  std::array<void*, kPairsPerRun> blocks;
  for (void*& block : blocks) {
    block = access.allocate(kSize);
    touch(block);
  }
  for (std::size_t i = kPairsPerRun; i-- > 0;) access.release(blocks[i]);
}

// First made, first freed, of 30 sizes in turn.
template <class Access>
void batch_mixed_fifo(const Access& access) {
  std::array<void*, kPairsPerRun> blocks;
  for (std::size_t i = 0; i < kPairsPerRun; ++i) {
    blocks[i] = access.allocate(mixed_size(i));
    touch(blocks[i]);
  }
  for (void* block : blocks) access.release(block);
}

}  // namespace hoop::bench
