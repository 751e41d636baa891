// SPDX-License-Identifier: Apache-2.0
// Gives memory back to the system, page by page, in small steps.
//
// A *round* looks at every chunk in which something was freed. Free units that were free in the
// round before, and pages without a live block of slabs in which nothing happened since the round
// before, go back. Rounds begin at least kRoundInterval apart, so memory comes back one to two
// intervals after it fell idle, and memory that is soon wanted again stays. A round is cut into
// ticks of at most kTickBudget.
#pragma once

#include <cstddef>
#include <cstdint>

#include "heap/slab_blocks.h"
#include "heap/unit_space.h"

namespace hoop::heap {

class Trimmer {
 public:
  static constexpr Nanoseconds kRoundInterval = 250 * kMillisecond;
  static constexpr Nanoseconds kTickBudget = 1 * kMillisecond;
  static constexpr Nanoseconds kRest = 32;  // times as long as the tick before it

  constexpr Trimmer() = default;

  // Something was freed: there may be something to give.
  void note_free() { pending_ = true; }
  [[nodiscard]] bool pending() const { return pending_ || in_round_; }
  // True inside an unfinished round, or when the next may begin.
  [[nodiscard]] bool is_due(Nanoseconds now) const {
    return in_round_ || (pending_ && now >= next_round_);
  }
  // For whoever ticks beside other work, so that trimming takes 3 % of the time at most.
  [[nodiscard]] bool rests(Nanoseconds now) const { return now < rest_until_; }
  [[nodiscard]] Nanoseconds next_round() const { return next_round_; }

  // One step of a round; returns the bytes given back. Aborts on a damaged free list.
  std::size_t tick(UnitSpace& space, Nanoseconds now) noexcept;

  // Everything at once, whatever its age.
  std::size_t trim_all(UnitSpace& space) noexcept;

  // Free units of up to about `wanted` bytes, at once: memory is taken elsewhere. Whole huge pages
  // stay.
  void give_free_units(UnitSpace& space, std::size_t wanted) noexcept;

  [[nodiscard]] std::size_t given_back_bytes() const { return given_back_bytes_; }
  [[nodiscard]] Nanoseconds time_spent() const { return time_spent_; }
  void note_given_back(std::size_t bytes) { given_back_bytes_ += bytes; }

 private:
  enum class Age : std::uint8_t { kIdleOnly, kAny };
  struct Plan;

  std::size_t look_at(UnitSpace& space, unsigned chunk, Age age) noexcept;
  static bool plan_slab(Plan& plan, SlabBlocks blocks, Slab& slab, unsigned unit, Age age) noexcept;
  static void plan_chunk(Plan& plan, UnitSpace& space, unsigned chunk, Age age) noexcept;
  static void add_untouched(Plan& plan, UnitSpace& space, unsigned chunk, Age age) noexcept;
  static bool split(Plan& plan, UnitSpace& space, unsigned chunk, Age age) noexcept;
  static void leave_for_later(const Plan& plan, Slab* records) noexcept;
  static std::size_t apply(const Plan& plan, UnitSpace& space, unsigned chunk) noexcept;

  bool pending_ = false;
  bool in_round_ = false;
  unsigned cursor_ = 0;
  Nanoseconds next_round_ = 0;
  Nanoseconds rest_until_ = 0;
  std::size_t given_back_bytes_ = 0;
  Nanoseconds time_spent_ = 0;
};

}  // namespace hoop::heap
