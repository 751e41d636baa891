// SPDX-License-Identifier: Apache-2.0
// Frames of calls that are not over, as the recorder of lives asks for them.
#pragma once

#include <Python.h>
#include <frameobject.h>
#include <opcode.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::cpython {

using snapshot::PythonLayout;

// Borrowed: the frame holds it.
inline PyCodeObject* code_of(PyFrameObject* frame) {
  PyCodeObject* const code = PyFrame_GetCode(frame);
  Py_DECREF(code);
  return code;
}

#if PY_VERSION_HEX >= 0x030B0000

inline PyObject* title_of(PyCodeObject* code) { return code->co_qualname; }
inline Address inner_frame_of(PyFrameObject* frame, const PythonLayout& layout) {
  return snapshot::word_at(reinterpret_cast<Address>(frame) + layout.frame_object_frame);
}
inline Address locals_of_frame(Address inner, const PythonLayout& layout) {
  return inner + layout.frame.locals;
}
inline Address caller_of(Address inner, const PythonLayout& layout) {
  return snapshot::word_at(inner + layout.frame.previous);
}
inline PyObject* globals_of(PyFrameObject* frame, const PythonLayout& layout) {
  return reinterpret_cast<PyObject*>(
      snapshot::word_at(inner_frame_of(frame, layout) + layout.frame.globals));
}
// Of a module or the body of a class.
inline PyObject* names_of(PyFrameObject* frame, const PythonLayout& layout) {
  return reinterpret_cast<PyObject*>(
      snapshot::word_at(inner_frame_of(frame, layout) + layout.frame.locals_dict));
}
// A generator begins with RESUME 0, and goes on with others.
inline bool is_resumption(PyFrameObject* frame) {
  PyCodeObject* const code = code_of(frame);
  const int at = PyFrame_GetLasti(frame);
  if (at < 0) return false;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(code->co_code_adaptive);
  return (bytes[at + 1] & 3) != 0;
}

// At the event of a return from a generator's frame: whether it only pauses. Up to 3.13 the
// generator says so by then, later its instruction does.
inline bool is_at_yield(PyFrameObject* frame, const PythonLayout& layout) {
  const Address generator = inner_frame_of(frame, layout) - layout.generator_frame;
  if (snapshot::load<std::int8_t>(generator + layout.generator_state) < 0) return true;
  PyCodeObject* const code = code_of(frame);
  const int at = PyFrame_GetLasti(frame);
  if (at < 0) return false;
  const unsigned opcode = reinterpret_cast<const unsigned char*>(code->co_code_adaptive)[at];
#ifdef INSTRUMENTED_YIELD_VALUE
  if (opcode == INSTRUMENTED_YIELD_VALUE) return true;
#endif
  return opcode == YIELD_VALUE;
}

#else

inline bool is_at_yield(PyFrameObject* frame, const PythonLayout&) {
  constexpr int kSuspended = -1;
  return frame->f_state == kSuspended;
}
inline PyObject* title_of(PyCodeObject* code) { return code->co_name; }
inline Address inner_frame_of(PyFrameObject* frame, const PythonLayout&) {
  return reinterpret_cast<Address>(frame);
}
inline Address locals_of_frame(Address inner, const PythonLayout&) {
  return inner + offsetof(PyFrameObject, f_localsplus);
}
inline Address caller_of(Address inner, const PythonLayout&) {
  return reinterpret_cast<Address>(reinterpret_cast<PyFrameObject*>(inner)->f_back);
}
inline PyObject* globals_of(PyFrameObject* frame, const PythonLayout&) { return frame->f_globals; }
inline PyObject* names_of(PyFrameObject* frame, const PythonLayout&) { return frame->f_locals; }
inline bool is_resumption(PyFrameObject* frame) { return frame->f_lasti >= 0; }

#endif

#if PY_VERSION_HEX >= 0x030D0000
inline Address top_frame_of(const PyThreadState* thread) {
  return reinterpret_cast<Address>(thread->current_frame);
}
#elif PY_VERSION_HEX >= 0x030B0000
inline Address top_frame_of(const PyThreadState* thread) {
  return thread->cframe != nullptr ? reinterpret_cast<Address>(thread->cframe->current_frame) : 0;
}
#else
inline Address top_frame_of(const PyThreadState* thread) {
  return reinterpret_cast<Address>(thread->frame);
}
#endif

// Whether the thread is in this call, however far down.
inline bool is_in_call(const PyThreadState* thread, const PyFrameObject* frame, Address inner,
                       const PythonLayout& layout) {
  for (Address at = top_frame_of(thread); at != 0; at = caller_of(at, layout)) {
    if (at != inner) continue;
    return layout.minor == 10 ||
           snapshot::word_at(at + layout.frame.object) == reinterpret_cast<Address>(frame);
  }
  return false;
}

// Whether `inner` is the frame's own or one of its callers'.
inline bool is_caller(PyFrameObject* frame, Address inner, const PythonLayout& layout) {
  for (Address at = inner_frame_of(frame, layout); at != 0; at = caller_of(at, layout))
    if (at == inner) return true;
  return false;
}

}  // namespace hoop::cpython
