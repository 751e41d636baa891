// SPDX-License-Identifier: Apache-2.0
// What a process is, before anything is done to it: whether it can be copied, and why not.
#pragma once

#include <sys/types.h>

#include <string>

#include "remote/trouble.h"

namespace hoop::remote {

struct ProcessFacts {
  pid_t pid = 0;
  pid_t pid_inside = 0;  // as its own pid namespace has it
  std::string executable;
  bool has_other_pid_namespace = false;
  bool has_other_mount_namespace = false;
  unsigned threads = 0;
};

// Trouble: there is no such process, or it is none that can be copied: a zombie, a kernel thread,
// 32-bit, of another machine, or not ours to trace.
Trouble look_at_process(pid_t pid, ProcessFacts& facts);

// Why the kernel refuses to let us trace, and what would help. `error` is an errno.
Trouble explain_refusal(pid_t pid, pid_t thread, int error);

// "process 17 (python3.12)".
std::string name_of(pid_t pid);

}  // namespace hoop::remote
