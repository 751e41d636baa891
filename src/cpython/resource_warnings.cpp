// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_warnings.h"

#include <Python.h>

#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "cpython/behind.h"
#include "cpython/census.h"
#include "cpython/compat/call_stack.h"
#include "cpython/resource_notes.h"
#include "cpython/resource_places.h"
#include "cpython/resource_table.h"

namespace hoop::cpython {
namespace {

constinit Behind warn;

// Arguments of warnings.warn(message, category, stacklevel, source).
struct Warning {
  PyObject* message = nullptr;
  PyObject* category = nullptr;
  PyObject* source = nullptr;
};

Warning read_warning(PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  Warning read;
  const Py_ssize_t positional = PyVectorcall_NARGS(static_cast<std::size_t>(count));
  if (positional > 0) read.message = arguments[0];
  if (positional > 1) read.category = arguments[1];
  if (positional > 3) read.source = arguments[3];
  const Py_ssize_t named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    const char* const name = narrow_text(PyTuple_GET_ITEM(names, i));
    PyObject* const value = arguments[positional + i];
    if (std::strcmp(name, "message") == 0) read.message = value;
    if (std::strcmp(name, "category") == 0) read.category = value;
    if (std::strcmp(name, "source") == 0) read.source = value;
  }
  return read;
}

// What `source` is known by: a process by its number, a loop or a transport by its socket or file.
OpenResource* find_by_parts(PyObject* source) {
  if (OpenResource* const one = resources.find(key_of(source))) return one;
  for (const char* const name : {"pid", "_pid"}) {
    PyObject* const number = PyObject_GetAttrString(source, name);
    const long pid = as_long(number);
    Py_XDECREF(number);
    PyErr_Clear();
    if (pid <= 0) continue;
    if (OpenResource* const one = resources.find(key_of_process(pid))) return one;
  }
  for (const char* const name : {"_ssock", "_sock", "_pipe", "_taskqueue"}) {
    PyObject* const part = PyObject_GetAttrString(source, name);
    OpenResource* const one = part != nullptr ? resources.find(key_of(part)) : nullptr;
    Py_XDECREF(part);
    PyErr_Clear();
    if (one != nullptr) return one;
  }
  return nullptr;
}

// "Implicitly cleaning up <TemporaryDirectory '/tmp/x'>"
OpenResource* find_by_message(PyObject* message) {
  constexpr char kStart[] = "<TemporaryDirectory '";
  const char* const text = narrow_text(message);
  const char* const start = std::strstr(text, kStart);
  if (start == nullptr) return nullptr;
  const char* const path = start + sizeof kStart - 1;
  const char* const end = std::strrchr(path, '\'');
  return end != nullptr ? resources.find(key_of_path(path, static_cast<std::size_t>(end - path)))
                        : nullptr;
}

bool is_at_exit() {
  bool found = false;
  for_each_call(
      [](void* context, const Call& call) {
        auto& is_found = *static_cast<bool*>(context);
        is_found = std::strcmp(narrow_text(call.code->co_name), "_exitfunc") == 0;
        return !is_found;
      },
      &found);
  return found;
}

// Temporary directories go before we look at what is left, by weakref.finalize.
void count_directory(OpenResource* one) {
  if (!is_at_exit()) {
    count_finalized(one);
    return;
  }
  Place& place = resources.place_of(*one);
  place.left.add(unused_for(*one, place.key.kind));
  resources.remove(one);
}

// What we did not see opened. The socket of a transport was finalized before it, and is counted.
void count_by_type(PyTypeObject* type) {
  FixedText<sizeof Place::type> name;
  Census::name_of(type, name);
  if (std::strncmp(name.data(), "asyncio.", 8) == 0) return;
  Place* const place = place_of_type(resources, type);
  if (place == nullptr) return;
  name_type(*place, type);
  place->finalized.add(0);
}

void count_warning(const Warning& warning) {
  OpenResource* const one = warning.source != nullptr && warning.source != Py_None
                                ? find_by_parts(warning.source)
                                : find_by_message(warning.message);
  if (one != nullptr) {
    Place& place = resources.place_of(*one);
    if (place.key.kind == ResourceKind::kDirectory) {
      count_directory(one);
      return;
    }
    name_type(place, Py_TYPE(warning.source));
    count_finalized(one);
    return;
  }
  if (warning.source != nullptr && warning.source != Py_None)
    count_by_type(Py_TYPE(warning.source));
}

PyObject* call_warn(void* a, void* b, void* c, void* d, void* e) {
  if (is_watching()) {
    const Warning warning =
        read_warning(static_cast<PyObject* const*>(b), reinterpret_cast<Py_ssize_t>(c),
                     static_cast<PyObject*>(d));
    if (warning.category == PyExc_ResourceWarning) {
      PyObject* type = nullptr;
      PyObject* value = nullptr;
      PyObject* traceback = nullptr;
      PyErr_Fetch(&type, &value, &traceback);
      count_warning(warning);
      PyErr_Restore(type, value, traceback);
    }
  }
  return warn.original(a, b, c, d, e);
}

}  // namespace

void watch_warnings(PyObject* modules) noexcept {
  warn.replace(PyDict_GetItemString(modules, "_warnings"), "warn", call_warn);
}

}  // namespace hoop::cpython
