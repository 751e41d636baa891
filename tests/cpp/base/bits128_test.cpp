// SPDX-License-Identifier: Apache-2.0
// Bits128 against std::bitset, bit by bit.
#include "base/bits128.h"

#include <gtest/gtest.h>

#include <bitset>

#include "cpp/support/random.h"

namespace hoop {
namespace {

using Naive = std::bitset<Bits128::kSize>;

Naive naive_range(int first, int count) {
  Naive set;
  for (int i = first; i < first + count; ++i) set.set(static_cast<std::size_t>(i));
  return set;
}

Bits128 from_naive(const Naive& naive) {
  Bits128 set;
  for (int i = 0; i < Bits128::kSize; ++i) {
    if (naive[static_cast<std::size_t>(i)]) set.add(Bits128::range(i, 1));
  }
  return set;
}

Naive to_naive(Bits128 set) {
  Naive naive;
  for (int i = 0; i < Bits128::kSize; ++i) naive[static_cast<std::size_t>(i)] = set.test(i);
  return naive;
}

// Sets of every density: sparse, dense, and with long runs.
Naive random_set(testing::Random& random) {
  Naive set;
  const unsigned density = static_cast<unsigned>(random.below(101));
  const bool in_runs = random.percent(50);
  for (int i = 0; i < Bits128::kSize;) {
    const int length = in_runs ? static_cast<int>(random.between(1, 70)) : 1;
    const bool value = random.percent(density);
    for (const int end = i + length; i < end && i < Bits128::kSize; ++i)
      set[static_cast<std::size_t>(i)] = value;
  }
  return set;
}

int naive_first(const Naive& set) {
  for (int i = 0; i < Bits128::kSize; ++i) {
    if (set[static_cast<std::size_t>(i)]) return i;
  }
  return Bits128::kNone;
}

int naive_run_from(const Naive& set, int i) {
  int length = 0;
  while (i + length < Bits128::kSize && set[static_cast<std::size_t>(i + length)]) ++length;
  return length;
}

Naive naive_starts_of_runs(const Naive& set, int count) {
  Naive starts;
  for (int i = 0; i < Bits128::kSize; ++i)
    starts[static_cast<std::size_t>(i)] = naive_run_from(set, i) >= count;
  return starts;
}

TEST(Bits128, IsEmptyAtFirst) {
  const Bits128 none;
  EXPECT_FALSE(none.any());
  EXPECT_FALSE(none.is_all());
  EXPECT_EQ(none.count(), 0);
  EXPECT_EQ(none.first(), Bits128::kNone);
}

TEST(Bits128, AllHoldsEveryBit) {
  const Bits128 all = Bits128::all();
  EXPECT_TRUE(all.is_all());
  EXPECT_EQ(all.count(), Bits128::kSize);
  EXPECT_EQ(all.run_from(0), Bits128::kSize);
  EXPECT_EQ(all, Bits128::range(0, Bits128::kSize));
}

TEST(Bits128, RangeHoldsExactlyItsBits) {
  for (int first = 0; first < Bits128::kSize; ++first) {
    for (int count = 1; first + count <= Bits128::kSize; ++count) {
      ASSERT_EQ(to_naive(Bits128::range(first, count)), naive_range(first, count))
          << first << ' ' << count;
    }
  }
}

TEST(Bits128, AnswersLikeANaiveSet) {
  testing::Random random = testing::seeded_random();
  for (int round = 0; round < 300; ++round) {
    const Naive naive = random_set(random);
    const Bits128 set = from_naive(naive);
    ASSERT_EQ(set.any(), naive.any());
    ASSERT_EQ(set.is_all(), naive.all());
    ASSERT_EQ(set.count(), static_cast<int>(naive.count()));
    ASSERT_EQ(set.first(), naive_first(naive));
    for (int i = 0; i < Bits128::kSize; ++i)
      ASSERT_EQ(set.run_from(i), naive_run_from(naive, i)) << naive << ' ' << i;
  }
}

TEST(Bits128, FindsRunsOfEveryLength) {
  testing::Random random = testing::seeded_random();
  for (int round = 0; round < 100; ++round) {
    const Naive naive = random_set(random);
    for (int count = 1; count <= Bits128::kSize; ++count) {
      ASSERT_EQ(to_naive(from_naive(naive).starts_of_runs(count)),
                naive_starts_of_runs(naive, count))
          << naive << ' ' << count;
    }
  }
}

TEST(Bits128, KeepsOnlyMultiplesOfFour) {
  Naive expected;
  for (std::size_t i = 0; i < expected.size(); i += 4) expected.set(i);
  EXPECT_EQ(to_naive(Bits128::all().at_multiples_of_4()), expected);
}

TEST(Bits128, CombinesLikeNaiveSets) {
  testing::Random random = testing::seeded_random();
  for (int round = 0; round < 500; ++round) {
    const Naive a = random_set(random);
    const Naive b = random.percent(20) ? a & random_set(random) : random_set(random);
    Bits128 sum = from_naive(a);
    sum.add(from_naive(b));
    Bits128 difference = from_naive(a);
    difference.remove(from_naive(b));
    ASSERT_EQ(to_naive(sum), a | b);
    ASSERT_EQ(to_naive(difference), a & ~b);
    ASSERT_EQ(to_naive(from_naive(a) & from_naive(b)), a & b);
    ASSERT_EQ(to_naive(from_naive(a) - from_naive(b)), a & ~b);
    ASSERT_EQ(from_naive(a).contains(from_naive(b)), (b & ~a).none());
    ASSERT_EQ(from_naive(a) == from_naive(b), a == b);
  }
}

}  // namespace
}  // namespace hoop
