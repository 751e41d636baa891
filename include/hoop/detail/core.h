// SPDX-License-Identifier: Apache-2.0
// The part of a heap that inlined code touches. Not for users: it changes with the library.
#pragma once

#include <cstddef>
#include <cstdint>

// Does every use of a reference check that the thread owns the heap?
#ifndef HOOP_CHECK_OWNER
#ifdef NDEBUG
#define HOOP_CHECK_OWNER 0
#else
#define HOOP_CHECK_OWNER 1
#endif
#endif

namespace hoop {
class Object;
}  // namespace hoop

namespace hoop::detail {

// How a slab's record begins: with the head of its list of free blocks.
struct FreeList {
  void* first;  // its first word links to the next one
};

// Blocks that wait for the next object of their type. A link is a block's first word, tagged with
// kPooledTag.
struct Pool {
  void* first = nullptr;
  std::size_t blocks = 0;
};

// A heap, as inlined code sees it; the library's State derives from it.
struct Core {
  static constexpr std::size_t kMaxSmallBytes = 512;
  static constexpr std::size_t kBlockStep = 16;

  // By (bytes - 1) / kBlockStep: where blocks of that size come from. They may be empty-handed.
  FreeList* const* small = nullptr;
  // Candidates that may be noted before the next make() collects; negative: collect.
  std::int32_t room = 0;
  std::uint16_t id = 0;
  std::uint32_t pool_count = 0;
  Pool* pools = nullptr;  // by the type's number
};

// By the number in an object's header. 0 is no heap.
extern Core* cores[1 << 16];

[[nodiscard]] void* allocate_slow(Core& core, std::size_t bytes);  // throws std::bad_alloc
// For what is no object.
[[nodiscard]] void* allocate_memory(Core& core, std::size_t bytes);  // throws std::bad_alloc
void free_block(Core& core, void* block) noexcept;
void collect_automatically(Core& core);

// The last reference to `object` goes: ends it at once, or after the destructor that is running.
void destroy(const Object* object) noexcept;
// A reference went and others stayed: if these are a cycle, nobody will say so again.
void note_candidate(const Object* object) noexcept;

// Ends the process if the heap of that number belongs to another thread.
void check_owner(std::uint16_t heap) noexcept;
// Of ~Object(): something still refers to it.
void end_header_slow(const Object* object) noexcept;

inline void* allocate(Core& core, std::size_t bytes) {
  if (bytes <= Core::kMaxSmallBytes) [[likely]] {
    FreeList* const list = core.small[(bytes - 1) / Core::kBlockStep];
    void* const block = list->first;
    if (block != nullptr) [[likely]] {
      list->first = *static_cast<void**>(block);
      return block;
    }
  }
  return allocate_slow(core, bytes);
}

}  // namespace hoop::detail
