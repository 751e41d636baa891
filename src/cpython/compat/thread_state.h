// SPDX-License-Identifier: Apache-2.0
// Whether the calling thread has the GIL, and whether the interpreter is on its way out.
// PyGILState_Check() says yes for ever once a second interpreter was made.
#pragma once

#include <Python.h>

namespace hoop::cpython {

#if PY_VERSION_HEX >= 0x030D0000
inline PyThreadState* current_thread_state() { return PyThreadState_GetUnchecked(); }
inline bool is_finalizing() { return Py_IsFinalizing() != 0; }
#else
inline PyThreadState* current_thread_state() { return _PyThreadState_UncheckedGet(); }
inline bool is_finalizing() { return _Py_IsFinalizing() != 0; }
#endif

inline bool holds_gil() {
  const PyThreadState* const current = current_thread_state();
  return current != nullptr && current == PyGILState_GetThisThreadState();
}

}  // namespace hoop::cpython
