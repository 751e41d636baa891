// SPDX-License-Identifier: Apache-2.0
// The heap under CPython's `obj` and `mem` allocators. `raw` stays with libc.
#pragma once

#include <cstddef>

#include "heap/heap.h"

namespace hoop::cpython {

// The one heap of the process. Guarded by the GIL, or by its own lock once guarded functions are in
// place.
extern constinit heap::Heap process_heap;

// Takes both domains over. What was there before keeps the blocks that it gave out and takes over
// when our heap can give no more. REQUIRES: process_heap is initialized; the GIL, or no interpreter
// yet.
void install_allocators() noexcept;

// True when both domains are (still) ours.
bool allocators_are_installed() noexcept;

// From now on every call takes a lock and writes frees into the in-flight log while that is open.
// Needed before a second GIL exists, and while a copy of the heap is analysed.
void use_guarded_allocators() noexcept;
// Back to the fast ones, unless several GILs share the heap.
void use_fast_allocators() noexcept;
// Several GILs: guarded for ever.
void share_heap_between_interpreters() noexcept;
bool heap_is_shared() noexcept;

// From now on `told` hears of every block that is taken (afterwards) and given back (before), with
// its size; one that is moved is both. It may not allocate. For good. REQUIRES: the GIL.
using BlockWatch = void (*)(const void* block, std::size_t bytes, bool is_taken);
void watch_blocks(BlockWatch told) noexcept;

// Excludes guarded allocation by other threads; does nothing while the GIL alone guards the heap.
class HeapLock {
 public:
  HeapLock() noexcept;
  ~HeapLock();
  HeapLock(const HeapLock&) = delete;
  HeapLock& operator=(const HeapLock&) = delete;

 private:
  bool locked_;
};

// In a fork's child: whoever held the lock is gone.
void reset_heap_lock_after_fork() noexcept;

}  // namespace hoop::cpython
