// SPDX-License-Identifier: Apache-2.0
// A set of 128 bits: the units of one chunk.
#pragma once

#include <bit>
#include <cstdint>

namespace hoop {

class Bits128 {
 public:
  static constexpr int kSize = 128;
  static constexpr int kNone = -1;

  constexpr Bits128() = default;

  static constexpr Bits128 all() { return Bits128(~Word{0}); }

  // REQUIRES: 0 <= first, 1 <= count, first + count <= 128.
  static constexpr Bits128 range(int first, int count) {
    const Word ones = count == kSize ? ~Word{0} : (Word{1} << count) - 1;
    return Bits128(ones << first);
  }

  [[nodiscard]] constexpr bool test(int i) const { return ((word_ >> i) & 1) != 0; }
  [[nodiscard]] constexpr bool any() const { return word_ != 0; }
  [[nodiscard]] constexpr bool is_all() const { return ~word_ == 0; }
  [[nodiscard]] constexpr bool contains(Bits128 other) const { return (other.word_ & ~word_) == 0; }
  [[nodiscard]] constexpr int count() const { return std::popcount(low()) + std::popcount(high()); }

  [[nodiscard]] constexpr int first() const {
    if (low() != 0) return std::countr_zero(low());
    return high() != 0 ? 64 + std::countr_zero(high()) : kNone;
  }

  // Length of the run of set bits that begins at `i`.
  [[nodiscard]] constexpr int run_from(int i) const {
    const int gap = Bits128(~(word_ >> i)).first();
    return gap == kNone || gap > kSize - i ? kSize - i : gap;
  }

  [[nodiscard]] constexpr unsigned longest_run() const {
    unsigned longest = 0;
    for (Word rest = word_; rest != 0; ++longest) rest &= rest >> 1;
    return longest;
  }

  // Positions at which `count` set bits follow each other.
  [[nodiscard]] constexpr Bits128 starts_of_runs(int count) const {
    Word runs = word_;
    for (int have = 1; have < count;) {
      const int step = have < count - have ? have : count - have;
      runs &= runs >> step;
      have += step;
    }
    return Bits128(runs);
  }

  // Bits at positions that are multiples of four.
  [[nodiscard]] constexpr Bits128 at_multiples_of_4() const {
    constexpr Word kPattern = (Word{0x1111111111111111} << 64) | 0x1111111111111111;
    return Bits128(word_ & kPattern);
  }

  constexpr void add(Bits128 other) { word_ |= other.word_; }
  constexpr void remove(Bits128 other) { word_ &= ~other.word_; }

  friend constexpr Bits128 operator&(Bits128 a, Bits128 b) { return Bits128(a.word_ & b.word_); }
  friend constexpr Bits128 operator-(Bits128 a, Bits128 b) { return Bits128(a.word_ & ~b.word_); }
  friend constexpr bool operator==(Bits128 a, Bits128 b) { return a.word_ == b.word_; }

 private:
  __extension__ using Word = unsigned __int128;

  constexpr explicit Bits128(Word word) : word_(word) {}
  [[nodiscard]] constexpr std::uint64_t low() const { return static_cast<std::uint64_t>(word_); }
  [[nodiscard]] constexpr std::uint64_t high() const {
    return static_cast<std::uint64_t>(word_ >> 64);
  }

  Word word_ = 0;
};

}  // namespace hoop
