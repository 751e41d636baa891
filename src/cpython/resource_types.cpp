// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_types.h"

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <utility>

namespace hoop::cpython {
namespace {

constinit ResourceListener listener{};

// What was there before ours, by kind.
struct TypeFunctions {
  initproc init = nullptr;
  newfunc make = nullptr;
  destructor finalize = nullptr;
  destructor dealloc = nullptr;
};
constexpr std::size_t kKinds = 4;  // kFile to kDatabase
constinit TypeFunctions type_functions[kKinds];

// All of these objects have what tells whether they are open right behind the object's head: a
// descriptor, or a pointer.
void* first_field(PyObject* object) { return reinterpret_cast<char*>(object) + sizeof(PyObject); }

template <ResourceKind kKind>
TypeFunctions& of_kind() {
  return type_functions[static_cast<std::size_t>(kKind)];
}

template <ResourceKind kKind>
int init(PyObject* object, PyObject* arguments, PyObject* names) {
  const int result = of_kind<kKind>().init(object, arguments, names);
  if (result == 0) listener.opened(kKind, object);
  return result;
}

template <ResourceKind kKind>
PyObject* make(PyTypeObject* type, PyObject* arguments, PyObject* names) {
  PyObject* const object = of_kind<kKind>().make(type, arguments, names);
  if (object != nullptr) listener.opened(kKind, object);
  return object;
}

template <ResourceKind kKind>
void finalize(PyObject* object) {
  if (is_open(kKind, object)) listener.finalized(kKind, object);
  of_kind<kKind>().finalize(object);
}

template <ResourceKind kKind>
void dealloc(PyObject* object) {
  // What closes next: this function itself, or a finalizer that it calls.
  if (is_open(kKind, object)) listener.finalized(kKind, object);
  listener.dies(kKind, object);
  of_kind<kKind>().dealloc(object);
}

// A method, however it is called: more registers are passed on than it may look at.
using Method = void* (*)(void*, void*, void*, void*, void*);
constexpr std::size_t kMaxMethods = 32;
constinit Method original_methods[kMaxMethods] = {};

template <std::size_t kIndex>
void* use(void* self, void* b, void* c, void* d, void* e) {
  const int descriptor = descriptor_of(static_cast<PyObject*>(self));
  void* const result = original_methods[kIndex](self, b, c, d, e);
  listener.used(descriptor);
  return result;
}

template <std::size_t... kIndices>
constexpr auto make_uses(std::index_sequence<kIndices...>) {
  struct {
    Method functions[sizeof...(kIndices)] = {use<kIndices>...};
  } const all;
  return all;
}
constexpr auto kUses = make_uses(std::make_index_sequence<kMaxMethods>());
constinit std::size_t methods_used = 0;

constinit Method original_close[kKinds] = {};
template <ResourceKind kKind>
void* close(void* self, void* b, void* c, void* d, void* e) {
  auto* const object = static_cast<PyObject*>(self);
  if (is_open(kKind, object)) listener.closes(kKind, object);
  return original_close[static_cast<std::size_t>(kKind)](self, b, c, d, e);
}

// What a layer above calls when it is finalized with the file still open.
constinit Method original_warning = nullptr;
void* warn_of_file(void* self, void* b, void* c, void* d, void* e) {
  auto* const object = static_cast<PyObject*>(self);
  if (is_open(ResourceKind::kFile, object)) listener.finalized(ResourceKind::kFile, object);
  return original_warning(self, b, c, d, e);
}

Method* definition_of(PyTypeObject* type, const char* name) {
  PyObject* const method = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), name);
  Method* found = nullptr;
  if (method != nullptr && Py_IS_TYPE(method, &PyMethodDescr_Type)) {
    PyMethodDef* const definition = reinterpret_cast<PyMethodDescrObject*>(method)->d_method;
    found = reinterpret_cast<Method*>(&definition->ml_meth);
  }
  Py_XDECREF(method);
  PyErr_Clear();
  return found;
}

void replace_method(PyTypeObject* type, const char* name, Method replacement, Method& original) {
  Method* const place = definition_of(type, name);
  if (place == nullptr || *place == replacement) return;
  original = *place;
  *place = replacement;
}

bool is_use(Method method) {
  for (const Method one : kUses.functions) {
    if (one == method) return true;
  }
  return false;
}

// The last word on when it was used: reading and writing, not asking for its name.
void watch_uses(PyTypeObject* type, std::initializer_list<const char*> names) {
  for (const char* const name : names) {
    Method* const place = definition_of(type, name);
    if (place == nullptr || is_use(*place) || methods_used == kMaxMethods) continue;
    original_methods[methods_used] = *place;
    *place = kUses.functions[methods_used++];
  }
}

