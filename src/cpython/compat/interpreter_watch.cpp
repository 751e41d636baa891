// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/interpreter_watch.h"

#include <Python.h>

#include <atomic>   // IWYU pragma: keep
#include <cstddef>  // IWYU pragma: keep

#include "base/units.h"  // IWYU pragma: keep

namespace hoop::cpython {

#if PY_VERSION_HEX < 0x030C0000

void watch_for_interpreters(void (*)()) noexcept {}

#else

namespace {

// A PyInterpreterState has 190 to 380 KB on 3.12-3.14. Other blocks as large only cost a second
// look.
constexpr std::size_t kSmallestInterpreter = 128 * kKiB;

constinit PyMemAllocatorEx raw{};
using Callback = void (*)();
constinit Callback second_interpreter = nullptr;
constinit std::atomic<bool> armed{false};
// By this thread. Another thread may be inside the allocation of an interpreter of its own, under a
// lock of the runtime's: to ask for the GIL there is to wait for whoever holds it and wants the
// lock.
constinit thread_local bool armed_here = false;

// REQUIRES: the runtime's lock is not held. The allocation of the state itself is under it; the
// next raw call of the same thread is not (the configuration is copied).
[[gnu::noinline]] void look() {
  if (!armed_here || PyInterpreterState_Head() == PyInterpreterState_Main()) return;
  armed_here = false;
  // With the main interpreter's GIL no thread is inside an unguarded function of the heap.
  const PyGILState_STATE state = PyGILState_Ensure();
  if (armed.load(std::memory_order_relaxed)) second_interpreter();
  armed.store(false, std::memory_order_relaxed);
  PyGILState_Release(state);
}

void look_if_armed() {
  if (armed.load(std::memory_order_relaxed)) [[unlikely]]
    look();
}

void* raw_malloc(void*, std::size_t size) {
  look_if_armed();
  return raw.malloc(raw.ctx, size);
}

void* raw_calloc(void*, std::size_t count, std::size_t size) {
  if (count != 1 || size < kSmallestInterpreter) {
    look_if_armed();
  } else if (Py_IsInitialized() != 0) {
    armed_here = true;
    armed.store(true, std::memory_order_relaxed);
  }
  return raw.calloc(raw.ctx, count, size);
}

void* raw_realloc(void*, void* block, std::size_t size) {
  look_if_armed();
  return raw.realloc(raw.ctx, block, size);
}

void raw_free(void*, void* block) {
  look_if_armed();
  raw.free(raw.ctx, block);
}

}  // namespace

void watch_for_interpreters(void (*on_second_interpreter)()) noexcept {
  second_interpreter = on_second_interpreter;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &raw);
  PyMemAllocatorEx watched{nullptr, raw_malloc, raw_calloc, raw_realloc, raw_free};
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &watched);
}

#endif

}  // namespace hoop::cpython
