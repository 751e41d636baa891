// SPDX-License-Identifier: Apache-2.0
#include "cpython/snapshot_triggers.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "cpython/process.h"
#include "os/memory_limit.h"
#include "os/proc.h"
#include "os/report_process.h"

namespace hoop::cpython {

constinit SnapshotTriggers snapshot_triggers;

namespace {

// A peak is a new one when it is a tenth higher, and not sooner after the last than this.
constexpr Nanoseconds kBetweenPeaks = 5 * kSecond;
constexpr std::size_t kLeastPeak = 32 * kMiB;
// Failing allocations come in rows.
constexpr Nanoseconds kBetweenMemoryErrors = 60 * kSecond;
// The limit is near when the process could grow by a tenth only, and far again at a fifth.
constexpr std::size_t kNear = 10, kFar = 5;
constexpr int kMostSignals = 64;
// What a program does in its first half a minute is mostly setting up.
constexpr Nanoseconds kFirstExplainInterval = 20 * kSecond;

bool is_word(const char* word, std::size_t length, const char* name) {
  return std::strlen(name) == length && std::memcmp(word, name, length) == 0;
}

}  // namespace

void SnapshotTriggers::read_environment() noexcept {
  directory_ = os::variable("HOOP_SNAPSHOT_DIR");
  const char* words = os::variable("HOOP_SNAPSHOT_AT");
  if (directory_ == nullptr || words == nullptr) {
    directory_ = nullptr;
    return;
  }
  while (*words != 0) {
    const std::size_t length = std::strcspn(words, ",");
    read_word(words, length);
    words += length;
    if (*words == ',') ++words;
  }
}

// explain, exit, peak, memory-error, limit, signal:<number>, every:<seconds>
void SnapshotTriggers::read_word(const char* word, std::size_t length) noexcept {
  constexpr char kSignal[] = "signal:", kEvery[] = "every:";
  at_exit_ = at_exit_ || is_word(word, length, "exit");
  at_peak_ = at_peak_ || is_word(word, length, "peak");
  at_memory_error_ = at_memory_error_ || is_word(word, length, "memory-error");
  near_limit_ = near_limit_ || is_word(word, length, "limit");
  if (is_word(word, length, "explain")) {
    watches_growth_ = at_exit_ = at_memory_error_ = near_limit_ = true;
    interval_ = kFirstExplainInterval;
  }
  if (std::strncmp(word, kSignal, sizeof kSignal - 1) == 0) {
    word += sizeof kSignal - 1;
    signal_ = static_cast<int>(parse_decimal(word));
    if (signal_ < 0 || signal_ > kMostSignals) signal_ = 0;
  } else if (std::strncmp(word, kEvery, sizeof kEvery - 1) == 0) {
    word += sizeof kEvery - 1;
    interval_ = parse_decimal(word) * kSecond;
  }
}

const char* SnapshotTriggers::due(Nanoseconds now) noexcept {
  if (is_signalled_.exchange(false, std::memory_order_relaxed)) return "signal";
  if (is_out_of_memory_.exchange(false, std::memory_order_relaxed) &&
      (last_memory_error_ == 0 || now - last_memory_error_ > kBetweenMemoryErrors)) {
    last_memory_error_ = now;
    return "memory-error";
  }
  if (near_limit_ && is_newly_near_limit()) return "limit";
  if (interval_ != 0 && now >= next_) {
    const bool is_first = next_ == 0;
    next_ = now + interval_;
    if (watches_growth_) interval_ *= 2;
    if (!is_first) return "every";
  }
  return at_peak_ && is_new_peak(now) ? "peak" : nullptr;
}

bool SnapshotTriggers::is_new_peak(Nanoseconds now) noexcept {
  const std::size_t bytes = os::read_memory_use().resident_bytes;
  if (bytes < kLeastPeak || bytes < peak_bytes_ + peak_bytes_ / 10) return false;
  if (last_peak_ != 0 && now - last_peak_ < kBetweenPeaks) return false;
  last_peak_ = now;
  peak_bytes_ = bytes;
  return true;
}

bool SnapshotTriggers::is_newly_near_limit() noexcept {
  const std::size_t left = os::memory_left_in_group();
  const std::size_t bytes = os::read_memory_use().resident_bytes;
  const bool is_near = left < bytes / (was_near_limit_ ? kFar : kNear);
  const bool is_news = is_near && !was_near_limit_;
  was_near_limit_ = is_near;
  return is_news;
}

void SnapshotTriggers::make_path(const char* trigger, TextBuffer& path) noexcept {
  path.add(directory_).add_char('/').add_decimal(static_cast<std::uint64_t>(process.pid));
  if (std::strcmp(trigger, "peak") != 0) path.add_char('-').add_decimal(++count_);
  path.add_char('-').add(trigger).add(".hoop");
}

}  // namespace hoop::cpython