// `type.__init__` and `type.__del__`, which classes written in Python call, and inherit from.
template <class F>
void replace_wrapper(PyTypeObject* type, const char* name, F original, F replacement) {
  PyObject* const wrapper = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), name);
  if (wrapper != nullptr && Py_IS_TYPE(wrapper, &PyWrapperDescr_Type)) {
    auto* const descriptor = reinterpret_cast<PyWrapperDescrObject*>(wrapper);
    if (PyDescr_TYPE(wrapper) == type && descriptor->d_wrapped == reinterpret_cast<void*>(original))
      descriptor->d_wrapped = reinterpret_cast<void*>(replacement);
  }
  Py_XDECREF(wrapper);
  PyErr_Clear();
}

template <class F>
void put_before(F& slot, F replacement, F& original) {
  if (slot == nullptr || slot == replacement) return;
  original = slot;
  slot = replacement;
}

// Classes that were derived before we came have copies of the function that is called for them.
void renew_finalizers(PyTypeObject* type, destructor original, destructor replacement) {
  PyObject* const classes =
      PyObject_CallMethod(reinterpret_cast<PyObject*>(type), "__subclasses__", nullptr);
  const Py_ssize_t count = classes != nullptr ? PyList_GET_SIZE(classes) : 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    auto* const derived = reinterpret_cast<PyTypeObject*>(PyList_GET_ITEM(classes, i));
    if (derived->tp_finalize == original) derived->tp_finalize = replacement;
  }
  Py_XDECREF(classes);
  PyErr_Clear();
}

template <ResourceKind kKind>
void watch_end(PyTypeObject* type) {
  TypeFunctions& original = of_kind<kKind>();
  put_before(type->tp_finalize, &finalize<kKind>, original.finalize);
  if (original.finalize != nullptr) {
    replace_wrapper(type, "__del__", original.finalize, &finalize<kKind>);
    renew_finalizers(type, original.finalize, &finalize<kKind>);
  }
  put_before(type->tp_dealloc, &dealloc<kKind>, original.dealloc);
}

template <ResourceKind kKind>
void watch_init(PyTypeObject* type) {
  put_before(type->tp_init, &init<kKind>, of_kind<kKind>().init);
  replace_wrapper(type, "__init__", of_kind<kKind>().init, &init<kKind>);
}

void watch_files(PyTypeObject* type) {
  watch_init<ResourceKind::kFile>(type);
  watch_end<ResourceKind::kFile>(type);
  replace_method(type, "_dealloc_warn", warn_of_file, original_warning);
  replace_method(type, "close", close<ResourceKind::kFile>, original_close[0]);
  watch_uses(type, {"read", "readall", "readinto", "write"});
}

void watch_sockets(PyTypeObject* type) {
  watch_init<ResourceKind::kSocket>(type);
  watch_end<ResourceKind::kSocket>(type);
}

void watch_mappings(PyTypeObject* type) {
  put_before(type->tp_new, &make<ResourceKind::kMmap>, of_kind<ResourceKind::kMmap>().make);
  watch_end<ResourceKind::kMmap>(type);
}

void watch_databases(PyTypeObject* type) {
  watch_init<ResourceKind::kDatabase>(type);
  watch_end<ResourceKind::kDatabase>(type);
}

struct WatchedType {
  const char* module;
  const char* name;
  void (*watch)(PyTypeObject* type);
};
constexpr WatchedType kTypes[] = {{"_io", "FileIO", watch_files},
                                  {"_socket", "socket", watch_sockets},
                                  {"mmap", "mmap", watch_mappings},
                                  {"_sqlite3", "Connection", watch_databases}};

void watch_type_in(PyObject* module, const WatchedType& one) {
  PyObject* const type = PyObject_GetAttrString(module, one.name);
  if (type != nullptr && PyType_Check(type)) one.watch(reinterpret_cast<PyTypeObject*>(type));
  Py_XDECREF(type);
  PyErr_Clear();
}

}  // namespace

int descriptor_of(PyObject* object) noexcept {
  int descriptor = -1;
  std::memcpy(&descriptor, first_field(object), sizeof descriptor);
  return descriptor;
}

bool is_open(ResourceKind kind, PyObject* object) noexcept {
  if (kind == ResourceKind::kFile || kind == ResourceKind::kSocket)
    return descriptor_of(object) >= 0;
  std::uintptr_t pointer = 0;
  std::memcpy(&pointer, first_field(object), sizeof pointer);
  return pointer != 0;
}

void watch_types_of(PyObject* module) noexcept {
  const char* const name = PyModule_Check(module) ? PyModule_GetName(module) : nullptr;
  for (const WatchedType& one : kTypes) {
    if (name != nullptr && std::strcmp(name, one.module) == 0) watch_type_in(module, one);
  }
  PyErr_Clear();
}

void watch_types(const ResourceListener& told) noexcept {
  listener = told;
  for (const WatchedType& one : kTypes) {
    PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), one.module);
    if (module != nullptr) watch_type_in(module, one);
  }
}

}  // namespace hoop::cpython
