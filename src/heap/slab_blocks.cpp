// SPDX-License-Identifier: Apache-2.0
#include "heap/slab_blocks.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "heap/fault.h"
#include "heap/geometry.h"
#include "heap/slab.h"

namespace hoop::heap {
namespace {

FreeBlock* as_free_block(Address address) { return reinterpret_cast<FreeBlock*>(address); }

}  // namespace

bool BlockSet::has_all(unsigned first, unsigned last) const {
  for (unsigned i = first; i <= last;) {
    const unsigned bits = std::min(64 - i % 64, last - i + 1);
    const std::uint64_t mask =
        bits == 64 ? ~std::uint64_t{0} : ((std::uint64_t{1} << bits) - 1) << (i % 64);
    if ((words_[i / 64] & mask) != mask) return false;
    i += bits;
  }
  return true;
}

int SlabBlocks::block_at(Address address) const {
  const std::uint64_t offset = address - start_;
  const auto block = static_cast<unsigned>((offset * info_.reciprocal) >> 32);
  const bool exact = std::uint64_t{block} * info_.block_bytes == offset;
  return exact && block < info_.capacity ? static_cast<int>(block) : -1;
}

std::uint16_t SlabBlocks::pages_of(unsigned block) const {
  const std::size_t begin = std::size_t{block} * info_.block_bytes;
  const std::size_t first = begin / kPageBytes;
  const std::size_t last = (begin + info_.block_bytes - 1) / kPageBytes;
  return static_cast<std::uint16_t>((2u << last) - (1u << first));
}

unsigned SlabBlocks::first_block_on(unsigned page) const {
  return static_cast<unsigned>(page * kPageBytes / info_.block_bytes);
}

unsigned SlabBlocks::last_block_on(unsigned page) const {
  const std::size_t last = ((page + 1) * kPageBytes - 1) / info_.block_bytes;
  return static_cast<unsigned>(std::min<std::size_t>(last, info_.capacity - 1u));
}

FaultReport SlabBlocks::fault_at(Fault fault, Address block) const {
  return FaultReport{fault, block, info_.block_bytes, 0};
}

bool SlabBlocks::carve() noexcept {
  if (slab_.virgin_pages == 0) return false;
  // The first untouched block may reach over several pages: all of them become usable together.
  const auto lowest = static_cast<unsigned>(std::countr_zero(slab_.virgin_pages));
  const unsigned first = first_block_on(lowest);
  const std::uint16_t opened = pages_of(first) & slab_.virgin_pages;
  slab_.virgin_pages = static_cast<std::uint16_t>(slab_.virgin_pages & ~opened);
  slab_.stale_pages = static_cast<std::uint16_t>(slab_.stale_pages & ~opened);

  // Of the blocks that begin on these pages only the last can reach into one that is still virgin.
  unsigned last = last_block_on(static_cast<unsigned>(std::bit_width(opened)) - 1u);
  if (is_untouched(last)) --last;
  FreeBlock* const old_list = slab_.free;
  slab_.free = as_free_block(address_of(first));
  FreeBlock* block = slab_.free;
  for (unsigned i = first; i < last; ++i) {
    block->next = as_free_block(reinterpret_cast<Address>(block) + info_.block_bytes);
    block = block->next;
  }
  block->next = old_list;
  return true;
}

bool SlabBlocks::collect_free(BlockSet& free, FaultReport& report) const noexcept {
  free.clear();
  Address holder = 0;
  for (const FreeBlock* link = slab_.free; link != nullptr; link = link->next) {
    const auto address = reinterpret_cast<Address>(link);
    const bool inside = address >= start_ && address < start_ + info_.units * kUnitBytes;
    const int block = inside ? block_at(address) : -1;
    if (block < 0 || is_untouched(static_cast<unsigned>(block))) {
      report = fault_at(Fault::kClobberedLink, holder);
      report.link = address;
      return false;
    }
    if (free.test(static_cast<unsigned>(block))) {
      report = fault_at(Fault::kFreeListLoop, address);
      return false;
    }
    free.add(static_cast<unsigned>(block));
    holder = address;
  }
  return true;
}

unsigned SlabBlocks::count_live(const BlockSet& free) const noexcept {
  unsigned untouched = 0;
  if (slab_.virgin_pages != 0) {
    for (unsigned block = 0; block < info_.capacity; ++block)
      untouched += is_untouched(block) ? 1 : 0;
  }
  return info_.capacity - untouched - free.count();
}

std::uint16_t SlabBlocks::idle_pages(const BlockSet& free) const noexcept {
  BlockSet not_live = free;
  if (slab_.virgin_pages != 0) {
    for (unsigned block = 0; block < info_.capacity; ++block) {
      if (is_untouched(block)) not_live.add(block);
    }
  }
  std::uint16_t idle = slab_.stale_pages;
  for (unsigned pages = info_.pages & ~slab_.virgin_pages; pages != 0; pages &= pages - 1) {
    const auto page = static_cast<unsigned>(std::countr_zero(pages));
    if (not_live.has_all(first_block_on(page), last_block_on(page))) {
      idle = static_cast<std::uint16_t>(idle | (1u << page));
    }
  }
  return idle;
}

unsigned SlabBlocks::fewest_live_on_a_page(const BlockSet& free) const noexcept {
  unsigned fewest = info_.capacity;
  for (unsigned pages = info_.pages & ~slab_.virgin_pages; pages != 0; pages &= pages - 1) {
    const auto page = static_cast<unsigned>(std::countr_zero(pages));
    unsigned live = 0;
    for (unsigned block = first_block_on(page); block <= last_block_on(page); ++block) {
      live += free.test(block) || is_untouched(block) ? 0 : 1;
    }
    if (live > 0) fewest = std::min(fewest, live);
  }
  return fewest;
}

void SlabBlocks::retire_pages(std::uint16_t pages) noexcept {
  slab_.virgin_pages = static_cast<std::uint16_t>(slab_.virgin_pages | (pages & info_.pages));
  slab_.stale_pages = static_cast<std::uint16_t>(slab_.stale_pages & ~pages);
  FreeBlock** link = &slab_.free;
  while (FreeBlock* const block = *link) {
    const int index = block_at(reinterpret_cast<Address>(block));
    if (is_untouched(static_cast<unsigned>(index))) {
      *link = block->next;
    } else {
      link = &block->next;
    }
  }
}

}  // namespace hoop::heap
