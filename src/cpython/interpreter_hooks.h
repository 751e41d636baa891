// SPDX-License-Identifier: Apache-2.0
// What is attached to a running interpreter: atexit, fork, collections, and the few functions of
// `sys` and `gc` whose answers must come from our heap.
#pragma once

namespace hoop::cpython {

struct InterpreterHooks {
  void (*before_finalization)();
  void (*after_fork_in_parent)();  // also in the child
  void (*before_fork)();
};

// Attaches everything; what cannot be attached is left out, with no exception set. REQUIRES: the
// GIL.
void install_interpreter_hooks(const InterpreterHooks& hooks) noexcept;

}  // namespace hoop::cpython
