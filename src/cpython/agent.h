// SPDX-License-Identifier: Apache-2.0
// The agent's life in a process: put in before the interpreter (or late), set up once the
// interpreter runs, followed through forks, ended with the interpreter.
#pragma once

#include <Python.h>

#include "cpython/collector_choice.h"

namespace hoop::cpython {

// From the heap's beat: has the set-up or a look at the heap's composition run soon, where Python
// may be called.
void on_agent_beat() noexcept;

// Puts the heap under a running interpreter. nullptr: done (or done before). Else the reason why
// not. REQUIRES: the GIL.
const char* install_late(CollectorChoice choice) noexcept;

// True when the heap serves this process.
bool agent_is_active() noexcept;

// Why not, or nullptr.
const char* agent_reason() noexcept;

// A new epoch of the heap. REQUIRES: the GIL.
void start_epoch() noexcept;

}  // namespace hoop::cpython
