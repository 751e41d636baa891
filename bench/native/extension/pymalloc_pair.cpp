// SPDX-License-Identifier: Apache-2.0
// The pair patterns through PyObject_Malloc and PyObject_Free of the interpreter that imports this,
// whoever serves them there: pymalloc, Hoopsnake, or what PYTHONMALLOC names. Built by
// bench/native/run.py, once for each interpreter.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <time.h>

#include <cstddef>

#include "../patterns.h"

namespace {

using hoop::bench::kPairsPerRun;

struct PyObjectAccess {
  static void* allocate(std::size_t size) { return PyObject_Malloc(size); }
  static void release(void* block) { PyObject_Free(block); }
};

double now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <void (*kRun)(const PyObjectAccess&)>
PyObject* measure(PyObject*, PyObject* argument) {
  const long runs = PyLong_AsLong(argument);
  if (runs <= 0) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "at least one run");
    return nullptr;
  }
  const PyObjectAccess access;
  const double start = now_ns();
  for (long i = 0; i < runs; ++i) kRun(access);
  return PyFloat_FromDouble((now_ns() - start) / static_cast<double>(runs) / kPairsPerRun);
}

PyMethodDef methods[] = {
    {"single_48", measure<hoop::bench::single_pairs<48>>, METH_O, "(runs) -> ns a pair"},
    {"batch_48", measure<hoop::bench::batch_lifo<48>>, METH_O, "(runs) -> ns a pair"},
    {"mixed_16_480", measure<hoop::bench::batch_mixed_fifo>, METH_O, "(runs) -> ns a pair"},
    {"single_600", measure<hoop::bench::single_pairs<600>>, METH_O, "(runs) -> ns a pair"},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "pymalloc_pair",
                          "Pairs of PyObject_Malloc and PyObject_Free.",
                          -1,
                          methods,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

PyMODINIT_FUNC PyInit_pymalloc_pair() { return PyModule_Create(&definition); }
