// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "cpp/support/random.h"
#include "cpython/life/address_table.h"

namespace hoop::cpython::life {
namespace {

TEST(AddressTable, HasWhatWasPutAndNothingElse) {
  AddressTable table;
  EXPECT_EQ(table.find(0x1000), 0u);
  EXPECT_EQ(table.remove(0x1000), 0u);
  ASSERT_TRUE(table.put(0x1000, 7));
  ASSERT_TRUE(table.put(0x1000, 8));  // takes its place
  EXPECT_EQ(table.find(0x1000), 8u);
  EXPECT_EQ(table.find(0x1010), 0u);
  EXPECT_EQ(table.remove(0x1000), 8u);
  EXPECT_EQ(table.find(0x1000), 0u);
}

TEST(AddressTable, ClearedHasNothing) {
  AddressTable table;
  for (Address key = 16; key < 16'000; key += 16) ASSERT_TRUE(table.put(key, 1));
  table.clear();
  for (Address key = 16; key < 16'000; key += 16) EXPECT_EQ(table.find(key), 0u);
}

// Few addresses, so that they meet, are taken out amid others, and come back.
TEST(AddressTable, AgreesWithAMapWhateverIsDone) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    testing::Random random(seed);
    AddressTable table;
    std::unordered_map<Address, std::uint32_t> model;
    const std::size_t keys = 200 << seed % 8;
    for (std::uint32_t step = 1; step <= 40'000; ++step) {
      const Address key = 0x7f0000000000 + 16 * (1 + random.below(keys));
      const auto expected = model.find(key);
      const std::uint32_t number = expected == model.end() ? 0 : expected->second;
      if (random.below(3) == 0) {
        EXPECT_EQ(table.remove(key), number);
        model.erase(key);
      } else if (random.below(2) == 0) {
        ASSERT_TRUE(table.put(key, step));
        model[key] = step;
      } else {
        EXPECT_EQ(table.find(key), number) << "seed " << seed << ", step " << step;
      }
    }
    for (const auto& [key, number] : model) EXPECT_EQ(table.find(key), number) << "seed " << seed;
  }
}

TEST(Sequence, GrowsAndKeepsWhatIsInIt) {
  Sequence<std::uint64_t> items;
  EXPECT_TRUE(items.is_empty());
  for (std::uint64_t i = 0; i < 100'000; ++i) ASSERT_TRUE(items.push(i * 3));
  ASSERT_EQ(items.size(), 100'000u);
  for (std::uint64_t i = 0; i < items.size(); ++i) ASSERT_EQ(items[i], i * 3);
  EXPECT_EQ(items.pop(), 99'999u * 3);
  items.resize_down(10);
  EXPECT_EQ(items.last(), 27u);
  items.clear();
  EXPECT_TRUE(items.is_empty());
}

}  // namespace
}  // namespace hoop::cpython::life
