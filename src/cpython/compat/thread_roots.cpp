// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/thread_roots.h"

#include <Python.h>
#include <frameobject.h>  // IWYU pragma: keep

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/compat/frame_layout.h"

namespace hoop::cpython {
namespace {

using Visit = void (*)(void* context, Address word);

#if PY_VERSION_HEX < 0x030B0000

// Frames are objects, and know what they hold.
void visit_frames(const PyThreadState* thread, Visit visit, void* context) {
  for (PyFrameObject* frame = thread->frame; frame != nullptr; frame = frame->f_back)
    visit(context, reinterpret_cast<Address>(frame));
}

#else

// The words before the links of a frame: function, globals, builtins, locals' dict, frame object.
constexpr std::size_t kReferencesBefore = 7;

void visit_frame(const Address* frame, Visit visit, void* context) {
  const PyCodeObject* const code = code_of(frame);
  if (code == nullptr) return;
  for (std::size_t i = 0; i < kReferencesBefore; ++i) {
    if (i != kFrameLayout.previous) visit(context, frame[i]);
  }
  for (int i = 0; i < code->co_nlocalsplus; ++i) visit(context, frame[kFrameLayout.locals + i]);
}

void visit_frames(const PyThreadState* thread, Visit visit, void* context) {
  const Address* frame = current_frame(thread);
  for (std::size_t depth = 0; frame != nullptr && depth < kMaxFrames; ++depth) {
    visit_frame(frame, visit, context);
    frame = reinterpret_cast<const Address*>(frame[kFrameLayout.previous]);
  }
}

#endif

}  // namespace

void for_each_thread_root(Visit visit, void* context) noexcept {
  const PyThreadState* const self = PyThreadState_Get();
  PyThreadState* thread = PyInterpreterState_ThreadHead(self->interp);
  for (; thread != nullptr; thread = PyThreadState_Next(thread))
    visit_frames(thread, visit, context);
}

}  // namespace hoop::cpython
