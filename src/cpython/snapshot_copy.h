// SPDX-License-Identifier: Apache-2.0
// A snapshot under way: a copy of the process writes the file while the program goes on. One at a
// time.
#pragma once

#include <Python.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/writer.h"

namespace hoop::cpython {

struct SnapshotReport {
  const char* failure = nullptr;  // nullptr: the file is whole
  snapshot::Outcome outcome;
  Nanoseconds pause = 0;
};

class SnapshotCopy {
 public:
  [[nodiscard]] bool is_running() const { return copy_ != 0; }

  // Starts writing into `file`; `trigger` is for the file's record. nullptr: it runs; else why not,
  // in one line. REQUIRES: the GIL; no snapshot runs.
  const char* start(int file, bool with_values, const char* trigger) noexcept;
  // True once it has ended: `report` tells how. Any thread, one at a time.
  bool poll(SnapshotReport& report) noexcept;
  // Ends it; the file is a half one.
  void end() noexcept;
  // In a fork's child: the copy is the parent's.
  void forget() noexcept;

 private:
  struct Shared;

  void note_account(const char* trigger) noexcept;
  void release() noexcept;

  pid_t copy_ = 0;
  Shared* shared_ = nullptr;
  Nanoseconds pause_ = 0;
};

extern constinit SnapshotCopy snapshot_copy;

}  // namespace hoop::cpython
