// SPDX-License-Identifier: Apache-2.0
// Lines of ours on the program's standard error.
#pragma once

#include <cstddef>

namespace hoop::os {

// One write to descriptor 2. Nobody may read there any more: that is no reason for SIGPIPE.
void write_to_standard_error(const char* text, std::size_t length) noexcept;

}  // namespace hoop::os
