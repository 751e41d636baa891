// SPDX-License-Identifier: Apache-2.0
// What there is to tell of collections: one record for each full collection of ours, and how long
// collections of any kind stopped the program. Written and read with the GIL.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::cpython {

enum class Trigger : std::uint8_t { kThreshold, kPressure, kCollect, kDebug };
enum class CollectionMode : std::uint8_t { kConcurrent, kInPlace };
enum class Outcome : std::uint8_t { kRunning, kDone, kFailed, kDiscarded };

const char* name_of(Trigger trigger) noexcept;
const char* name_of(CollectionMode mode) noexcept;
const char* name_of(Outcome outcome) noexcept;

struct CollectionRecord {
  Nanoseconds at = 0;  // since the process began
  Trigger trigger = Trigger::kThreshold;
  CollectionMode mode = CollectionMode::kInPlace;
  Outcome outcome = Outcome::kRunning;
  const char* reason = nullptr;  // why failed, discarded, or in place although not asked to
  Nanoseconds pause = 0;         // the stop that begins it: the copy, or all of the search
  Nanoseconds search = 0;        // the search, wherever it ran
  Nanoseconds judging = 0;       // young collections that judged its candidates, in all
  Nanoseconds longest_judging = 0;
  std::uint64_t batches = 0;     // how many of those
  std::uint64_t objects = 0;     // looked at
  std::uint64_t candidates = 0;  // found to be garbage
  std::uint64_t components = 0;
  std::uint64_t largest_component = 0;
  std::uint64_t freed = 0;
  std::uint64_t died = 0;       // were freed before they were judged
  std::uint64_t untracked = 0;  // no longer the collector's
  std::uint64_t survived = 0;   // judged to be alive
};

// All that ended, summed up.
struct CollectionTotals {
  std::uint64_t collections = 0;
  std::uint64_t concurrent = 0;
  std::uint64_t in_place = 0;
  std::uint64_t failed = 0;
  std::uint64_t discarded = 0;
  std::uint64_t objects = 0;  // the most in one
  std::uint64_t candidates = 0;
  std::uint64_t freed = 0;
  std::uint64_t died = 0;
  std::uint64_t untracked = 0;
  std::uint64_t survived = 0;
  Nanoseconds pause = 0;
  Nanoseconds longest_pause = 0;
  Nanoseconds search = 0;
  Nanoseconds judging = 0;
  Nanoseconds longest_judging = 0;
};

// The last ones, oldest first, that of a collection under way among them.
class CollectionHistory {
 public:
  static constexpr std::size_t kCapacity = 256;

  CollectionRecord& begin() noexcept;
  // Closes the newest record.
  void end(Outcome outcome, const char* reason) noexcept;
  [[nodiscard]] CollectionRecord& newest() noexcept { return at_position(count_ - 1); }

  [[nodiscard]] std::size_t size() const noexcept;
  // REQUIRES: index < size().
  [[nodiscard]] const CollectionRecord& operator[](std::size_t index) const noexcept;
  [[nodiscard]] const CollectionTotals& totals() const noexcept { return totals_; }

 private:
  CollectionRecord& at_position(std::uint64_t position) noexcept {
    return records_[position % kCapacity];
  }

  CollectionRecord records_[kCapacity];
  std::uint64_t count_ = 0;  // ever begun
  CollectionTotals totals_;
};

extern constinit CollectionHistory collection_history;

// Stops by how long they were: doubling from 1/16 ms.
enum class Stop : std::uint8_t { kYoung, kFull, kOurs };
inline constexpr unsigned kStopKinds = 3;
inline constexpr unsigned kStopBuckets = 20;

struct StopHistogram {
  std::uint64_t counts[kStopBuckets][kStopKinds] = {};

  void add(Stop kind, Nanoseconds duration) noexcept;
  // Stops of the bucket are no longer than that; 0: the last one has no bound.
  static Nanoseconds bound_of(unsigned bucket) noexcept;
};

extern constinit StopHistogram stop_histogram;

// In a fork's child.
void forget_collections() noexcept;

}  // namespace hoop::cpython
