// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/thread_roots.h"

#include <Python.h>
#include <frameobject.h>  // IWYU pragma: keep

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"

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

// Where things are in a frame of the interpreter, by words; `owner` by bytes. The struct is
// internal, but the same in all releases of a minor version.
struct FrameLayout {
  std::size_t code;
  std::size_t previous;
  std::size_t locals;
  std::size_t owner;
};
// The words before the links of a frame: function, globals, builtins, locals' dict, frame object.
constexpr std::size_t kReferencesBefore = 7;
// A frame of this kind and above is the interpreter's own, and holds nothing of a program.
constexpr unsigned char kOwnedByInterpreter = 3;
constexpr std::size_t kMaxFrames = 100'000;  // of a thread; what is deeper is no root

#if PY_VERSION_HEX >= 0x030E0000
constexpr FrameLayout kLayout = {0, 1, 10, 74};
const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->current_frame);
}
#elif PY_VERSION_HEX >= 0x030D0000
constexpr FrameLayout kLayout = {0, 1, 9, 70};
const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->current_frame);
}
#elif PY_VERSION_HEX >= 0x030C0000
constexpr FrameLayout kLayout = {0, 1, 9, 70};
const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->cframe->current_frame);
}
#else
constexpr FrameLayout kLayout = {4, 6, 9, 69};
const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->cframe->current_frame);
}
#endif

const PyCodeObject* code_of(const Address* frame) {
  auto* const code = reinterpret_cast<PyObject*>(frame[kLayout.code] & ~Address{7});
  return code != nullptr && PyCode_Check(code) ? reinterpret_cast<PyCodeObject*>(code) : nullptr;
}

void visit_frame(const Address* frame, Visit visit, void* context) {
  unsigned char owner = 0;
  std::memcpy(&owner, reinterpret_cast<const char*>(frame) + kLayout.owner, 1);
  const PyCodeObject* const code = owner < kOwnedByInterpreter ? code_of(frame) : nullptr;
  if (code == nullptr) return;
  for (std::size_t i = 0; i < kReferencesBefore; ++i) {
    if (i != kLayout.previous) visit(context, frame[i]);
  }
  for (int i = 0; i < code->co_nlocalsplus; ++i) visit(context, frame[kLayout.locals + i]);
}

void visit_frames(const PyThreadState* thread, Visit visit, void* context) {
  const Address* frame = current_frame(thread);
  for (std::size_t depth = 0; frame != nullptr && depth < kMaxFrames; ++depth) {
    visit_frame(frame, visit, context);
    frame = reinterpret_cast<const Address*>(frame[kLayout.previous]);
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
