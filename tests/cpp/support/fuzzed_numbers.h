// SPDX-License-Identifier: Apache-2.0
// A fuzzer's bytes as numbers, where random tests take random ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hoop::testing {

// Numbers out of the fuzzer's bytes; zeroes behind their end.
class FuzzedNumbers {
 public:
  FuzzedNumbers(const std::uint8_t* data, std::size_t size) : next_(data), end_(data + size) {}

  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t value = 0;
    for (std::uint64_t reach = 1; reach < bound; reach <<= 8) value = value << 8 | byte();
    return value % bound;
  }
  std::uint8_t byte() { return next_ < end_ ? *next_++ : std::uint8_t{0}; }
  [[nodiscard]] bool at_end() const { return next_ == end_; }

 private:
  const std::uint8_t* next_;
  const std::uint8_t* end_;
};

}  // namespace hoop::testing
