// SPDX-License-Identifier: Apache-2.0
// The frames of CPython 3.11 and later, which are no objects. In 3.10 they are.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstring>

#include "base/units.h"

#if PY_VERSION_HEX >= 0x030B0000

namespace hoop::cpython {

// Where things are in a frame of the interpreter, by words; `owner` by bytes. The struct is
// internal, but the same in all releases of a minor version.
struct FrameLayout {
  std::size_t code;
  std::size_t previous;
  std::size_t instruction;
  std::size_t locals;
  std::size_t owner;
};
// A frame of this kind and above is the interpreter's own, and holds nothing of a program.
inline constexpr unsigned char kOwnedByInterpreter = 3;
inline constexpr std::size_t kMaxFrames = 100'000;  // of a thread; what is deeper is no root

#if PY_VERSION_HEX >= 0x030E0000
inline constexpr FrameLayout kFrameLayout = {0, 1, 7, 10, 74};
inline const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->current_frame);
}
#elif PY_VERSION_HEX >= 0x030D0000
inline constexpr FrameLayout kFrameLayout = {0, 1, 7, 9, 70};
inline const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->current_frame);
}
#elif PY_VERSION_HEX >= 0x030C0000
inline constexpr FrameLayout kFrameLayout = {0, 1, 7, 9, 70};
inline const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->cframe->current_frame);
}
#else
inline constexpr FrameLayout kFrameLayout = {4, 6, 7, 9, 69};
inline const Address* current_frame(const PyThreadState* thread) {
  return reinterpret_cast<const Address*>(thread->cframe->current_frame);
}
#endif

// nullptr: not a frame of Python code.
inline PyCodeObject* code_of(const Address* frame) {
  unsigned char owner = 0;
  std::memcpy(&owner, reinterpret_cast<const char*>(frame) + kFrameLayout.owner, 1);
  if (owner >= kOwnedByInterpreter) return nullptr;
  auto* const code = reinterpret_cast<PyObject*>(frame[kFrameLayout.code] & ~Address{7});
  return code != nullptr && PyCode_Check(code) ? reinterpret_cast<PyCodeObject*>(code) : nullptr;
}

}  // namespace hoop::cpython

#endif
