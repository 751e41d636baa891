// SPDX-License-Identifier: Apache-2.0
#include "cpython/allocator.h"

#include <Python.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>

#include "cpython/attendant.h"
#include "heap/geometry.h"
#include "heap/heap.h"

namespace hoop::cpython {

using heap::Domain;

constinit heap::Heap process_heap;

namespace {

constexpr PyMemAllocatorDomain kPythonDomains[heap::kDomainCount] = {PYMEM_DOMAIN_OBJ,
                                                                     PYMEM_DOMAIN_MEM};

constinit PyMemAllocatorEx originals[heap::kDomainCount]{};
constinit bool shared_between_gils = false;
pthread_mutex_t heap_mutex = PTHREAD_MUTEX_INITIALIZER;

const PyMemAllocatorEx& original(Domain domain) { return originals[static_cast<unsigned>(domain)]; }

bool is_ours(void* block) { return process_heap.spans(block) || process_heap.owns(block); }

void* noted(void* block) {
  if (block == nullptr) note_memory_error();
  return block;
}

// Our heap can give no more: the allocator before us may still.
void* malloc_elsewhere(std::size_t size, Domain domain) {
  return noted(original(domain).malloc(original(domain).ctx, size));
}

void* calloc_elsewhere(std::size_t count, std::size_t size, Domain domain) {
  return noted(original(domain).calloc(original(domain).ctx, count, size));
}

// Not one of our blocks: given out before us, or in our place. Both original domains end in the
// same allocator.
void free_elsewhere(void* block) {
  if (block != nullptr) original(Domain::kObject).free(original(Domain::kObject).ctx, block);
}

void* realloc_elsewhere(void* block, std::size_t size, Domain domain) {
  return noted(original(domain).realloc(original(domain).ctx, block, size));
}

void* move_elsewhere(void* block, std::size_t size, Domain domain) {
  void* const moved = malloc_elsewhere(size, domain);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(process_heap.usable_size(block), size));
  process_heap.try_free_logged(block);
  return moved;
}

// What the fast functions end in by a jump: a call would make them save registers each time.
template <Domain kDomain>
[[gnu::noinline]] void* malloc_slow(std::size_t size) {
  void* const block = process_heap.allocate_slow(size, kDomain);
  return block != nullptr ? block : malloc_elsewhere(size, kDomain);
}

[[gnu::noinline]] void free_slow(void* block) {
  if (!process_heap.free_slow(block)) free_elsewhere(block);
}

// Fast functions: guarded by the GIL, nothing else. The context is not used: a torn write of the
// table is harmless.
template <Domain kDomain>
struct Fast {
  static void* malloc(void*, std::size_t size) {
    if (void* const block = process_heap.allocate_fast(size, kDomain)) [[likely]]
      return block;
    return malloc_slow<kDomain>(size);
  }
  static void* calloc(void*, std::size_t count, std::size_t size) {
    void* const block = process_heap.allocate_zeroed(count, size, kDomain);
    if (block == nullptr) [[unlikely]]
      return calloc_elsewhere(count, size, kDomain);
    return block;
  }
  static void* realloc(void*, void* block, std::size_t size) {
    if (block == nullptr) return malloc(nullptr, size);
    if (!is_ours(block)) [[unlikely]]
      return realloc_elsewhere(block, size, kDomain);
    void* const resized = process_heap.reallocate(block, size, kDomain);
    if (resized == nullptr) [[unlikely]]
      return move_elsewhere(block, size, kDomain);
    return resized;
  }
  static void free(void*, void* block) {
    if (!process_heap.free_fast(block)) [[unlikely]]
      free_slow(block);
  }
};

// The same behind the lock, with the log.
template <Domain kDomain>
struct Guarded {
  static void* malloc(void*, std::size_t size) {
    const HeapLock lock;
    return Fast<kDomain>::malloc(nullptr, size);
  }
  static void* calloc(void*, std::size_t count, std::size_t size) {
    const HeapLock lock;
    return Fast<kDomain>::calloc(nullptr, count, size);
  }
  static void* realloc(void*, void* block, std::size_t size) {
    const HeapLock lock;
    if (!is_ours(block)) process_heap.log_foreign_free(block);
    return Fast<kDomain>::realloc(nullptr, block, size);
  }
  static void free(void*, void* block) {
    const HeapLock lock;
    if (process_heap.try_free_logged(block)) return;
    process_heap.log_foreign_free(block);
    free_elsewhere(block);
  }
};

constinit BlockWatch block_watch = nullptr;

void* told_of(void* block) {
  if (block != nullptr && process_heap.owns(block))
    block_watch(block, process_heap.usable_size(block), true);
  return block;
}

void tell_of_end(void* block) {
  if (block != nullptr && process_heap.owns(block))
    block_watch(block, process_heap.usable_size(block), false);
}

// Guarded, and told of.
template <Domain kDomain>
struct Watched {
  static void* malloc(void*, std::size_t size) {
    return told_of(Guarded<kDomain>::malloc(nullptr, size));
  }
  static void* calloc(void*, std::size_t count, std::size_t size) {
    return told_of(Guarded<kDomain>::calloc(nullptr, count, size));
  }
  static void* realloc(void*, void* block, std::size_t size) {
    const bool was_ours = block != nullptr && process_heap.owns(block);
    const std::size_t before = was_ours ? process_heap.usable_size(block) : 0;
    void* const resized = Guarded<kDomain>::realloc(nullptr, block, size);
    if (resized == nullptr) return nullptr;
    const bool stays = resized == block && was_ours && process_heap.owns(resized) &&
                       process_heap.usable_size(resized) == before;
    if (stays) return resized;
    if (was_ours) block_watch(block, before, false);
    return told_of(resized);
  }
  static void free(void*, void* block) {
    tell_of_end(block);
    Guarded<kDomain>::free(nullptr, block);
  }
};

template <template <Domain> class Functions, Domain kDomain>
void set_domain() {
  using F = Functions<kDomain>;
  PyMemAllocatorEx table{nullptr, F::malloc, F::calloc, F::realloc, F::free};
  PyMem_SetAllocator(kPythonDomains[static_cast<unsigned>(kDomain)], &table);
}

template <template <Domain> class Functions>
void set_both_domains() {
  set_domain<Functions, Domain::kObject>();
  set_domain<Functions, Domain::kMemory>();
}

// The function that CPython calls for a domain now.
auto current_malloc(Domain domain) {
  PyMemAllocatorEx table;
  PyMem_GetAllocator(kPythonDomains[static_cast<unsigned>(domain)], &table);
  return table.malloc;
}

}  // namespace

