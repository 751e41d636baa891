// SPDX-License-Identifier: Apache-2.0
#include "cpython/gil_gate.h"

#include <Python.h>
#include <pthread.h>

#include "cpython/compat/thread_state.h"

namespace hoop::cpython {
namespace {

// All but the mutex is guarded by it.
struct GilGate {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t is_empty = PTHREAD_COND_INITIALIZER;
  unsigned visitors = 0;  // threads of ours inside
  unsigned closers = 0;   // threads that have it shut
};
constinit GilGate gate;

// REQUIRES: the mutex is held, the GIL is not.
void wait_for_visitors_locked() {
  while (gate.visitors != 0) ::pthread_cond_wait(&gate.is_empty, &gate.mutex);
}

}  // namespace

bool enter_gil_gate() noexcept {
  ::pthread_mutex_lock(&gate.mutex);
  const bool is_open = gate.closers == 0;
  if (is_open) ++gate.visitors;
  ::pthread_mutex_unlock(&gate.mutex);
  return is_open;
}

void leave_gil_gate() noexcept {
  ::pthread_mutex_lock(&gate.mutex);
  if (gate.visitors != 0) --gate.visitors;
  if (gate.visitors == 0) ::pthread_cond_broadcast(&gate.is_empty);
  ::pthread_mutex_unlock(&gate.mutex);
}

void shut_gil_gate() noexcept {
  ::pthread_mutex_lock(&gate.mutex);
  ++gate.closers;
  const bool is_empty = gate.visitors == 0;
  ::pthread_mutex_unlock(&gate.mutex);
  // An interpreter that ends gives the GIL to nobody: who waits for it may never leave.
  if (is_empty || is_finalizing()) return;
  PyThreadState* const released = PyEval_SaveThread();
  ::pthread_mutex_lock(&gate.mutex);
  wait_for_visitors_locked();
  ::pthread_mutex_unlock(&gate.mutex);
  PyEval_RestoreThread(released);
}

void open_gil_gate() noexcept {
  ::pthread_mutex_lock(&gate.mutex);
  if (gate.closers != 0) --gate.closers;
  ::pthread_mutex_unlock(&gate.mutex);
}

void forget_gil_visitors() noexcept {
  ::pthread_mutex_lock(&gate.mutex);
  gate.visitors = gate.closers = 0;
  ::pthread_mutex_unlock(&gate.mutex);
}

void restart_gil_gate_after_fork() noexcept {
  ::pthread_mutex_init(&gate.mutex, nullptr);
  ::pthread_cond_init(&gate.is_empty, nullptr);
  gate.visitors = gate.closers = 0;
}

}  // namespace hoop::cpython
