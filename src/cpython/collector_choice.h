// SPDX-License-Identifier: Apache-2.0
// Who does full collections, as users choose it.
#pragma once

#include <cstdint>

namespace hoop::cpython {

enum class CollectorChoice : std::uint8_t { kConcurrent, kInPlace, kStock };

// "concurrent", "inplace", "stock"; false, and `choice` untouched, for anything else.
bool parse_collector(const char* name, CollectorChoice& choice) noexcept;

struct CollectorOptions {
  CollectorChoice choice = CollectorChoice::kConcurrent;
  bool serves_gc_collect = false;  // gc.collect() itself goes by our search
};

}  // namespace hoop::cpython
