// SPDX-License-Identifier: Apache-2.0
#include "heap/unit_space.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "heap/geometry.h"
#include "heap/slab.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

// Records are committed for so many chunks at a time, since a strict system counts them from then
// on.
constexpr unsigned kChunksPerGroup = 64;
constexpr std::size_t kRecordBytesPerGroup = kChunksPerGroup * kUnitsPerChunk * sizeof(Slab);
constexpr std::size_t kChunkBytesPerGroup = kChunksPerGroup * sizeof(Chunk);
constexpr std::size_t kSmallestReservation = 64 * kMiB;

std::size_t groups_for(std::size_t chunks) {
  return (chunks + kChunksPerGroup - 1) / kChunksPerGroup;
}

std::byte* as_bytes(void* pointer) { return static_cast<std::byte*>(pointer); }

// A limit on address space is shared with threads, libraries and the program's own mappings.
std::size_t bounded_by_limit(std::size_t bytes) {
  const std::size_t left = os::address_space_left();
  if (left == SIZE_MAX) return bytes;
  return std::min(bytes, round_down(left / 4, kChunkBytes));
}

}  // namespace

bool UnitSpace::init(std::size_t bytes, std::size_t huge_page_threshold) noexcept {
  huge_page_threshold_ = huge_page_threshold;
  std::size_t wanted = bounded_by_limit(round_up(bytes, kChunkBytes));
  for (; wanted >= std::min(bytes, kSmallestReservation) && wanted > 0; wanted /= 2) {
    wanted = round_down(wanted, kChunkBytes);
    void* const start = os::reserve(wanted, kChunkBytes);
    if (start == nullptr) continue;
    base_ = reinterpret_cast<Address>(start);
    reserved_ = wanted;
    max_chunks_ = static_cast<unsigned>(wanted / kChunkBytes);
    if (lay_out_metadata()) return true;
    os::unmap(start, wanted);
    base_ = 0;
    reserved_ = 0;
  }
  return false;
}

bool UnitSpace::lay_out_metadata() noexcept {
  const std::size_t groups = groups_for(max_chunks_);
  void* const records = os::reserve(groups * kRecordBytesPerGroup, kPageBytes);
  if (records == nullptr) return false;
  void* const chunks = os::reserve(groups * kChunkBytesPerGroup, kPageBytes);
  if (chunks == nullptr) {
    os::unmap(records, groups * kRecordBytesPerGroup);
    return false;
  }
  records_ = static_cast<Slab*>(records);
  chunks_ = static_cast<Chunk*>(chunks);
  return true;
}

void UnitSpace::release() noexcept {
  if (base_ == 0) return;
  const std::size_t groups = groups_for(max_chunks_);
  os::unmap(records_, groups * kRecordBytesPerGroup);
  os::unmap(chunks_, groups * kChunkBytesPerGroup);
  os::unmap(reinterpret_cast<void*>(base_), reserved_);
  *this = UnitSpace();
}

std::size_t UnitSpace::metadata_bytes() const {
  return groups_committed_ * (kRecordBytesPerGroup + kChunkBytesPerGroup);
}

bool UnitSpace::commit_group(unsigned group) noexcept {
  if (group < groups_committed_) return true;
  std::byte* const records = as_bytes(records_) + group * kRecordBytesPerGroup;
  std::byte* const chunks = as_bytes(chunks_) + group * kChunkBytesPerGroup;
  if (!os::commit(records, kRecordBytesPerGroup) || !os::commit(chunks, kChunkBytesPerGroup)) {
    return false;
  }
  groups_committed_ = group + 1;
  return true;
}

bool UnitSpace::add_chunk() noexcept {
  if (extent_ == reserved_ || !commit_group(chunk_count_ / kChunksPerGroup)) return false;
  void* const start = reinterpret_cast<void*>(address_of_chunk(chunk_count_));
  if (!os::commit(start, kChunkBytes)) return false;
  // Zero-filled records are free units: the state they begin with.
  auto* const chunk = new (chunks_ + chunk_count_) Chunk;
  chunk->free = Bits128::all();
  if (extent_ >= huge_page_threshold_) {
    os::advise(start, kChunkBytes, os::HugePages::kWanted);
    chunk->huge = true;
  }
  ++chunk_count_;
  extent_ += kChunkBytes;
  return true;
}

void UnitSpace::mark_taken(Chunk& chunk, Bits128 units) const noexcept {
  chunk.free.remove(units);
  chunk.dirty.remove(units);
  chunk.aged.remove(units);
}

// One bit for each page of the first four units that was in use before: more than a slab has.
std::uint16_t UnitSpace::stale_pages_of(const Chunk& chunk, int first, unsigned units) noexcept {
  constexpr unsigned kPagesPerUnit = kUnitBytes / kPageBytes;
  unsigned stale = 0;
  for (unsigned i = 0; i < std::min(units, kUnitsPerMediumSlab); ++i) {
    if (chunk.dirty.test(first + static_cast<int>(i))) stale |= 0xFu << (i * kPagesPerUnit);
  }
  return static_cast<std::uint16_t>(stale);
}

