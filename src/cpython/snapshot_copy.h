// SPDX-License-Identifier: Apache-2.0
// A snapshot under way: a copy of the process writes the file while the program goes on. One at a
// time.
#pragma once

#include <Python.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cycles/object_map.h"
#include "heap/statistics.h"
#include "snapshot/writer.h"

namespace hoop::cpython {

struct SnapshotReport {
  const char* failure = nullptr;  // nullptr: the file is whole
  snapshot::Outcome outcome;
  Nanoseconds pause = 0;
};

// What the other threads did when the copy was taken: kPython: they stood still, as the GIL was
// held; kAnywhere: whatever they did.
enum class Instant : std::uint8_t { kPython, kAnywhere };

// Looks up what a copy has to know of this interpreter; before the first snapshot. nullptr: done.
// Else why no snapshot can be taken. REQUIRES: the GIL.
const char* prepare_snapshots() noexcept;

class SnapshotCopy {
 public:
  // Starts writing into `file`; `trigger` is for the file's record. nullptr: it runs, and is for
  // the caller to poll; else why not, in one line. REQUIRES: prepare_snapshots(); with kPython, the
  // GIL.
  const char* start(int file, bool with_values, const char* trigger, Instant instant) noexcept;
  [[nodiscard]] bool is_running() const { return is_reserved_.load(); }
  // True once it has ended: `report` tells how. REQUIRES, as for end(): it runs.
  bool poll(SnapshotReport& report) noexcept;
  // Ends it; the file is a half one.
  void end() noexcept;
  // In a fork's child: the copy is the parent's.
  void forget() noexcept;

 private:
  struct Shared;
  struct Context;

  static void enter_objects(void* in_copy, cycles::ObjectMap& map);
  static void for_each_block(void* in_copy, void (*visit)(void* to, Address start), void* to);
  static void run_in_copy(void* in_copy) noexcept;
  static snapshot::Account wait_for_account(void* shared_memory);

  const char* start_reserved(int file, bool with_values, const char* trigger,
                             Instant instant) noexcept;
  void note_account() noexcept;
  void release() noexcept;

  std::atomic<bool> is_reserved_{false};
  pid_t copy_ = 0;
  Shared* shared_ = nullptr;
  Nanoseconds pause_ = 0;
  const char* trigger_ = nullptr;
  Instant instant_ = Instant::kPython;
  bool is_collector_on_ = true;
  heap::Statistics statistics_;  // when it was taken
};

extern constinit SnapshotCopy snapshot_copy;

}  // namespace hoop::cpython
