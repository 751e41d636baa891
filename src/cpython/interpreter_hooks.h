// SPDX-License-Identifier: Apache-2.0
// What is attached to a running interpreter: atexit, forks, collections, and the few built-in
// functions whose answers must come from our heap or whose end must be known.
#pragma once

#include <Python.h>

#include "cpython/collector_choice.h"

namespace hoop::cpython {

struct InterpreterHooks {
  void (*before_finalization)();
  void (*before_fork)();
  void (*after_fork_in_parent)();  // when CPython has counted the threads, as it does last
  void (*after_fork_in_child)();
};

// Attaches everything; what cannot be attached is left out, with no exception set. REQUIRES: the
// GIL.
void install_interpreter_hooks(const InterpreterHooks& hooks,
                               const CollectorOptions& collector) noexcept;

// A full collection, by our search where that is possible; what gc.collect() would return.
// REQUIRES: the GIL.
PyObject* collect_now() noexcept;

// The program has its atexit functions run now, and goes on after that.
[[nodiscard]] bool exit_is_rehearsed() noexcept;

// Whether this thread is in Python's own os._exit.
[[nodiscard]] bool is_inside_os_exit() noexcept;

}  // namespace hoop::cpython
