// SPDX-License-Identifier: Apache-2.0
// The ways a workload reaches an allocator. `malloc` is whatever serves it in this process: the
// system's, or a rival that was preloaded. Ours is measured as a C++ program uses it (inlined) and
// as CPython does (through pointers).
#pragma once

#include <cstddef>
#include <cstdlib>

#include "heap/heap.h"

namespace hoop::bench {

// Opaque to the optimiser, so that a call through it stays an indirect call.
template <class T>
T opaque(T value) {
  __asm__ volatile("" : "+r"(value));
  return value;
}

struct FunctionTable {
  void* (*allocate)(std::size_t);
  void (*release)(void*);
};

inline constinit heap::Heap bench_heap;

[[gnu::noinline]] inline void* hoop_allocate(std::size_t size) { return bench_heap.allocate(size); }
[[gnu::noinline]] inline void hoop_release(void* block) { bench_heap.free(block); }

struct InlinedHoop {
  static void* allocate(std::size_t size) { return bench_heap.allocate(size); }
  static void release(void* block) { bench_heap.free(block); }
};

struct CalledMalloc {
  static void* allocate(std::size_t size) { return std::malloc(size); }
  static void release(void* block) { std::free(block); }
};

class ThroughPointers {
 public:
  explicit ThroughPointers(FunctionTable table) : table_(table) {}
  void* allocate(std::size_t size) const { return opaque(table_.allocate)(size); }
  void release(void* block) const { opaque(table_.release)(block); }

 private:
  FunctionTable table_;
};

}  // namespace hoop::bench
