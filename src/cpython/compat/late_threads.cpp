// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/late_threads.h"

#include <Python.h>

#include <cstddef>
#include <utility>

namespace hoop::cpython {

#if PY_VERSION_HEX >= 0x030B0000

void keep_states_for_late_threads() noexcept {}
void stop_keeping_states() noexcept {}

#else

namespace {

struct State {
  void* block = nullptr;
  bool is_kept = false;  // CPython has freed it
};

struct KeptStates {
  static constexpr std::size_t kMost = 256;

  State states[kMost];
  std::size_t count = 0;
  PyMemAllocatorEx raw{};

  void add(void* block) {
    if (count < kMost) states[count++] = {block, false};
  }

  bool keep(void* block) {
    for (std::size_t i = 0; i < count; ++i) {
      if (states[i].block != block) continue;
      states[i].is_kept = true;
      return true;
    }
    return false;
  }

  void let_go() {
    const std::size_t all = std::exchange(count, 0);
    for (std::size_t i = 0; i < all; ++i) {
      if (states[i].is_kept) PyMem_RawFree(states[i].block);
    }
  }
};
constinit KeptStates kept;

void free_others(void* context, void* block) {
  if (!kept.keep(block)) kept.raw.free(context, block);
}

// Only this word of the table changes: threads without the GIL may be reading it.
void set_raw_free(void (*function)(void*, void*)) {
  PyMemAllocatorEx table;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &table);
  table.free = function;
  PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &table);
}

bool frees_others_only() {
  PyMemAllocatorEx table;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &table);
  return table.free == free_others;
}

}  // namespace

void keep_states_for_late_threads() noexcept {
  kept.let_go();
  PyInterpreterState* const interpreter = PyInterpreterState_Get();
  kept.add(interpreter);
  PyThreadState* thread = PyInterpreterState_ThreadHead(interpreter);
  for (; thread != nullptr; thread = PyThreadState_Next(thread)) kept.add(thread);
  if (frees_others_only()) return;  // atexit's callbacks may run more than once
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &kept.raw);
  set_raw_free(free_others);
}

void stop_keeping_states() noexcept {
  if (frees_others_only()) set_raw_free(kept.raw.free);
}

#endif

}  // namespace hoop::cpython
