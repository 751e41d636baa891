// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_holders.h"

#include <Python.h>
#include <frameobject.h>  // IWYU pragma: keep

#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "cpython/allocator.h"
#include "cpython/builtin_functions.h"
#include "cpython/resource_places.h"

namespace hoop::cpython {
namespace {

constexpr int kMaxSteps = 9;
constexpr std::size_t kMaxBlocks = 4'000'000;  // a search looks at all containers
constexpr Py_ssize_t kMaxReferrers = 50;       // looked at of each object

// The steps from the holder down to the object, each with what stands before the next.
struct Path {
  char parts[kMaxSteps][48] = {};
  int length = 0;

  void add(const char* before, PyObject* name, const char* after) {
    if (length == kMaxSteps) return;
    TextBuffer text(parts[length], sizeof parts[length]);
    text.add(before);
    if (name != nullptr) text.add(narrow_text(name));
    text.add(after);
    ++length;
  }
};

// The key of `value` in a dict; nullptr: not there, or the key is no string.
PyObject* key_in(PyObject* dict, PyObject* value) {
  PyObject* key = nullptr;
  PyObject* found = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict, &at, &key, &found) != 0) {
    if (found == value) return PyUnicode_Check(key) ? key : nullptr;
  }
  return nullptr;
}

// The module whose names `dict` holds, or nullptr.
PyObject* module_with(PyObject* dict) {
  PyObject* const modules = PyImport_GetModuleDict();
  PyObject* key = nullptr;
  PyObject* module = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(modules, &at, &key, &module) != 0) {
    if (PyModule_Check(module) && PyModule_GetDict(module) == dict) return key;
  }
  return nullptr;
}

// What lies over a file or connection and is one thing with it, for those who use it.
bool is_layer(PyObject* object) {
  const char* const name = Py_TYPE(object)->tp_name;
  for (const char* const layer :
       {"_io.BufferedReader", "_io.BufferedWriter", "_io.BufferedRandom", "_io.TextIOWrapper",
        "BufferedReader", "BufferedWriter", "BufferedRandom", "TextIOWrapper"}) {
    if (std::strcmp(name, layer) == 0) return true;
  }
  return false;
}

bool is_of_no_use(PyObject* referrer, PyObject* list) {
  return referrer == list || PyFrame_Check(referrer) || PyType_Check(referrer);
}

// Attributes of an instance: by its dict, which it may not have had as an object before.
PyObject* attribute_in(PyObject* object, PyObject* value) {
  PyObject* const dict = PyObject_GetAttrString(object, "__dict__");
  PyObject* const key = dict != nullptr && PyDict_Check(dict) ? key_in(dict, value) : nullptr;
  Py_XINCREF(key);
  Py_XDECREF(dict);
  PyErr_Clear();
  return key;
}

// What refers to `object`, the likeliest to lead to a name; a new reference.
PyObject* referrer_of(PyObject* collector, PyObject* object) {
  PyObject* const list = PyObject_CallMethod(collector, "get_referrers", "O", object);
  if (list == nullptr || !PyList_Check(list)) {
    Py_XDECREF(list);
    return nullptr;
  }
  PyObject* chosen = nullptr;
  const Py_ssize_t count = PyList_GET_SIZE(list);
  for (Py_ssize_t i = 0; i < count && i < kMaxReferrers; ++i) {
    PyObject* const one = PyList_GET_ITEM(list, i);
    if (is_of_no_use(one, list)) continue;
    if (chosen == nullptr) chosen = one;
    if (PyDict_Check(one) && module_with(one) != nullptr) {
      chosen = one;
      break;
    }
  }
  Py_XINCREF(chosen);
  Py_DECREF(list);
  return chosen;
}

bool is_dict_of(PyObject* dict, PyObject* object) {
  PyObject* const own = PyDict_Check(object) ? nullptr : PyObject_GetAttrString(object, "__dict__");
  Py_XDECREF(own);
  PyErr_Clear();
  return own == dict;
}

// How `holder` holds `held`, as a step of the path. `key`: of the step before, if that was a dict.
void add_step(Path& path, PyObject* holder, PyObject* held, PyObject*& key) {
  if (is_layer(holder)) return;
  if (key != nullptr && is_dict_of(held, holder)) {
    // The dict was that of an instance.
    --path.length;
    path.add(".", key, "");
    Py_CLEAR(key);
    return;
  }
  Py_CLEAR(key);
  PyObject* const name = PyDict_Check(holder) ? nullptr : attribute_in(holder, held);
  if (name != nullptr)
    path.add(".", name, "");
  else
    path.add("[*]", nullptr, "");
  Py_XDECREF(name);
  if (PyDict_Check(holder)) key = Py_XNewRef(key_in(holder, held));
}

void write_path(const Path& path, PyObject* module, PyObject* name, TextBuffer& text) {
  text.add(narrow_text(module)).add_char('.').add(narrow_text(name));
  for (int i = path.length - 1; i >= 0; --i) text.add(path.parts[i]);
}

}  // namespace

bool may_ask_for_referrers() noexcept {
  const HeapLock lock;
  return process_heap.live_block_count() <= kMaxBlocks;
}

void name_holder(PyObject* object, TextBuffer& text) noexcept {
  if (!may_ask_for_referrers()) return;
  PyObject* const collector = borrow_module("gc");
  PyObject* held = Py_NewRef(object);
  PyObject* key = nullptr;
  Path path;
  for (int step = 0; collector != nullptr && step < kMaxSteps; ++step) {
    PyObject* const holder = referrer_of(collector, held);
    if (holder == nullptr) break;
    PyObject* const module = PyDict_Check(holder) ? module_with(holder) : nullptr;
    if (module != nullptr) {
      PyObject* const name = key_in(holder, held);
      if (name != nullptr) write_path(path, module, name, text);
      Py_DECREF(holder);
      break;
    }
    add_step(path, holder, held, key);
    Py_SETREF(held, holder);
  }
  Py_XDECREF(key);
  Py_XDECREF(collector);
  Py_DECREF(held);
  PyErr_Clear();
}

}  // namespace hoop::cpython
