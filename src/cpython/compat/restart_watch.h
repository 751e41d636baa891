// SPDX-License-Identifier: Apache-2.0
// 3.14 puts its own allocators back when an interpreter starts again in a process in which one has
// ended, as embedding programs do. No function of ours is called then, until the first audit event
// of the new interpreter: audit hooks outlive the end. The hook is added at that end, so that
// programs that start only one interpreter, nearly all there are, do not pay for its events.
#pragma once

namespace hoop::cpython {

// At the end of Py_FinalizeEx: `on_restart` is called once when the next interpreter comes up, with
// the GIL, before it runs code. Before 3.14 allocators stay, and this does nothing.
void watch_for_restart(void (*on_restart)()) noexcept;

}  // namespace hoop::cpython
