// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/call_stack.h"

#include <Python.h>
#include <frameobject.h>  // IWYU pragma: keep

#include <cstddef>

#include "base/units.h"
#include "cpython/compat/frame_layout.h"
#include "cpython/compat/thread_state.h"

namespace hoop::cpython {

#if PY_VERSION_HEX < 0x030B0000

void for_each_call(bool (*visit)(void* context, const Call& call), void* context) noexcept {
  const PyThreadState* const thread = current_thread_state();
  for (PyFrameObject* frame = thread != nullptr ? thread->frame : nullptr; frame != nullptr;
       frame = frame->f_back) {
    const int offset = frame->f_lasti * static_cast<int>(sizeof(_Py_CODEUNIT));
    if (!visit(context, Call{frame->f_code, offset})) return;
  }
}

#else

namespace {

int offset_in(const PyCodeObject* code, const Address* frame) {
  const auto start = reinterpret_cast<Address>(code->co_code_adaptive);
  return static_cast<int>(frame[kFrameLayout.instruction] - start);
}

}  // namespace

void for_each_call(bool (*visit)(void* context, const Call& call), void* context) noexcept {
  const PyThreadState* const thread = current_thread_state();
  const Address* frame = thread != nullptr ? current_frame(thread) : nullptr;
  for (std::size_t depth = 0; frame != nullptr && depth < kMaxFrames; ++depth) {
    PyCodeObject* const code = code_of(frame);
    if (code != nullptr && !visit(context, Call{code, offset_in(code, frame)})) return;
    frame = reinterpret_cast<const Address*>(frame[kFrameLayout.previous]);
  }
}

#endif

}  // namespace hoop::cpython
