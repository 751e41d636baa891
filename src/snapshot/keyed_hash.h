// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012): equal contents are
// found in a file without the contents, and cannot be guessed without the key.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hoop::snapshot {

struct HashKey {
  std::uint64_t words[2];
};

class KeyedHash {
 public:
  explicit KeyedHash(const HashKey& key) : key_(key) {}

  [[nodiscard]] std::uint64_t of(const void* data, std::size_t bytes) const {
    State state{{key_.words[0] ^ 0x736f6d6570736575u, key_.words[1] ^ 0x646f72616e646f6du,
                 key_.words[0] ^ 0x6c7967656e657261u, key_.words[1] ^ 0x7465646279746573u}};
    const auto* from = static_cast<const unsigned char*>(data);
    std::uint64_t word = 0;
    for (std::size_t left = bytes; left >= sizeof word; left -= sizeof word, from += sizeof word) {
      std::memcpy(&word, from, sizeof word);
      state.take(word);
    }
    word = std::uint64_t{bytes} << 56;
    for (std::size_t i = 0; i < bytes % sizeof word; ++i) word |= std::uint64_t{from[i]} << 8 * i;
    state.take(word);
    return state.finish();
  }

 private:
  struct State {
    std::uint64_t v[4];

    void round() {
      v[0] += v[1];
      v[1] = std::rotl(v[1], 13) ^ v[0];
      v[0] = std::rotl(v[0], 32);
      v[2] += v[3];
      v[3] = std::rotl(v[3], 16) ^ v[2];
      v[0] += v[3];
      v[3] = std::rotl(v[3], 21) ^ v[0];
      v[2] += v[1];
      v[1] = std::rotl(v[1], 17) ^ v[2];
      v[2] = std::rotl(v[2], 32);
    }
    void take(std::uint64_t word) {
      v[3] ^= word;
      round();
      v[0] ^= word;
    }
    std::uint64_t finish() {
      v[2] ^= 0xff;
      for (int i = 0; i < 3; ++i) round();
      return v[0] ^ v[1] ^ v[2] ^ v[3];
    }
  };

  HashKey key_;
};

}  // namespace hoop::snapshot
