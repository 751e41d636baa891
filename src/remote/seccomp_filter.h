// SPDX-License-Identifier: Apache-2.0
// What a thread's seccomp filters would say to a system call that we have it make. Some filters do
// not refuse, they kill: so they are asked before, not tried.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "base/units.h"
#include "remote/registers.h"
#include "remote/trouble.h"

namespace hoop::remote {

// SECCOMP_RET_*, as the filter answers; nothing where it is not one.
std::optional<std::uint32_t> run_filter(std::span<const sock_filter> filter,
                                        const seccomp_data& call);

// Trouble: the call would not be let pass, or nobody knows. REQUIRES: `thread` is stopped by us.
Trouble check_filters(pid_t pid, pid_t thread, Address instruction, long number,
                      const CallArguments& arguments);

}  // namespace hoop::remote
