// SPDX-License-Identifier: Apache-2.0
#include "cpython/collection_records.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::cpython {

namespace {

constexpr Nanoseconds kShortestBound = 62'500;  // a sixteenth of a millisecond

}  // namespace

constinit CollectionHistory collection_history;
constinit StopHistogram stop_histogram;

const char* name_of(Trigger trigger) noexcept {
  switch (trigger) {
    case Trigger::kThreshold:
      return "threshold";
    case Trigger::kPressure:
      return "pressure";
    case Trigger::kCollect:
      return "collect";
    case Trigger::kDebug:
      return "debug";
  }
  return "threshold";
}

const char* name_of(CollectionMode mode) noexcept {
  return mode == CollectionMode::kConcurrent ? "concurrent" : "inplace";
}

const char* name_of(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::kRunning:
      return "running";
    case Outcome::kDone:
      return "done";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kDiscarded:
      return "discarded";
  }
  return "running";
}

CollectionRecord& CollectionHistory::begin() noexcept {
  ++count_;
  newest() = CollectionRecord();
  return newest();
}

void CollectionHistory::end(Outcome outcome, const char* reason) noexcept {
  CollectionRecord& record = newest();
  record.outcome = outcome;
  if (reason != nullptr) record.reason = reason;
  CollectionTotals& totals = totals_;
  ++totals.collections;
  ++(record.mode == CollectionMode::kConcurrent ? totals.concurrent : totals.in_place);
  totals.failed += outcome == Outcome::kFailed ? 1 : 0;
  totals.discarded += outcome == Outcome::kDiscarded ? 1 : 0;
  totals.objects = std::max(totals.objects, record.objects);
  totals.candidates += record.candidates;
  totals.freed += record.freed;
  totals.died += record.died;
  totals.untracked += record.untracked;
  totals.survived += record.survived;
  totals.pause += record.pause;
  totals.longest_pause = std::max(totals.longest_pause, record.pause);
  totals.search += record.search;
  totals.judging += record.judging;
  totals.longest_judging = std::max(totals.longest_judging, record.longest_judging);
}

std::size_t CollectionHistory::size() const noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count_, kCapacity));
}

const CollectionRecord& CollectionHistory::operator[](std::size_t index) const noexcept {
  return records_[(count_ - size() + index) % kCapacity];
}

void StopHistogram::add(Stop kind, Nanoseconds duration) noexcept {
  unsigned bucket = 0;
  while (bucket + 1 < kStopBuckets && duration > bound_of(bucket)) ++bucket;
  ++counts[bucket][static_cast<unsigned>(kind)];
}

Nanoseconds StopHistogram::bound_of(unsigned bucket) noexcept {
  return bucket + 1 < kStopBuckets ? kShortestBound << bucket : 0;
}

void forget_collections() noexcept {
  collection_history = CollectionHistory();
  stop_histogram = StopHistogram();
}

}  // namespace hoop::cpython
