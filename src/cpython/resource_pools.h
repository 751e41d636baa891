// SPDX-License-Identifier: Apache-2.0
// Pools of workers: ThreadPoolExecutor, ProcessPoolExecutor, multiprocessing's Pool. They are
// written in Python and warn of nothing; what they are known by is their queue of work, or a pipe.
#pragma once

#include <Python.h>

namespace hoop::cpython {

// All are called with the GIL, and may neither raise nor change an exception that is set.
struct PoolListener {
  void (*opened)(PyObject* queue, const char* type);
  void (*opened_by_pipe)(long descriptor, const char* type);
  void (*closes)(PyObject* queue);     // the program asks for it
  void (*finalized)(PyObject* queue);  // nobody holds the pool any more
  void (*left)(PyObject* queue);       // Python ends it at its own end
  void (*left_by_pipe)(long descriptor);
  void (*dies)(PyObject* queue);
};

void watch_pools(const PoolListener& listener) noexcept;
// A module that was loaded: the one that has the queue's type.
void watch_pools_of(PyObject* module) noexcept;
// os.pipe() has made a pipe: is it that of a pool of processes? `reader` is its end to read from.
void see_pipe_of_pool(long reader) noexcept;

// Whether it is the queue of a multiprocessing.pool.Pool that was neither closed nor terminated.
bool is_running_pool(PyObject* queue) noexcept;

// The pool that has this queue: a new reference, or nullptr.
PyObject* pool_of(PyObject* queue) noexcept;

}  // namespace hoop::cpython
