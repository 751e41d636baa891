// SPDX-License-Identifier: Apache-2.0
#include "cpython/gc_watch.h"

#include <Python.h>

#include <algorithm>
#include <cstdint>

#include "base/units.h"
#include "cpython/ticker.h"
#include "os/clock.h"

namespace hoop::cpython {

constinit GenerationFigures generation_figures[kGenerations]{};

namespace {

constinit Nanoseconds collection_start = 0;
constinit PyObject* generation_key = nullptr;
constinit PyObject* collected_key = nullptr;

long long number_in(PyObject* info, PyObject* key) {
  PyObject* const value = PyDict_GetItemWithError(info, key);
  return value != nullptr ? PyLong_AsLongLong(value) : -1;
}

void note_stop(PyObject* info) {
  const Nanoseconds now = os::monotonic_now();
  const long long generation = number_in(info, generation_key);
  if (generation < 0 || generation >= kGenerations || collection_start == 0) return;
  GenerationFigures& figures = generation_figures[generation];
  const Nanoseconds took = now - collection_start;
  collection_start = 0;
  ++figures.collections;
  figures.collected += static_cast<std::uint64_t>(std::max(number_in(info, collected_key), 0LL));
  figures.time += took;
  figures.longest = std::max(figures.longest, took);
  if (generation == kGenerations - 1) after_full_collection();
}

// (phase: "start" or "stop", info: dict)
PyObject* on_collection(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  if (count == 2 && PyUnicode_Check(arguments[0]) && PyDict_Check(arguments[1])) {
    const bool is_start = PyUnicode_GET_LENGTH(arguments[0]) == 5;
    if (is_start) {
      collection_start = os::monotonic_now();
    } else {
      note_stop(arguments[1]);
    }
    PyErr_Clear();
  }
  Py_RETURN_NONE;
}

PyMethodDef callback_definition = {
    "hoopsnake_gc_watch",
    reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(on_collection)), METH_FASTCALL,
    "Times collections for the report of hoop run."};

bool append_callback(PyObject* gc_module) {
  generation_key = PyUnicode_InternFromString("generation");
  collected_key = PyUnicode_InternFromString("collected");
  if (generation_key == nullptr || collected_key == nullptr) return false;
  PyObject* const callbacks = PyObject_GetAttrString(gc_module, "callbacks");
  PyObject* const callback = PyCFunction_New(&callback_definition, nullptr);
  const bool added = callbacks != nullptr && callback != nullptr && PyList_Check(callbacks) &&
                     PyList_Append(callbacks, callback) == 0;
  Py_XDECREF(callback);
  Py_XDECREF(callbacks);
  return added;
}

}  // namespace

bool watch_collections(PyObject* gc_module) noexcept {
  const bool added = append_callback(gc_module);
  PyErr_Clear();
  return added;
}

}  // namespace hoop::cpython
