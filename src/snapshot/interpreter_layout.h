// SPDX-License-Identifier: Apache-2.0
// Where the interpreter's state keeps objects: what is alive by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {

struct NamedField {
  std::uint32_t offset;
  const char* name;
};

struct InterpreterLayout {
  std::uint32_t bytes = 0;  // of PyInterpreterState; 0: not known
  std::uint32_t threads_head = 0;
  std::uint32_t collector = 0, collector_bytes = 0;  // its lists lie in there
  std::uint32_t exit_callbacks = 0;                  // an array of pointers, then its length
  std::uint32_t interpreters_head = 0;               // in _PyRuntime
  std::array<NamedField, 16> fields{};
};

// `runtime`: the address of _PyRuntime. 3.13 and later say there themselves where most things are.
InterpreterLayout find_interpreter_layout(Address runtime, const PythonLayout& layout);

}  // namespace hoop::snapshot
