// SPDX-License-Identifier: Apache-2.0
// Deaths of objects whose memory may go to one of CPython's free lists, and not back to the heap.
// 3.13 and later have a tracer of references; up to 3.13, tp_dealloc of the types that matter is
// wrapped.
#pragma once

#include <Python.h>

namespace hoop::cpython {

// `died` is told of each object of a static type as its deallocation begins: it must only look at
// it. It may be told twice, and of objects that the heap's own functions report as well. REQUIRES:
// the GIL.
void watch_deaths(void (*died)(PyObject* object)) noexcept;
void end_death_watch() noexcept;

}  // namespace hoop::cpython