void install_allocators() noexcept {
  for (unsigned i = 0; i < heap::kDomainCount; ++i)
    PyMem_GetAllocator(kPythonDomains[i], &originals[i]);
  if (shared_between_gils) {
    set_both_domains<Guarded>();
  } else {
    set_both_domains<Fast>();
  }
}

bool allocators_are_installed() noexcept {
  const auto object = current_malloc(Domain::kObject);
  const auto memory = current_malloc(Domain::kMemory);
  return (object == Fast<Domain::kObject>::malloc && memory == Fast<Domain::kMemory>::malloc) ||
         (object == Guarded<Domain::kObject>::malloc &&
          memory == Guarded<Domain::kMemory>::malloc) ||
         (object == Watched<Domain::kObject>::malloc && memory == Watched<Domain::kMemory>::malloc);
}

void watch_blocks(BlockWatch told) noexcept {
  if (!allocators_are_installed()) return;
  block_watch = told;
  set_both_domains<Watched>();
}

void use_guarded_allocators() noexcept {
  if (block_watch != nullptr) return;  // they are guarded too
  if (allocators_are_installed()) set_both_domains<Guarded>();
}

void use_fast_allocators() noexcept {
  if (shared_between_gils || block_watch != nullptr) return;
  if (allocators_are_installed()) set_both_domains<Fast>();
}

void share_heap_between_interpreters() noexcept {
  shared_between_gils = true;
  use_guarded_allocators();
}

bool heap_is_shared() noexcept { return shared_between_gils; }

HeapLock::HeapLock() noexcept : locked_(shared_between_gils) {
  if (locked_) ::pthread_mutex_lock(&heap_mutex);
}

HeapLock::~HeapLock() {
  if (locked_) ::pthread_mutex_unlock(&heap_mutex);
}

void reset_heap_lock_after_fork() noexcept { ::pthread_mutex_init(&heap_mutex, nullptr); }

}  // namespace hoop::cpython
