// SPDX-License-Identifier: Apache-2.0
#include "snapshot/keyed_hash.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace hoop::snapshot {
namespace {

// The key of the reference vectors: bytes 0 to 15.
constexpr HashKey kKey{{0x0706050403020100u, 0x0F0E0D0C0B0A0908u}};

TEST(KeyedHash, EqualsTheReference) { EXPECT_EQ(KeyedHash(kKey).of("", 0), 0xABAC0158050FC4DCu); }

TEST(KeyedHash, DependsOnEveryByteAndOnTheLength) {
  const KeyedHash hash(kKey);
  std::set<std::uint64_t> seen;
  std::string text(40, 'a');
  for (std::size_t length = 0; length <= text.size(); ++length)
    seen.insert(hash.of(text.data(), length));
  for (std::size_t i = 0; i < text.size(); ++i) {
    text[i] = 'b';
    seen.insert(hash.of(text.data(), text.size()));
    text[i] = 'a';
  }
  EXPECT_EQ(seen.size(), 2 * text.size() + 1);
}

TEST(KeyedHash, DependsOnTheKey) {
  const HashKey other{{1, 2}};
  EXPECT_NE(KeyedHash(kKey).of("text", 4), KeyedHash(other).of("text", 4));
  EXPECT_EQ(KeyedHash(kKey).of("text", 4), KeyedHash(kKey).of("text", 4));
}

}  // namespace
}  // namespace hoop::snapshot
