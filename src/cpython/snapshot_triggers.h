// SPDX-License-Identifier: Apache-2.0
// When a process takes snapshots of itself: what `hoop run --snapshot-at` asked for, handed on in
// the environment (docs/format/run-directory.md).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "base/units.h"

namespace hoop::cpython {

class SnapshotTriggers {
 public:
  // Reads HOOP_SNAPSHOT_AT and HOOP_SNAPSHOT_DIR. Words that mean nothing are passed over.
  void read_environment() noexcept;

  [[nodiscard]] bool is_any() const { return directory_ != nullptr; }
  [[nodiscard]] bool is_at_exit() const { return at_exit_; }
  [[nodiscard]] bool is_at_memory_error() const { return at_memory_error_; }
  // 0: none.
  [[nodiscard]] int signal() const { return signal_; }
  // `hoop run --explain`: growth_watch.h.
  [[nodiscard]] bool watches_growth() const { return watches_growth_; }
  // Nobody is told of each file, only of those that could not be written.
  [[nodiscard]] bool is_quiet() const { return watches_growth_; }
  // Whether due() is to be asked every second, not only when something happened.
  [[nodiscard]] bool needs_looks() const { return at_peak_ || near_limit_ || interval_ != 0; }

  // From a signal handler, or amid an allocation.
  void note_signal() noexcept { is_signalled_.store(true, std::memory_order_relaxed); }
  void note_memory_error() noexcept { is_out_of_memory_.store(true, std::memory_order_relaxed); }

  // Why a snapshot is to be taken now, in a word that a file name may hold. nullptr: none is.
  const char* due(Nanoseconds now) noexcept;

  // The file of a snapshot; the one of the peak takes the place of the one before.
  void make_path(const char* trigger, TextBuffer& path) noexcept;

 private:
  void read_word(const char* word, std::size_t length) noexcept;
  bool is_new_peak(Nanoseconds now) noexcept;
  bool is_newly_near_limit() noexcept;

  const char* directory_ = nullptr;
  bool watches_growth_ = false;
  bool at_exit_ = false, at_peak_ = false, at_memory_error_ = false, near_limit_ = false;
  int signal_ = 0;
  Nanoseconds interval_ = 0;
  Nanoseconds next_ = 0;
  Nanoseconds last_peak_ = 0;
  Nanoseconds last_memory_error_ = 0;
  std::size_t peak_bytes_ = 0;
  bool was_near_limit_ = false;
  unsigned count_ = 0;
  std::atomic<bool> is_signalled_{false};
  std::atomic<bool> is_out_of_memory_{false};
};

extern constinit SnapshotTriggers snapshot_triggers;

}  // namespace hoop::cpython
