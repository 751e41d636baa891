// SPDX-License-Identifier: Apache-2.0
// Where Hoopsnake must stay out.
#pragma once

namespace hoop::cpython {

// Before the interpreter starts: the reason not to install, or nullptr.
const char* reason_against_preloading() noexcept;

// In a running interpreter: the reason not to install late, or nullptr. REQUIRES: the GIL.
const char* reason_against_late_install() noexcept;

}  // namespace hoop::cpython
