// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_places.h"

#include <Python.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "cpython/compat/call_stack.h"

namespace hoop::cpython {
namespace {

// Of the standard library's folder, with the slash at its end.
constinit char library[400] = {};
constinit std::size_t library_length = 0;

bool begins_with(const char* text, const char* start) {
  return std::strncmp(text, start, std::strlen(start)) == 0;
}

bool lies_in_packages(const char* file) {
  return std::strstr(file, "/site-packages/") != nullptr ||
         std::strstr(file, "/dist-packages/") != nullptr;
}

bool is_standard(const char* file) {
  if (file[0] == '<') return begins_with(file, "<frozen ");
  return library_length > 0 && std::strncmp(file, library, library_length) == 0 &&
         !lies_in_packages(file);
}

// What calls `__init__` for a class is a piece of code of the interpreter's own.
bool is_no_call(const char* file) { return std::strcmp(file, "__init__") == 0; }

bool look_for_caller(void* context, const Call& call) {
  auto& caller = *static_cast<Caller*>(context);
  const char* const file = narrow_text(call.code->co_filename);
  if (is_no_call(file)) return true;
  if (!is_standard(file)) {
    caller.code = call.code;
    caller.offset = call.offset;
    return false;
  }
  if (file[0] == '<' && begins_with(file, "<frozen importlib")) return false;
  if (std::strcmp(narrow_text(call.code->co_name), "_make_self_pipe") == 0) caller.is_loop = true;
  return true;
}

bool look_at_innermost(void* context, const Call& call) {
  if (is_no_call(narrow_text(call.code->co_filename))) return true;
  *static_cast<Call*>(context) = call;
  return false;
}

Call innermost_call() {
  Call call{nullptr, 0};
  for_each_call(look_at_innermost, &call);
  return call;
}

void copy_text(PyObject* text, char* to, std::size_t capacity) {
  const char* const found = PyUnicode_AsUTF8(text);
  TextBuffer(to, capacity).add(found != nullptr ? found : "?");
  PyErr_Clear();
}

void name_place(Place& place, const Caller& caller) {
  copy_text(caller.code->co_filename, place.file, sizeof place.file);
  copy_text(caller.code->co_name, place.function, sizeof place.function);
}

// 3.11 and later say it. In 3.10 it is where codecs.py is, which every interpreter begins with.
PyObject* library_folder() {
  PyObject* const named = PySys_GetObject("_stdlib_dir");
  if (named != nullptr && PyUnicode_Check(named)) return Py_NewRef(named);
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), "codecs");
  PyObject* const file = module != nullptr ? PyObject_GetAttrString(module, "__file__") : nullptr;
  if (file == nullptr || !PyUnicode_Check(file)) {
    Py_XDECREF(file);
    return nullptr;
  }
  const Py_ssize_t slash = PyUnicode_FindChar(file, '/', 0, PyUnicode_GET_LENGTH(file), -1);
  PyObject* const folder = slash > 0 ? PyUnicode_Substring(file, 0, slash) : nullptr;
  Py_DECREF(file);
  return folder;
}

}  // namespace

const char* narrow_text(PyObject* text) noexcept {
  if (text == nullptr || !PyUnicode_Check(text) || PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND)
    return "";
  return reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text));
}

void learn_standard_library() noexcept {
  PyObject* const folder = library_folder();
  const char* const text = narrow_text(folder);
  const std::size_t length = std::strlen(text);
  library_length = 0;
  if (length > 0 && length + 1 < sizeof library) {
    std::copy_n(text, length, library);
    library[length] = '/';
    library_length = length + 1;
  }
  Py_XDECREF(folder);
  PyErr_Clear();
}

Caller find_caller() noexcept {
  Caller caller;
  for_each_call(look_for_caller, &caller);
  return caller;
}

Caller find_direct_caller() noexcept {
  const Call call = innermost_call();
  if (call.code == nullptr || is_standard(narrow_text(call.code->co_filename))) return {};
  return Caller{call.code, call.offset};
}

bool is_called_by(const char* function) noexcept {
  const Call call = innermost_call();
  return call.code != nullptr && std::strcmp(narrow_text(call.code->co_name), function) == 0 &&
         is_standard(narrow_text(call.code->co_filename));
}

bool is_installed_package(const Caller& caller) noexcept {
  return caller.code != nullptr && lies_in_packages(narrow_text(caller.code->co_filename));
}

Place* place_of_caller(ResourceTable& table, const Caller& caller, ResourceKind kind) noexcept {
  if (caller.code == nullptr) return nullptr;
  const PlaceKey key = {caller.code, caller.code->co_name, caller.code->co_firstlineno, 0, kind};
  bool is_new = false;
  Place* const place = table.place_for(
      key, caller.offset, [&](int offset) { return PyCode_Addr2Line(caller.code, offset); },
      is_new);
  if (place != nullptr && is_new) name_place(*place, caller);
  return place;
}

Place* place_of_type(ResourceTable& table, PyTypeObject* type) noexcept {
  bool is_new = false;
  const PlaceKey key = {type, nullptr, 0, 0, ResourceKind::kOther};
  return table.place_for(
      key, 0, [](int) { return 0; }, is_new);
}

}  // namespace hoop::cpython
