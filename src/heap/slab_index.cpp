// SPDX-License-Identifier: Apache-2.0
#include "heap/slab_index.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/units.h"
#include "heap/geometry.h"
#include "heap/slab.h"
#include "heap/unit_space.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

// Eight tags, compared at once (a compiler extension of g++ and clang, for any processor).
using TagVector = std::uint16_t __attribute__((vector_size(16)));
using MaskVector = decltype(TagVector() == TagVector());

// First position of `tag` in the tags of a chunk, or -1.
int find_tag(const std::uint16_t* tags, std::uint16_t tag) {
  const TagVector wanted = TagVector{} + tag;
  for (unsigned first = 0; first < kUnitsPerChunk; first += 8) {
    TagVector eight;
    std::memcpy(&eight, tags + first, sizeof eight);
    const MaskVector equal = eight == wanted;
    std::uint64_t halves[2];
    std::memcpy(halves, &equal, sizeof halves);
    if ((halves[0] | halves[1]) == 0) continue;
    const unsigned half = halves[0] != 0 ? 0 : 1;
    return static_cast<int>(first + half * 4) + std::countr_zero(halves[half]) / 16;
  }
  return -1;
}

}  // namespace

bool SlabIndex::init(std::size_t max_bytes) noexcept {
  const std::size_t group_bytes = kChunksPerGroup * kChunkBytes;
  max_groups_ = static_cast<unsigned>((max_bytes + group_bytes - 1) / group_bytes);
  void* const words = os::reserve(max_groups_ * kKeyCount * sizeof(std::uint64_t), kPageBytes);
  if (words == nullptr) return false;
  const std::size_t tag_bytes =
      max_groups_ * kChunksPerGroup * kUnitsPerChunk * sizeof(std::uint16_t);
  void* const tags = os::reserve(tag_bytes, kPageBytes);
  if (tags == nullptr) {
    os::unmap(words, max_groups_ * kKeyCount * sizeof(std::uint64_t));
    return false;
  }
  words_ = static_cast<std::uint64_t*>(words);
  tags_ = static_cast<std::uint16_t*>(tags);
  std::fill(std::begin(first_group_), std::end(first_group_), UINT16_MAX);
  return true;
}

void SlabIndex::release() noexcept {
  if (words_ == nullptr) return;
  os::unmap(words_, max_groups_ * kKeyCount * sizeof(std::uint64_t));
  os::unmap(tags_, max_groups_ * kChunksPerGroup * kUnitsPerChunk * sizeof(std::uint16_t));
  *this = SlabIndex();
}

std::size_t SlabIndex::metadata_bytes() const {
  return groups_committed_ * (kKeyCount * sizeof(std::uint64_t) +
                              kChunksPerGroup * kUnitsPerChunk * sizeof(std::uint16_t));
}

bool SlabIndex::commit_group(unsigned group) noexcept {
  if (group < groups_committed_) return true;
  // The words of a group do not end on a page: commit the pages up to its end.
  const std::size_t words_end =
      round_up((group + 1) * kKeyCount * sizeof(std::uint64_t), kPageBytes);
  const std::size_t tags_end =
      (group + 1) * kChunksPerGroup * kUnitsPerChunk * sizeof(std::uint16_t);
  if (!os::commit(words_, words_end) || !os::commit(tags_, tags_end)) return false;
  groups_committed_ = group + 1;
  return true;
}

bool SlabIndex::put(const UnitSpace& space, Slab* slab, unsigned quarter) noexcept {
  const unsigned chunk = space.chunk_of(slab);
  const unsigned group = chunk / kChunksPerGroup;
  if (!commit_group(group)) return false;
  const unsigned key = key_of(slab->domain, slab->size_class, quarter);
  const auto tag = static_cast<std::uint16_t>(key + 1);
  const auto unit = static_cast<unsigned>(slab - space.records_of_chunk(chunk));
  slab->bucket_tag = tag;
  tags_of_chunk(chunk)[unit] = tag;
  word(group, key) |= std::uint64_t{1} << (chunk % kChunksPerGroup);
  first_group_[key] = std::min(first_group_[key], static_cast<std::uint16_t>(group));
  return true;
}

void SlabIndex::remove_at(unsigned chunk, unsigned unit, unsigned key) noexcept {
  std::uint16_t* const tags = tags_of_chunk(chunk);
  tags[unit] = 0;
  if (find_tag(tags, static_cast<std::uint16_t>(key + 1)) < 0) {
    word(chunk / kChunksPerGroup, key) &= ~(std::uint64_t{1} << (chunk % kChunksPerGroup));
  }
}

void SlabIndex::remove(const UnitSpace& space, Slab* slab) noexcept {
  if (slab->bucket_tag == 0) return;
  const unsigned chunk = space.chunk_of(slab);
  remove_at(chunk, static_cast<unsigned>(slab - space.records_of_chunk(chunk)),
            slab->bucket_tag - 1u);
  slab->bucket_tag = 0;
}

void SlabIndex::forget_all() noexcept {
  if (groups_committed_ == 0) return;
  std::memset(words_, 0, groups_committed_ * kKeyCount * sizeof(std::uint64_t));
  std::memset(tags_, 0,
              groups_committed_ * kChunksPerGroup * kUnitsPerChunk * sizeof(std::uint16_t));
  std::fill(std::begin(first_group_), std::end(first_group_), UINT16_MAX);
}

Slab* SlabIndex::take_lowest(const UnitSpace& space, unsigned key) noexcept {
  for (unsigned group = first_group_[key]; group < groups_committed_; ++group) {
    const std::uint64_t chunks = word(group, key);
    if (chunks == 0) continue;
    first_group_[key] = static_cast<std::uint16_t>(group);
    const unsigned chunk =
        group * kChunksPerGroup + static_cast<unsigned>(std::countr_zero(chunks));
    const int unit = find_tag(tags_of_chunk(chunk), static_cast<std::uint16_t>(key + 1));
    remove_at(chunk, static_cast<unsigned>(unit), key);
    Slab* const slab = space.records_of_chunk(chunk) + unit;
    slab->bucket_tag = 0;
    return slab;
  }
  first_group_[key] = UINT16_MAX;
  return nullptr;
}

Slab* SlabIndex::take_fullest(const UnitSpace& space, Domain domain,
                              SizeClass size_class) noexcept {
  for (unsigned quarter = kQuarters; quarter-- > 0;) {
    const unsigned key = key_of(domain, size_class, quarter);
    if (first_group_[key] == UINT16_MAX) continue;
    if (Slab* const slab = take_lowest(space, key)) return slab;
  }
  return nullptr;
}

}  // namespace hoop::heap
