// SPDX-License-Identifier: Apache-2.0
// Address space and pages: reserve, commit, give back. Sizes in bytes, addresses page-aligned.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace hoop::os {

inline constexpr std::size_t kPageBytes = 4 * kKiB;
inline constexpr std::size_t kHugePageBytes = 2 * kMiB;

// True where the kernel's pages are kPageBytes long; elsewhere the heap cannot be used.
bool page_size_is_supported() noexcept;

// Address space without memory behind it (PROT_NONE). nullptr when refused.
void* reserve(std::size_t bytes, std::size_t alignment) noexcept;

// Makes reserved pages readable and writable; false when the system refuses the memory.
[[nodiscard]] bool commit(void* start, std::size_t bytes) noexcept;

// Gives the content of committed pages back; they read as zero afterwards.
void give_back(void* start, std::size_t bytes) noexcept;

// Gives address space back.
void unmap(void* start, std::size_t bytes) noexcept;

// Committed, zero-filled pages of their own mapping; nullptr when refused.
void* map(std::size_t bytes) noexcept;

// The same, not counted as memory before it is touched (where the system is not strict), and seen
// by copies of the process as well.
void* map_shared(std::size_t bytes) noexcept;
// Not shared, for tables of which only a part may be used.
void* map_sparse(std::size_t bytes) noexcept;

// Grows, shrinks or moves a mapping made by map(); nullptr when refused (the old one stays).
void* remap(void* start, std::size_t old_bytes, std::size_t new_bytes) noexcept;

enum class HugePages { kWanted, kUnwanted };
void advise(void* start, std::size_t bytes, HugePages advice) noexcept;

// Puts the pages of one huge page's range together again, in memory that is advised so. False when
// the kernel does not (before 6.1, or short of memory). Takes 0.2 to 6 ms when they were apart.
bool collapse(void* start) noexcept;

// Bytes of address space that RLIMIT_AS leaves to the process, once `given_up` bytes of what it has
// now are unmapped; SIZE_MAX when unlimited.
std::size_t address_space_left(std::size_t given_up = 0) noexcept;

// Test hook: the n-th call from now (1 = the next) of reserve, commit, remap or one of map's kind
// fails, and all after it until it is set again. 0 switches it off.
void fail_mappings_from_for_testing(int n) noexcept;

}  // namespace hoop::os
