// SPDX-License-Identifier: Apache-2.0
// Frames: whose code, at which line, with which locals. A frame is a part of the interpreter's
// stack (3.11 and later), of a generator, or of a frame object.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {

// A reference in 3.14's frames has flags in its lowest bits.
inline constexpr Address kReferenceTags = 3;
inline constexpr Address kBorrowed = 1;

// Whose a frame of the interpreter's is; kOwnedByInterpreter and above: none of Python's.
inline constexpr std::uint8_t kOwnedByGenerator = 1, kOwnedByFrameObject = 2;
inline constexpr std::uint8_t kOwnedByInterpreter = 3;

struct FrameView {
  Address code = 0;  // 0: there is no frame, or it belongs to C
  Address locals = 0;
  std::size_t slot_count = 0;     // from `locals` on: locals, then values of the stack
  std::int64_t instruction = -1;  // byte in the code
  bool is_suspended = false;
};

// Where the frame is an object of the interpreter's (3.11 and later). `is_running`: how much of its
// stack is in use is not known.
FrameView view_interpreter_frame(Address frame, const PythonLayout& layout);
// The frame of a generator, coroutine or async generator. 3.10: of its frame object.
FrameView view_generator(Address generator, const PythonLayout& layout);
// 3.11 and later: only one that outlived its call.
FrameView view_frame_object(Address object, const PythonLayout& layout);
// What traceback and frame objects are about; may have no locals of its own.
FrameView describe_frame_object(Address object, const PythonLayout& layout);

// 0: not known.
std::uint32_t line_of(const FrameView& frame, const PythonLayout& layout);

// The name of a local: a str. 0: it is a value on the stack.
Address local_name(const FrameView& frame, std::size_t slot, const PythonLayout& layout);

// visit(slot, Address, counted) for each object that the frame holds.
template <class F>
void for_each_slot(const FrameView& frame, F&& visit) {
  for (std::size_t i = 0; i < frame.slot_count; ++i) {
    const Address word = word_at(frame.locals + i * sizeof(Address));
    const Address tags = word & kReferenceTags;
    if (word > kReferenceTags && tags <= kBorrowed) visit(i, word & ~kReferenceTags, tags == 0);
  }
}

}  // namespace hoop::snapshot
