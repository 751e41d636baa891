// SPDX-License-Identifier: Apache-2.0
// What the running frames of all threads hold: objects that are alive for certain. Reads only, so
// it may run in a copy of the process.
#pragma once

#include "base/units.h"

namespace hoop::cpython {

// Calls visit(context, word) for the words of frames that hold references. They may be null, tagged
// (in the lowest three bits), or no objects of interest. Frames that are not understood are passed
// over: fewer roots only make a search slower. REQUIRES: the GIL, or a copy of a thread that had
// it.
void for_each_thread_root(void (*visit)(void* context, Address word), void* context) noexcept;

}  // namespace hoop::cpython
