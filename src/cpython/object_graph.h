// SPDX-License-Identifier: Apache-2.0
// Python's objects as a graph: who refers to whom, by each type's own tp_traverse.
#pragma once

#include <Python.h>

#include "base/units.h"

namespace hoop::cpython {

// Only reads. REQUIRES: the GIL, or a copy of a thread that had it.
class ObjectGraph {
 public:
  // visit(Address) for each reference that the object owns; for a weak reference that is not its
  // referent.
  template <class F>
  void for_each_reference(Address address, F&& visit) const {
    auto* const object = reinterpret_cast<PyObject*>(address);
    if (PyTuple_CheckExact(object)) {
      visit_items(reinterpret_cast<PyTupleObject*>(object)->ob_item, Py_SIZE(object), visit);
    } else if (PyList_CheckExact(object)) {
      visit_items(reinterpret_cast<PyListObject*>(object)->ob_item, Py_SIZE(object), visit);
    } else {
      traverse(object, visit);
    }
  }

  template <class F>
  void for_each_weak_reference(Address address, F&& visit) const {
    auto* const object = reinterpret_cast<PyObject*>(address);
    if (!PyWeakref_Check(object)) return;
    PyObject* const referent = reinterpret_cast<PyWeakReference*>(object)->wr_object;
    if (referent != nullptr && referent != Py_None) visit(reinterpret_cast<Address>(referent));
  }

  static void prefetch_object(Address address) {
    const auto* const header = reinterpret_cast<const char*>(address);
    __builtin_prefetch(header);
    __builtin_prefetch(header + 64);
  }

  // The object itself is in the cache by now: its table is fetched.
  static void prefetch_content(Address address) {
    auto* const object = reinterpret_cast<PyObject*>(address);
    const char* table = nullptr;
    if (PyDict_CheckExact(object)) {
      table = reinterpret_cast<const char*>(reinterpret_cast<PyDictObject*>(object)->ma_keys);
    } else if (PyList_CheckExact(object)) {
      table = reinterpret_cast<const char*>(reinterpret_cast<PyListObject*>(object)->ob_item);
    } else {
      return;
    }
    __builtin_prefetch(table);
    __builtin_prefetch(table + 64);
  }

 private:
  template <class F>
  static void visit_items(PyObject* const* items, Py_ssize_t count, F& visit) {
    for (Py_ssize_t i = 0; i < count; ++i)
      if (items[i] != nullptr) visit(reinterpret_cast<Address>(items[i]));
  }

  template <class F>
  static void traverse(PyObject* object, F& visit) {
    const traverseproc function = Py_TYPE(object)->tp_traverse;
    if (function == nullptr) return;
    const visitproc call = [](PyObject* target, void* context) {
      (*static_cast<F*>(context))(reinterpret_cast<Address>(target));
      return 0;
    };
    function(object, call, const_cast<void*>(static_cast<const void*>(&visit)));
  }
};

}  // namespace hoop::cpython
