// SPDX-License-Identifier: Apache-2.0
// What a test asks of the code that it runs in a copy, and what that answers.
#pragma once

#include <cstdint>

namespace hoop::testing {

enum class BlobDeed : std::uint64_t { kWrite, kCrash, kGiveUp, kHang };

struct BlobOrder {
  BlobDeed deed;
  std::uint64_t from;
  std::uint64_t bytes;  // after a BlobReport
};

struct BlobReport {
  char first;  // of a text that is found by relocations
  std::uint64_t descriptors;
  std::uint64_t pid;
  std::uint64_t bytes;
};

}  // namespace hoop::testing
