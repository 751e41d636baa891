// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/death_watch.h"

#include <Python.h>

namespace hoop::cpython {
namespace {

using Told = void (*)(PyObject*);
constinit Told told_of_death = nullptr;

#if PY_VERSION_HEX >= 0x030D0000
#define HOOP_HAVE_REFERENCE_TRACER 1
#else
#define HOOP_HAVE_REFERENCE_TRACER 0
#endif
// The interpreter's loop of 3.13.0 does not tell the tracer of what it frees itself.
#if PY_VERSION_HEX < 0x030E0000
#define HOOP_WRAP_DEALLOC 1
#else
#define HOOP_WRAP_DEALLOC 0
#endif

#if HOOP_HAVE_REFERENCE_TRACER

int on_reference_event(PyObject* object, PyRefTracerEvent event, void*) {
  // Of a class made in Python it may still be resurrected; its memory goes back to the heap.
  if (event == PyRefTracer_DESTROY && told_of_death != nullptr &&
      (Py_TYPE(object)->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0)
    told_of_death(object);
  return 0;
}

#endif
#if HOOP_WRAP_DEALLOC

// Containers in containers: from this depth on CPython's own function is called, whose guard
// against deep recursion asks whether it is its type's.
constexpr int kDeepest = 30;

struct Wrapped {
  PyTypeObject* type;
  destructor original;
  int depth;
};
constinit Wrapped wrapped[4]{};

template <unsigned kPlace>
void dealloc(PyObject* object) {
  Wrapped& one = wrapped[kPlace];
  if (Py_TYPE(object) == one.type && told_of_death != nullptr) told_of_death(object);
  if (one.depth < kDeepest) {
    ++one.depth;
    one.original(object);
    --one.depth;
    return;
  }
  one.type->tp_dealloc = one.original;
  one.original(object);
  one.type->tp_dealloc = dealloc<kPlace>;
}

template <unsigned kPlace>
void wrap(PyTypeObject& type) {
  wrapped[kPlace] = {&type, type.tp_dealloc, 0};
  type.tp_dealloc = dealloc<kPlace>;
}

#endif

}  // namespace

void watch_deaths(void (*died)(PyObject* object)) noexcept {
  told_of_death = died;
#if HOOP_HAVE_REFERENCE_TRACER
  PyRefTracer_SetTracer(on_reference_event, nullptr);
#endif
#if HOOP_WRAP_DEALLOC
  wrap<0>(PyFloat_Type);
  wrap<1>(PyTuple_Type);
  wrap<2>(PyList_Type);
  wrap<3>(PyDict_Type);
#endif
}

void end_death_watch() noexcept { told_of_death = nullptr; }

}  // namespace hoop::cpython
