// SPDX-License-Identifier: Apache-2.0
// Finds CPython inside another process: in its memory where it can, so that deleted files and other
// mount namespaces do not matter.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>

#include "base/units.h"
#include "remote/proc_files.h"
#include "remote/stopped_threads.h"
#include "remote/trouble.h"

namespace hoop::remote {

// Where CPython 3.13 and later keeps what tells who holds a GIL. Offsets in bytes.
struct GilOffsets {
  std::uint64_t first_interpreter = 0;  // of _PyRuntime
  std::uint64_t next_interpreter = 0;   // of an interpreter
  std::uint64_t gil = 0;                // of an interpreter: a pointer
  std::uint64_t locked = 0;             // of a GIL
  std::uint64_t holder = 0;             // of a GIL: a pointer to a thread state
  std::uint64_t system_id = 0;          // of a thread state: its number inside its namespace
};

struct PythonFacts {
  Address runtime = 0;        // &_PyRuntime
  unsigned minor = 0;         // of 3.x
  std::uint32_t version = 0;  // as PY_VERSION_HEX; its lower half is 0 where it cannot be known
  std::string library;        // the file that holds _PyRuntime
  bool is_free_threaded = false;
  bool has_gil_offsets = false;
  GilOffsets gil;
};

// Trouble: it is not Python, or not one that is known.
Trouble find_python(pid_t pid, PythonFacts& facts);

// Good: nobody holds a GIL, or its holder is in a system call. Unknown before 3.13.
Judge judge_by_gil(pid_t pid, const PythonFacts& facts);

}  // namespace hoop::remote
