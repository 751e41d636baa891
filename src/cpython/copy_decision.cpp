// SPDX-License-Identifier: Apache-2.0
#include "cpython/copy_decision.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/memory_limit.h"
#include "os/proc.h"

namespace hoop::cpython {
namespace {

// A search in place that is as short as that is not worth a copy.
constexpr Nanoseconds kShortSearch = 4 * kMillisecond;
// A copy has to be this much shorter than the search.
constexpr unsigned kWorthwhile = 2;
constexpr Nanoseconds kFirstRest = 5 * kSecond;
constexpr unsigned kMostDoublings = 8;
// What a copy may cost in memory: tables, and the pages that the program writes to meanwhile.
constexpr std::size_t kTableBytesPerObject = 32;
constexpr std::size_t kSharePresumedHot = 8;
constexpr std::size_t kPinnedBytesAllowed = 64 * kMiB;

// Moves a quarter of the way.
void approach(std::uint64_t& average, std::uint64_t measured) {
  average = average - average / 4 + measured / 4;
}

}  // namespace

void CopyDecision::init() noexcept {
  filters_at_start_ = os::read_copy_facts().system_call_filters;
}

const char* CopyDecision::reason_against(std::size_t objects, bool is_forced,
                                         Nanoseconds now) noexcept {
  if (!is_forced && predicted_search(objects) < kShortSearch) return "the heap is small";
  if (now < not_before_) return "copies failed shortly before";
  const os::CopyFacts facts = os::read_copy_facts();
  anonymous_bytes_ = facts.anonymous_bytes;
  if (facts.system_call_filters > filters_at_start_)
    return "system calls are filtered (seccomp) since the start";
  if (facts.pinned_bytes > kPinnedBytesAllowed) return "much memory is pinned for devices";
  const Nanoseconds predicted_copy = anonymous_bytes_ / kKiB * copy_picoseconds_per_kib_ / 1000;
  if (!is_forced && predicted_copy * kWorthwhile > predicted_search(objects))
    return "a copy would take as long: most memory is not Python's";
  const std::size_t needed = objects * kTableBytesPerObject + anonymous_bytes_ / kSharePresumedHot;
  if (os::memory_left_in_group() < needed) return "the limit of the control group is near";
  return nullptr;
}

void CopyDecision::note_search(std::size_t objects, Nanoseconds took) noexcept {
  if (objects > 0) approach(search_picoseconds_, took * 1000 / objects);
}

void CopyDecision::note_copy(Nanoseconds took) noexcept {
  if (anonymous_bytes_ > 16 * kMiB)
    approach(copy_picoseconds_per_kib_, took * 1000 / (anonymous_bytes_ / kKiB));
}

void CopyDecision::note_failure(Nanoseconds now) noexcept {
  not_before_ = now + (kFirstRest << std::min(failures_, kMostDoublings));
  ++failures_;
}

}  // namespace hoop::cpython
