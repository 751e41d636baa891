// SPDX-License-Identifier: Apache-2.0
#include "os/native_thread.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

namespace hoop::os {

bool NativeThread::start(void* (*body)(void*), std::size_t stack_bytes) noexcept {
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return false;
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // The program's signals are for the program's threads.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool started = ::pthread_create(&handle_, &attributes, body, nullptr) == 0;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::pthread_attr_destroy(&attributes);
  return started;
}

void NativeThread::note_kernel_id() noexcept {
  kernel_id_.store(static_cast<pid_t>(::syscall(SYS_gettid)));
}

void NativeThread::join() noexcept {
  constexpr int kMaxTries = 10000;
  ::pthread_join(handle_, nullptr);
  const pid_t id = kernel_id_.exchange(0);
  for (int i = 0; id != 0 && i < kMaxTries && ::syscall(SYS_tgkill, ::getpid(), id, 0) == 0; ++i)
    ::sched_yield();
}

}  // namespace hoop::os
