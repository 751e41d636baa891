// SPDX-License-Identifier: Apache-2.0
// Starts `hoop report` at the very end of a run and waits for it.
#pragma once

namespace hoop::os {

// Runs `$HOOP_PYTHON -I -m hoopsnake report --finish <run_dir>`: stdin empty, stdout and stderr on
// our standard error, none of Hoopsnake's variables in its environment. Quiet when it cannot be
// started.
void run_report(const char* run_dir) noexcept;

// True when this process is the one that `hoop run` became.
bool is_root_process() noexcept;

// HOOP_DISABLE set to anything but "0".
bool is_disabled() noexcept;

// The value of a variable, or nullptr when it is unset or empty.
const char* variable(const char* name) noexcept;

}  // namespace hoop::os
