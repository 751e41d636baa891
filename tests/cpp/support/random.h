// SPDX-License-Identifier: Apache-2.0
// Random numbers for tests. The seed is printed, so that a failure can be run again:
// HOOP_TEST_SEED=<seed>.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "os/clock.h"

namespace hoop::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // splitmix64
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // REQUIRES: bound >= 1.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::uint64_t between(std::uint64_t first, std::uint64_t last) {
    return first + below(last - first + 1);
  }
  bool percent(unsigned chance) { return below(100) < chance; }

 private:
  std::uint64_t state_;
};

// A new seed each run unless HOOP_TEST_SEED says which.
inline Random seeded_random() {
  const char* const wanted = std::getenv("HOOP_TEST_SEED");
  const std::uint64_t seed =
      wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : os::wall_clock_now();
  std::printf("[   SEED   ] HOOP_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return Random(seed);
}

}  // namespace hoop::testing
