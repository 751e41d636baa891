// SPDX-License-Identifier: Apache-2.0
#include "cpython/gc_watch.h"

#include <Python.h>

#include <algorithm>
#include <cstdint>

#include "base/units.h"
#include "cpython/collection_records.h"
#include "cpython/collector.h"
#include "cpython/growth_watch.h"
#include "cpython/life_watch.h"
#include "cpython/ticker.h"
#include "os/clock.h"

namespace hoop::cpython {

constinit GenerationFigures generation_figures[kGenerations]{};

namespace {

constinit Nanoseconds collection_start = 0;
constinit PyObject* callbacks = nullptr;  // gc.callbacks
constinit PyObject* callback = nullptr;   // ours in it
constinit PyObject* generation_key = nullptr;
constinit PyObject* collected_key = nullptr;

long long number_in(PyObject* info, PyObject* key) {
  PyObject* const value = PyDict_GetItemWithError(info, key);
  return value != nullptr ? PyLong_AsLongLong(value) : -1;
}

Stop kind_of_stop(bool is_full) {
  if (collection_was_ours()) return Stop::kOurs;
  return is_full ? Stop::kFull : Stop::kYoung;
}

void note_start(PyObject* info) {
  const auto generation = static_cast<int>(number_in(info, generation_key));
  if (generation == kGenerations - 1) {
    growth_watch_sees_start();
  } else if (growth_is_watched()) {
    on_growth_beat();
  }
  collection_start = os::monotonic_now();
  collector_sees_start(generation);
}

void note_stop(PyObject* info) {
  const Nanoseconds now = os::monotonic_now();
  const long long generation = number_in(info, generation_key);
  if (generation < 0 || generation >= kGenerations || collection_start == 0) return;
  GenerationFigures& figures = generation_figures[generation];
  const Nanoseconds took = now - collection_start;
  const auto collected = static_cast<std::uint64_t>(std::max(number_in(info, collected_key), 0LL));
  collection_start = 0;
  ++figures.collections;
  figures.collected += collected;
  figures.time += took;
  figures.longest = std::max(figures.longest, took);
  const bool is_full = generation == kGenerations - 1;
  collector_sees_stop(static_cast<int>(generation), collected, took);
  stop_histogram.add(kind_of_stop(is_full), took);
  if (!is_full) return;
  after_full_collection();
  growth_watch_sees_stop();
}

// (phase: "start" or "stop", info: dict)
PyObject* on_collection(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
  if (count == 2 && PyUnicode_Check(arguments[0]) && PyDict_Check(arguments[1])) {
    const bool is_start = PyUnicode_GET_LENGTH(arguments[0]) == 5;
    const auto generation = static_cast<int>(number_in(arguments[1], generation_key));
    if (is_start) {
      life_sees_collection_start(generation);
      note_start(arguments[1]);
    } else {
      const auto collected = std::max(number_in(arguments[1], collected_key), 0LL);
      life_sees_collection_end(generation, static_cast<std::uint64_t>(collected));
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
  callbacks = PyObject_GetAttrString(gc_module, "callbacks");
  callback = PyCFunction_New(&callback_definition, nullptr);
  return callbacks != nullptr && callback != nullptr && PyList_Check(callbacks) &&
         PyList_Append(callbacks, callback) == 0;
}

}  // namespace

bool watch_collections(PyObject* gc_module) noexcept {
  const bool added = append_callback(gc_module);
  PyErr_Clear();
  return added;
}

bool collections_are_watched() noexcept {
  if (callbacks == nullptr || callback == nullptr) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks); ++i)
    if (PyList_GET_ITEM(callbacks, i) == callback) return true;
  return false;
}

}  // namespace hoop::cpython
