// SPDX-License-Identifier: Apache-2.0
// What is written in Python says by a ResourceWarning, as it is finalized, that nobody closed it.
#pragma once

#include <Python.h>

namespace hoop::cpython {

// REQUIRES: the GIL.
void watch_warnings(PyObject* modules) noexcept;

}  // namespace hoop::cpython
