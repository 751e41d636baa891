// SPDX-License-Identifier: Apache-2.0
// A thread of our own in somebody else's process: no signal is delivered to it, its stack is small,
// and after the join nobody can count it any more.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>

namespace hoop::os {

class NativeThread {
 public:
  // False: refused. REQUIRES: there is none, or it was joined.
  bool start(void* (*body)(void*), std::size_t stack_bytes) noexcept;
  // First thing in the body.
  void note_kernel_id() noexcept;
  // Waits for its end, and until the kernel does not count it any more: CPython warns of threads
  // when it forks.
  void join() noexcept;
  // It may never end.
  void detach() noexcept { ::pthread_detach(handle_); }

 private:
  pthread_t handle_{};
  std::atomic<pid_t> kernel_id_{0};
};

}  // namespace hoop::os
