// SPDX-License-Identifier: Apache-2.0
// Dicts that tell when they have become empty. Python knows such watchers since 3.12.
#pragma once

#include <Python.h>

namespace hoop::cpython {

// `on_last` is called as the last entry of the dict is taken out, with the GIL, amid other code: it
// must not run Python. One dict at a time. False: this Python has no watchers, or none is free.
// REQUIRES: the GIL.
bool watch_for_last_entry(PyObject* dict, void (*on_last)()) noexcept;

}  // namespace hoop::cpython
