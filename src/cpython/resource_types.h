// SPDX-License-Identifier: Apache-2.0
// Puts functions before those of CPython's types for files, sockets, mappings and databases: what
// is made, used, closed and dies is told to a listener. Programs see the types as they were.
#pragma once

#include <Python.h>

#include "cpython/resource_table.h"

namespace hoop::cpython {

// All are called with the GIL, and may neither raise nor change an exception that is set.
struct ResourceListener {
  void (*opened)(ResourceKind kind, PyObject* object);
  void (*used)(int descriptor);
  void (*closes)(ResourceKind kind, PyObject* object);     // the program asks for it
  void (*finalized)(ResourceKind kind, PyObject* object);  // nobody holds it any more
  void (*dies)(ResourceKind kind, PyObject* object);
};

// The types that are there; those of other modules as they are loaded, by watch_types_of().
void watch_types(const ResourceListener& listener) noexcept;
void watch_types_of(PyObject* module) noexcept;

// Whether the object has its file, socket, mapping or database. REQUIRES: of a watched type.
[[nodiscard]] bool is_open(ResourceKind kind, PyObject* object) noexcept;

// Of a file or socket; -1: closed.
[[nodiscard]] int descriptor_of(PyObject* object) noexcept;

}  // namespace hoop::cpython
