// SPDX-License-Identifier: Apache-2.0
#include "os/pages.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/proc.h"

namespace hoop::os {
namespace {

constinit int calls_until_failure = 0;  // 0: never; 1: failing now

bool fails_now() noexcept {
  if (calls_until_failure == 0) return false;
  if (calls_until_failure == 1) return true;
  --calls_until_failure;
  return false;
}

void* checked(void* mapped) noexcept { return mapped == MAP_FAILED ? nullptr : mapped; }

// madvise fails with EAGAIN when the kernel is short of memory for a moment.
void advise_with_retry(void* start, std::size_t bytes, int advice) noexcept {
  const int saved = errno;
  for (int attempt = 0; attempt < 8; ++attempt) {
    if (::madvise(start, bytes, advice) == 0 || errno != EAGAIN) break;
  }
  errno = saved;
}

}  // namespace

bool page_size_is_supported() noexcept {
  return ::sysconf(_SC_PAGESIZE) == static_cast<long>(kPageBytes);
}

void* reserve(std::size_t bytes, std::size_t alignment) noexcept {
  if (fails_now()) return nullptr;
  bytes = round_up(bytes, kPageBytes);
  const std::size_t padded = bytes + alignment;
  void* const raw = checked(
      ::mmap(nullptr, padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (raw == nullptr) return nullptr;
  const Address start = reinterpret_cast<Address>(raw);
  const Address aligned = round_up(start, alignment);
  if (aligned > start) ::munmap(raw, aligned - start);
  const std::size_t tail = start + padded - (aligned + bytes);
  if (tail > 0) ::munmap(reinterpret_cast<void*>(aligned + bytes), tail);
  return reinterpret_cast<void*>(aligned);
}

bool commit(void* start, std::size_t bytes) noexcept {
  return !fails_now() && ::mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0;
}

void give_back(void* start, std::size_t bytes) noexcept {
  advise_with_retry(start, bytes, MADV_DONTNEED);
}

void unmap(void* start, std::size_t bytes) noexcept {
  const int saved = errno;
  ::munmap(start, bytes);
  errno = saved;
}

void* map(std::size_t bytes) noexcept {
  if (fails_now()) return nullptr;
  return checked(
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

void* map_shared(std::size_t bytes) noexcept {
  if (fails_now()) return nullptr;
  return checked(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

void* map_sparse(std::size_t bytes) noexcept {
  if (fails_now()) return nullptr;
  return checked(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

void* remap(void* start, std::size_t old_bytes, std::size_t new_bytes) noexcept {
  if (fails_now()) return nullptr;
  return checked(::mremap(start, old_bytes, new_bytes, MREMAP_MAYMOVE));
}

void advise(void* start, std::size_t bytes, HugePages advice) noexcept {
  advise_with_retry(start, bytes, advice == HugePages::kWanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

bool collapse(void* start) noexcept {
  constexpr int kCollapse = 25;  // MADV_COLLAPSE, not in every libc's headers
  const int saved = errno;
  const bool done = ::madvise(start, kHugePageBytes, kCollapse) == 0;
  errno = saved;
  return done;
}

std::size_t address_space_left(std::size_t given_up) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
  const std::size_t mapped = read_memory_use().virtual_bytes;
  const std::size_t used = mapped > given_up ? mapped - given_up : 0;
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

void fail_mappings_from_for_testing(int n) noexcept { calls_until_failure = n; }

}  // namespace hoop::os
