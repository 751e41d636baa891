// SPDX-License-Identifier: Apache-2.0
// Notices a second interpreter with a GIL of its own (3.12+), before it can use the heap beside the
// first.
//
// The state of a new interpreter is one large zeroed block of the raw allocator, and more raw calls
// follow on the same thread before it runs. So raw calls pass through here, a large one arms the
// watch, and the next ones look whether there are two interpreters now. If so, and no other thread
// can be inside the heap, `on_second_interpreter` is called.
#pragma once

namespace hoop::cpython {

// Before 3.12 interpreters share the GIL, and this does nothing.
void watch_for_interpreters(void (*on_second_interpreter)()) noexcept;

}  // namespace hoop::cpython
