// SPDX-License-Identifier: Apache-2.0
// In a copy, or in place? Decided by what both cost so far in this very process, and by whether it
// may be copied at all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::cpython {

class CopyDecision {
 public:
  // Remembers what the process was allowed at its start.
  void init() noexcept;

  // nullptr: a copy, please. Else why not, in a few words. `objects`: about how many there are;
  // `is_forced`: what it costs does not matter.
  const char* reason_against(std::size_t objects, bool is_forced, Nanoseconds now) noexcept;

  // How long a search among `objects` takes, by what was seen so far.
  [[nodiscard]] Nanoseconds predicted_search(std::size_t objects) const noexcept {
    return objects * search_picoseconds_ / 1000;
  }

  // What was measured.
  void note_search(std::size_t objects, Nanoseconds took) noexcept;
  void note_copy(Nanoseconds took) noexcept;
  // It was refused, ended early or was late: no other for a while, longer each time.
  void note_failure(Nanoseconds now) noexcept;
  void note_success() noexcept { failures_ = 0; }

 private:
  std::uint64_t search_picoseconds_ = 60'000;        // per object
  std::uint64_t copy_picoseconds_per_kib_ = 12'000;  // of anonymous memory
  std::size_t anonymous_bytes_ = 0;                  // at the last decision
  unsigned filters_at_start_ = 0;
  unsigned failures_ = 0;
  Nanoseconds not_before_ = 0;
};

}  // namespace hoop::cpython
