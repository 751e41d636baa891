// SPDX-License-Identifier: Apache-2.0
// What the agent knows of the process that it is in. Written at start and in a fork's child; read
// everywhere.
#pragma once

#include <sys/types.h>

#include "base/units.h"

namespace hoop::cpython {

struct Process {
  pid_t pid = 0;
  Nanoseconds start_wall = 0;
  Nanoseconds start_monotonic = 0;
  const char* run_dir = nullptr;         // nullptr: figures go nowhere
  bool is_root = false;                  // the process that `hoop run` became
  bool is_forked = false;                // began as a copy of another Python
  bool is_late = false;                  // objects were made before our heap was there
  const char* passive_reason = nullptr;  // why the heap is not in use; nullptr: it is
};

extern constinit Process process;

}  // namespace hoop::cpython
