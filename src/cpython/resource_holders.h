// SPDX-License-Identifier: Apache-2.0
// Who holds an object, by asking for referrers, a few steps far. `hoop explain` knows it better.
#pragma once

#include <Python.h>

#include "base/text.h"

namespace hoop::cpython {

// Each step looks at all containers: not in a heap of millions of blocks.
[[nodiscard]] bool may_ask_for_referrers() noexcept;

// Such as "app.CACHE[*].file"; nothing when no name was found in a few steps, or the heap is too
// large to be searched. Calls Python: REQUIRES the GIL, at a place where any code may run.
void name_holder(PyObject* object, TextBuffer& text) noexcept;

}  // namespace hoop::cpython
