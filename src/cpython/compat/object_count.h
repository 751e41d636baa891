// SPDX-License-Identifier: Apache-2.0
// The count of an object as the search for cycles takes it.
#pragma once

#include <Python.h>

#include <cstdint>

#include "cycles/host.h"

namespace hoop::cpython {

#if PY_VERSION_HEX >= 0x030C0000
inline bool is_immortal(PyObject* object) { return _Py_IsImmortal(object) != 0; }
#else
inline bool is_immortal(PyObject*) { return false; }
#endif

inline std::uint32_t count_for_search(PyObject* object) {
  if (is_immortal(object)) return cycles::kAlwaysLive;
  const auto count = static_cast<std::uint64_t>(Py_REFCNT(object));
  return count < cycles::kAlwaysLive ? static_cast<std::uint32_t>(count) : cycles::kAlwaysLive;
}

}  // namespace hoop::cpython