Bits128 UnitSpace::starts_in(const Chunk& chunk, unsigned units, Placement placement,
                             Supply supply) {
  if (!chunk.free.any() || chunk.split != (supply == Supply::kSplitChunks)) return {};
  const Bits128 set = supply == Supply::kDirty ? chunk.dirty : chunk.free;
  const Bits128 starts = set.starts_of_runs(static_cast<int>(units));
  return placement == Placement::kMultipleOf4 ? starts.at_multiples_of_4() : starts;
}

Slab* UnitSpace::take_at(unsigned index, int first, unsigned units) noexcept {
  Chunk& chunk = chunks_[index];
  Slab* const record = records_of_chunk(index) + first;
  record->stale_pages = stale_pages_of(chunk, first, units);
  mark_taken(chunk, Bits128::range(first, static_cast<int>(units)));
  for (unsigned i = 1; i < units; ++i) {
    record[i].state = UnitState::kTail;
    record[i].back = static_cast<std::uint8_t>(i);
  }
  return record;
}

Slab* UnitSpace::search(unsigned units, Placement placement, Supply supply) noexcept {
  const unsigned shape = placement == Placement::kMultipleOf4 ? 0 : units;
  std::uint32_t& hint = lowest_[static_cast<unsigned>(supply)][shape];
  for (; hint < chunk_count_; ++hint) {
    const Bits128 starts = starts_in(chunks_[hint], units, placement, supply);
    if (starts.any()) return take_at(hint, starts.first(), units);
  }
  return nullptr;
}

// Units that hold memory already come first, wherever they are: others would raise the peak.
Slab* UnitSpace::take(unsigned units, Placement placement) noexcept {
  for (const Supply supply : {Supply::kDirty, Supply::kFree, Supply::kSplitChunks}) {
    if (Slab* const record = search(units, placement, supply)) return record;
  }
  return add_chunk() ? take_at(chunk_count_ - 1, 0, units) : nullptr;
}

bool UnitSpace::extend(Slab* run, unsigned units, unsigned more) noexcept {
  const auto first = static_cast<unsigned>(run - records_) % kUnitsPerChunk;
  if (first + units + more > kUnitsPerChunk) return false;
  Chunk& chunk = chunks_[chunk_of(run)];
  const Bits128 wanted = Bits128::range(static_cast<int>(first + units), static_cast<int>(more));
  if (!chunk.free.contains(wanted)) return false;
  mark_taken(chunk, wanted);
  for (unsigned i = units; i < units + more; ++i) {
    run[i].state = UnitState::kTail;
    run[i].back = static_cast<std::uint8_t>(i);
  }
  return true;
}

void UnitSpace::give(Slab* first, unsigned units) noexcept {
  const bool holds_memory =
      !first->is_slab() || first->virgin_pages != first->info().pages || first->stale_pages != 0;
  for (unsigned i = 0; i < units; ++i) first[i] = Slab();
  const unsigned index = chunk_of(first);
  Chunk& chunk = chunks_[index];
  const auto position = static_cast<int>(first - records_of_chunk(index));
  const Bits128 given = Bits128::range(position, static_cast<int>(units));
  chunk.free.add(given);
  if (holds_memory) chunk.dirty.add(given);
  chunk.pending = true;
  note_supply(index);
}

// The chunk has more to offer than before.
void UnitSpace::note_supply(unsigned index) noexcept {
  const Chunk& chunk = chunks_[index];
  for (unsigned supply = 0; supply < kSupplies; ++supply) {
    const auto kind = static_cast<Supply>(supply);
    if (chunk.split != (kind == Supply::kSplitChunks)) continue;
    const unsigned longest = (kind == Supply::kDirty ? chunk.dirty : chunk.free).longest_run();
    const unsigned shapes = std::min<unsigned>(longest, kMaxRunBytes / kUnitBytes);
    std::uint32_t* const hints = lowest_[supply];
    if (longest >= kUnitsPerMediumSlab) hints[0] = std::min(hints[0], index);
    for (unsigned n = 1; n <= shapes; ++n) hints[n] = std::min(hints[n], index);
  }
}

// Of an array of `group_bytes` for each group, unmaps what belongs to groups from `first` on.
std::size_t UnitSpace::unmap_groups(void* array, std::size_t group_bytes,
                                    std::size_t first) const noexcept {
  const std::size_t groups = groups_for(max_chunks_);
  if (first >= groups) return 0;
  const std::size_t bytes = (groups - first) * group_bytes;
  os::unmap(as_bytes(array) + first * group_bytes, bytes);
  return bytes;
}

std::size_t UnitSpace::shrink_reservation() noexcept {
  const std::size_t unused = reserved_ - extent_;
  const std::size_t left = os::address_space_left(unused);
  const std::size_t kept =
      left == SIZE_MAX ? 0 : std::min(unused, round_down(left / 4, kChunkBytes));
  std::size_t given = unused - kept;
  if (given == 0) return 0;
  reserved_ = extent_ + kept;
  os::unmap(reinterpret_cast<void*>(base_ + reserved_), given);
  const auto chunks = static_cast<unsigned>(reserved_ / kChunkBytes);
  given += unmap_groups(records_, kRecordBytesPerGroup, groups_for(chunks));
  given += unmap_groups(chunks_, kChunkBytesPerGroup, groups_for(chunks));
  max_chunks_ = chunks;
  return given;
}

}  // namespace hoop::heap
