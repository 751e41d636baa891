// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "cpp/support/random.h"

namespace hoop {
namespace {

TEST(TextBuffer, IsAnEmptyStringAtFirst) {
  const FixedText<8> text;
  EXPECT_STREQ(text.data(), "");
  EXPECT_EQ(text.size(), 0u);
  EXPECT_FALSE(text.truncated());
}

TEST(TextBuffer, JoinsWhatIsAdded) {
  FixedText<64> text;
  text.add("block ").add_hex(0xbeef).add(", size ").add_decimal(48).add_char(';').add("xyz", 2);
  EXPECT_STREQ(text.data(), "block 0xbeef, size 48;xy");
  EXPECT_EQ(text.size(), std::strlen(text.data()));
}

TEST(TextBuffer, FillsToTheLastByteWithoutCutting) {
  FixedText<6> text;
  text.add("12345");
  EXPECT_STREQ(text.data(), "12345");
  EXPECT_FALSE(text.truncated());
}

TEST(TextBuffer, CutsWhatDoesNotFitAndSaysSo) {
  FixedText<6> text;
  text.add("123456").add_decimal(7).add_hex(8);
  EXPECT_STREQ(text.data(), "12345");
  EXPECT_EQ(text.size(), 5u);
  EXPECT_TRUE(text.truncated());
}

TEST(TextBuffer, NeverWritesBeyondItsCapacity) {
  for (std::size_t capacity = 1; capacity < 40; ++capacity) {
    char storage[64];
    std::memset(storage, '#', sizeof storage);
    TextBuffer text(storage, capacity);
    text.add("hello").add_hex(UINT64_MAX).add_decimal(UINT64_MAX).add_char('!');
    ASSERT_LT(std::strlen(text.data()), capacity);
    for (std::size_t i = capacity; i < sizeof storage; ++i)
      ASSERT_EQ(storage[i], '#') << capacity << ' ' << i;
  }
}

TEST(TextBuffer, OfOneByteHoldsNothing) {
  FixedText<1> text;
  text.add("a");
  EXPECT_STREQ(text.data(), "");
  EXPECT_TRUE(text.truncated());
}

void expect_like_printf(std::uint64_t value) {
  FixedText<32> decimal;
  FixedText<32> hex;
  char expected[32];
  std::snprintf(expected, sizeof expected, "%llu", static_cast<unsigned long long>(value));
  EXPECT_STREQ(decimal.add_decimal(value).data(), expected);
  std::snprintf(expected, sizeof expected, "0x%llx", static_cast<unsigned long long>(value));
  EXPECT_STREQ(hex.add_hex(value).data(), expected);
}

TEST(TextBuffer, WritesNumbersLikePrintf) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    expect_like_printf((std::uint64_t{1} << bit) - 1);
    expect_like_printf(std::uint64_t{1} << bit);
  }
  expect_like_printf(UINT64_MAX);
  testing::Random random = testing::seeded_random();
  for (int i = 0; i < 1000; ++i) expect_like_printf(random.next() >> random.below(64));
}

TEST(ParseDecimal, ReadsANumberAndMovesPastIt) {
  const char* text = "4096 12";
  EXPECT_EQ(parse_decimal(text), 4096u);
  EXPECT_STREQ(text, " 12");
}

TEST(ParseDecimal, ReadsTheLargestNumber) {
  const char* text = "18446744073709551615";
  EXPECT_EQ(parse_decimal(text), UINT64_MAX);
  EXPECT_STREQ(text, "");
}

TEST(ParseDecimal, StaysWhereNoDigitIs) {
  for (const char* const start : {"", "kB", " 7", "-7"}) {
    const char* text = start;
    EXPECT_EQ(parse_decimal(text), 0u);
    EXPECT_EQ(text, start);
  }
}

TEST(ParseDecimal, ReadsBackWhatTextBufferWrites) {
  testing::Random random = testing::seeded_random();
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.next() >> random.below(64);
    FixedText<32> text;
    const char* cursor = text.add_decimal(value).data();
    ASSERT_EQ(parse_decimal(cursor), value);
  }
}

}  // namespace
}  // namespace hoop
