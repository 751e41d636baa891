// SPDX-License-Identifier: Apache-2.0
// The calls that a thread is in, read without making an object.
#pragma once

#include <Python.h>

namespace hoop::cpython {

// One call: its code, and where in it the thread is. Valid while the thread stands there.
struct Call {
  PyCodeObject* code;
  int offset;  // in bytes, as PyCode_Addr2Line() takes it
};

// Calls visit(context, call) from the innermost call outwards, until it returns false. REQUIRES:
// the GIL.
void for_each_call(bool (*visit)(void* context, const Call& call), void* context) noexcept;

}  // namespace hoop::cpython
