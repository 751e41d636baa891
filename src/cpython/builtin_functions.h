// SPDX-License-Identifier: Apache-2.0
// CPython's built-in functions, and putting others behind them.
#pragma once

#include <Python.h>

namespace hoop::cpython {

inline constexpr int kWithKeywords = METH_FASTCALL | METH_KEYWORDS;

template <class F>
PyCFunction as_c_function(F* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

// A module for our own use: sys.modules is left as it was. nullptr, with no exception set, when it
// cannot be had. REQUIRES, as all here: the GIL.
PyObject* borrow_module(const char* name) noexcept;

// What stands behind a built-in function that is called by `flags`, or nullptr.
PyCFunction function_behind(PyObject* module, const char* name, int flags) noexcept;

// Puts `replacement` behind a built-in function that is called by `flags`, for every module object
// that has it: the function itself, its name, text and signature stay. `original` is what was
// there; an interpreter that starts again in this process finds the replacement in place.
void replace_builtin(PyObject* module, const char* name, int flags, PyCFunction replacement,
                     PyCFunction& original) noexcept;

}  // namespace hoop::cpython
