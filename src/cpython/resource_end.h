// SPDX-License-Identifier: Apache-2.0
// What is still open as the interpreter ends.
#pragma once

namespace hoop::cpython {

// Looks at what is open, and asks who holds some of it. `is_counted`: what is open was not closed;
// else the program leaves from amid its work. REQUIRES: the GIL, at a place where any code may run.
void count_what_is_left(bool is_counted) noexcept;

}  // namespace hoop::cpython
