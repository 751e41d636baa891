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

// The allocation of the state itself runs under a lock of the runtime's: only the calls after it
// may do more.
[[gnu::noinline]] void look() {
  if (PyInterpreterState_Head() == PyInterpreterState_Main()) return;
  armed.store(false, std::memory_order_relaxed);
  // With the main interpreter's GIL no thread is inside an unguarded function of the heap.
  const PyGILState_STATE state = PyGILState_Ensure();
  second_interpreter();
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
  look_if_armed();
  void* const block = raw.calloc(raw.ctx, count, size);
  if (count == 1 && size >= kSmallestInterpreter && Py_IsInitialized() != 0) {
    armed.store(true, std::memory_order_relaxed);
  }
  return block;
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
