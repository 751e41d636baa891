// SPDX-License-Identifier: Apache-2.0
// A function of ours behind a built-in function, however that is called.
#pragma once

#include <Python.h>

namespace hoop::cpython {

using Function = PyObject* (*)(void*, void*, void*, void*, void*);

// What stands behind a built-in function, however that is called.
struct Behind {
  Function original = nullptr;

  void replace(PyObject* module, const char* name, Function replacement) {
    PyObject* const function = module != nullptr ? PyObject_GetAttrString(module, name) : nullptr;
    if (function != nullptr && PyCFunction_CheckExact(function)) {
      PyMethodDef* const definition = reinterpret_cast<PyCFunctionObject*>(function)->m_ml;
      auto* const slot = reinterpret_cast<Function*>(&definition->ml_meth);
      if (*slot != replacement) original = *slot;
      *slot = replacement;
    }
    Py_XDECREF(function);
    PyErr_Clear();
  }
};

}  // namespace hoop::cpython
