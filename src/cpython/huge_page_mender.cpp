// SPDX-License-Identifier: Apache-2.0
#include "cpython/huge_page_mender.h"

#include <atomic>
#include <cstdint>

#include "base/units.h"
#include "heap/heap.h"
#include "os/pages.h"

namespace hoop::cpython {
namespace {

// A bit for each chunk of 2 MiB: what is beyond 128 GiB stays as it is.
constexpr unsigned kWords = 1024;
constexpr unsigned kBits = 64;

struct Mending {
  std::atomic<std::uint64_t> wanted[kWords];
  std::atomic<unsigned> words{0};
  std::atomic<Address> base{0};
};
constinit Mending mending{};

}  // namespace

bool mend_huge_pages(const heap::Heap& heap) noexcept {
  bool any = false;
  heap.for_each_huge_chunk([&](unsigned chunk) {
    if (chunk >= kWords * kBits) return;
    mending.wanted[chunk / kBits].fetch_or(std::uint64_t{1} << chunk % kBits);
    any = true;
  });
  mending.base.store(heap.base());
  mending.words.store(heap.chunk_count() / kBits + 1);
  return any;
}

bool mend_next_huge_page() noexcept {
  const unsigned words = mending.words.load();
  for (unsigned i = 0; i < words && i < kWords; ++i) {
    const std::uint64_t word = mending.wanted[i].load();
    if (word == 0) continue;
    mending.wanted[i].fetch_and(word - 1);  // without its lowest bit
    const Address chunk = Address{i} * kBits + static_cast<unsigned>(__builtin_ctzll(word));
    os::collapse(reinterpret_cast<void*>(mending.base.load() + chunk * os::kHugePageBytes));
    return true;
  }
  return false;
}

void forget_mending() noexcept {
  for (auto& word : mending.wanted) word.store(0);
}

}  // namespace hoop::cpython
