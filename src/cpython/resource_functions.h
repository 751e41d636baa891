// SPDX-License-Identifier: Apache-2.0
// The functions of modules by which a program starts processes, makes directories, and gets
// descriptors.
#pragma once

#include <Python.h>

namespace hoop::cpython {

// Of the modules that are there; of others as they are loaded. REQUIRES: the GIL.
void watch_functions(PyObject* modules) noexcept;

}  // namespace hoop::cpython
