// SPDX-License-Identifier: Apache-2.0
#include "cpython/builtin_functions.h"

#include <Python.h>

namespace hoop::cpython {
namespace {

// A module object of our own for what is built into every Python. Not by an import: we may be
// called in the midst of one, and importlib's locks are not made for that (KeyError in
// _blocking_on).
PyObject* create_builtin(const char* name) {
  PyObject* const machinery = PyDict_GetItemString(PyImport_GetModuleDict(), "_imp");
  PyObject* const namespace_type = PyObject_Type(PySys_GetObject("implementation"));
  PyObject* const nothing = PyTuple_New(0);
  PyObject* const facts = Py_BuildValue("{ss}", "name", name);
  PyObject* const spec =
      machinery != nullptr && namespace_type != nullptr && nothing != nullptr && facts != nullptr
          ? PyObject_Call(namespace_type, nothing, facts)
          : nullptr;
  PyObject* module =
      spec != nullptr ? PyObject_CallMethod(machinery, "create_builtin", "O", spec) : nullptr;
  if (module != nullptr) {
    PyObject* const done = PyObject_CallMethod(machinery, "exec_builtin", "O", module);
    if (done == nullptr) Py_CLEAR(module);
    Py_XDECREF(done);
  }
  Py_XDECREF(spec);
  Py_XDECREF(facts);
  Py_XDECREF(nothing);
  Py_XDECREF(namespace_type);
  return module;
}

}  // namespace

PyObject* borrow_module(const char* name) noexcept {
  PyObject* const modules = PyImport_GetModuleDict();
  PyObject* const loaded = PyDict_GetItemString(modules, name);
  if (loaded != nullptr) return Py_NewRef(loaded);
  PyObject* const module = create_builtin(name);
  // Old modules enter themselves.
  if (PyDict_GetItemString(modules, name) != nullptr) PyDict_DelItemString(modules, name);
  PyErr_Clear();
  return module;
}

PyCFunction function_behind(PyObject* module, const char* name, int flags) noexcept {
  PyObject* const function = PyObject_GetAttrString(module, name);
  const bool is_known = function != nullptr && PyCFunction_CheckExact(function) &&
                        PyCFunction_GET_FLAGS(function) == flags;
  const PyCFunction found = is_known ? PyCFunction_GET_FUNCTION(function) : nullptr;
  Py_XDECREF(function);
  PyErr_Clear();
  return found;
}

void replace_builtin(PyObject* module, const char* name, int flags, PyCFunction replacement,
                     PyCFunction& original) noexcept {
  PyObject* const function = module != nullptr ? PyObject_GetAttrString(module, name) : nullptr;
  if (function != nullptr && PyCFunction_CheckExact(function) &&
      PyCFunction_GET_FLAGS(function) == flags) {
    PyMethodDef* const definition = reinterpret_cast<PyCFunctionObject*>(function)->m_ml;
    if (definition->ml_meth != replacement) original = definition->ml_meth;
    definition->ml_meth = replacement;
  }
  Py_XDECREF(function);
  PyErr_Clear();
}

}  // namespace hoop::cpython
