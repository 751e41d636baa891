// SPDX-License-Identifier: Apache-2.0
// Which line of the program is behind a call of the standard library.
#pragma once

#include <Python.h>

#include "cpython/resource_table.h"

namespace hoop::cpython {

// Who is calling. Valid during the call.
struct Caller {
  PyCodeObject* code = nullptr;  // the innermost call outside the standard library; or nullptr
  int offset = 0;                // in it
  bool is_loop = false;          // an event loop makes what it wakes itself by
};

// Where the standard library lies, for all calls below. REQUIRES, as all here: the GIL.
void learn_standard_library() noexcept;

// Nobody, if the import system calls.
Caller find_caller() noexcept;

// Nobody, unless the innermost call is the program's own.
Caller find_direct_caller() noexcept;

// Whether the innermost call is that of a function of the standard library with this name.
bool is_called_by(const char* function) noexcept;

// Whether it is the code of an installed package that calls.
bool is_installed_package(const Caller& caller) noexcept;

// The place that `caller` is at, named if it is new; nullptr when there is none, or no room.
Place* place_of_caller(ResourceTable& table, const Caller& caller, ResourceKind kind) noexcept;

// The same for what is known by nothing but its type.
Place* place_of_type(ResourceTable& table, PyTypeObject* type) noexcept;

// The text of a string of ASCII or Latin-1; "" for any other.
const char* narrow_text(PyObject* text) noexcept;

}  // namespace hoop::cpython
