// SPDX-License-Identifier: Apache-2.0
// The process's memory over time, in a mapped file of the run directory: it is there after any kind
// of death.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"

namespace hoop::cpython {

enum class LiveState : std::uint32_t { kRunning = 1, kFinished = 2, kPassive = 3, kLeft = 4 };

// File layout, little-endian; offsets are part of the format (docs/format/run-directory.md).
struct LiveSample {
  std::uint64_t at;  // ns since start
  std::uint64_t resident_bytes;
  std::uint64_t heap_held;  // chunks and mappings taken from the system
  std::uint64_t reserved;
  std::uint64_t heap_given_back;  // ever
  std::uint64_t collections;
  std::uint64_t collection_time;
  std::uint64_t live_blocks;  // 0: not counted
};
static_assert(sizeof(LiveSample) == 64);

struct LiveHeader {
  char magic[8];
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint32_t pid;
  std::uint32_t ppid;
  std::uint64_t start_wall;
  std::uint64_t start_monotonic;
  std::uint32_t python_version;
  std::uint32_t state;
  std::uint64_t peak_resident_bytes;
  std::uint64_t peak_at;
  std::uint32_t sample_bytes;
  std::uint32_t sample_capacity;
  std::uint32_t sample_count;
  std::uint32_t reserved;
  char unused[128 - 80];
  char program[128];
};
static_assert(sizeof(LiveHeader) == 256);

class LiveFile {
 public:
  constexpr LiveFile() = default;

  // Files of this process image are named <run_dir>/<pid>.<n>.live and .json, n being the first
  // that is free. False when that fails, or when the run has files of enough processes.
  bool open(const char* run_dir) noexcept;
  // In a fork's child: forgets the parent's file without touching it.
  void abandon() noexcept;

  [[nodiscard]] bool is_open() const { return header_ != nullptr; }
  [[nodiscard]] bool is_due(Nanoseconds now) const { return now >= next_sample_; }
  [[nodiscard]] unsigned image() const { return image_; }

  // Adds a sample; when the file is full every second one goes and the interval doubles.
  void add(const LiveSample& sample, Nanoseconds now) noexcept;
  void set_state(LiveState state) noexcept;

 private:
  static constexpr unsigned kCapacity = 500;
  static constexpr Nanoseconds kFirstInterval = 10 * kMillisecond;

  LiveHeader* header_ = nullptr;
  LiveSample* samples_ = nullptr;
  unsigned image_ = 0;
  Nanoseconds interval_ = kFirstInterval;
  Nanoseconds next_sample_ = 0;
};

}  // namespace hoop::cpython
