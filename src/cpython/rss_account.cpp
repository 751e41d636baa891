// SPDX-License-Identifier: Apache-2.0
#include "cpython/rss_account.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/units.h"
#include "heap/heap.h"
#include "heap/statistics.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::cpython {
namespace {

struct Walk {
  const heap::Heap* heap;
  RssAccount account;
  std::size_t anonymous = 0;
};

void add_mapping(void* context, const os::Mapping& mapping) {
  auto& walk = *static_cast<Walk*>(context);
  RssAccount& account = walk.account;
  account.total += mapping.resident_bytes;
  if (walk.heap->spans(reinterpret_cast<const void*>(mapping.start))) {
    account.heap_resident += mapping.resident_bytes;
    account.heap_huge_pages += mapping.huge_page_bytes;
  } else if (std::strcmp(mapping.path, "[stack]") == 0) {
    account.stacks += mapping.resident_bytes;
  } else if (mapping.path[0] == '/') {
    account.files += mapping.resident_bytes;
  } else {
    walk.anonymous += mapping.resident_bytes;
  }
}

// The kernel may join our mappings with neighbours, so their pages are counted one by one.
std::size_t resident_bytes(Address start, std::size_t bytes) {
  constexpr std::size_t kPagesAtOnce = 2048;
  unsigned char resident[kPagesAtOnce];
  std::size_t pages = 0;
  const Address end = round_up(start + bytes, os::kPageBytes);
  for (Address at = round_down(start, os::kPageBytes); at < end;
       at += kPagesAtOnce * os::kPageBytes) {
    const std::size_t length = std::min<std::size_t>(end - at, kPagesAtOnce * os::kPageBytes);
    if (::mincore(reinterpret_cast<void*>(at), length, resident) != 0) continue;
    for (std::size_t i = 0; i < length / os::kPageBytes; ++i) pages += resident[i] & 1;
  }
  return pages * os::kPageBytes;
}

// Takes up to `wanted` bytes out of what is left to attribute.
std::size_t take(std::size_t& left, std::size_t wanted) {
  const std::size_t taken = std::min(left, wanted);
  left -= taken;
  return taken;
}

void split_heap(RssAccount& account, const heap::Statistics& statistics, std::size_t direct) {
  std::size_t direct_bytes = 0;
  for (const auto& domain : statistics.domains) direct_bytes += domain.direct_bytes;
  account.heap_resident += direct;
  account.heap_in_use = std::min(account.heap_resident, statistics.live_bytes() - direct_bytes +
                                                            std::min(direct, direct_bytes));
  account.heap_free = account.heap_resident - account.heap_in_use;
}

}  // namespace

RssAccount take_rss_account(const heap::Heap& heap, const heap::Statistics& statistics) noexcept {
  Walk walk{&heap, {}, 0};
  const bool readable = os::for_each_mapping(add_mapping, &walk);
  RssAccount& account = walk.account;
  const std::size_t now = os::read_memory_use().resident_bytes;
  if (!readable) {
    account.total = now;
    account.not_attributed = now;
    return account;
  }
  std::size_t left = walk.anonymous;
  std::size_t direct = 0;
  heap.for_each_direct_mapping(
      [&](Address start, std::size_t bytes) { direct += resident_bytes(start, bytes); });
  split_heap(account, statistics, take(left, direct));
  std::size_t metadata = 0;
  heap.for_each_metadata_range(
      [&](Address start, std::size_t bytes) { metadata += resident_bytes(start, bytes); });
  account.heap_metadata = take(left, metadata);
  const struct mallinfo2 libc = ::mallinfo2();
  account.libc_in_use = take(left, libc.uordblks + libc.hblkhd);
  account.libc_free = take(left, libc.fordblks);
  account.other = left;
  return account;
}

}  // namespace hoop::cpython
