// SPDX-License-Identifier: Apache-2.0
#include "heap/heap.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/units.h"
#include "heap/direct_map.h"
#include "heap/fault.h"
#include "heap/geometry.h"
#include "heap/slab.h"
#include "heap/slab_blocks.h"
#include "os/clock.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

// A full slab is left alone until so many of its blocks are free: put back for one block, it would
// be full again at the next allocation. No page of it falls idle unseen.
std::int32_t frees_worth_a_look(const ClassInfo& info) {
  const auto on_a_page = std::max(1u, static_cast<unsigned>(kPageBytes) / info.block_bytes);
  return static_cast<std::int32_t>(std::min(on_a_page, std::max(1u, info.capacity / 16u)));
}

// Slabs of blocks from this size on are given up by their class when empty: such a block has pages
// of its own.
constexpr SizeClass kFirstBorrowedClass = medium_class_of(2 * kKiB);

// REQUIRES: size <= kMaxMediumBytes.
SizeClass class_of(std::size_t size) {
  if (size > kMaxSmallBytes) return medium_class_of(size);
  return size == 0 ? SizeClass{0} : small_class_of(size);
}

unsigned units_for(std::size_t bytes) {
  return static_cast<unsigned>((bytes + kUnitBytes - 1) / kUnitBytes);
}

}  // namespace

bool Heap::init(const Options& options) noexcept {
  if (!os::page_size_is_supported()) return false;
  forget_exhaustion();
  const std::size_t threshold = options.huge_pages ? options.huge_page_threshold : SIZE_MAX;
  if (!space_.init(options.reservation_bytes, threshold)) return false;
  if (index_.init(space_.reserved_bytes())) return true;
  space_.release();
  return false;
}

void Heap::release() noexcept {
  log_.end();
  direct_.release();
  index_.release();
  space_.release();
  for (unsigned domain = 0; domain < kDomainCount; ++domain) {
    std::fill(std::begin(current_[domain]), std::end(current_[domain]), &no_slab);
    std::fill(std::begin(kept_[domain]), std::end(kept_[domain]), nullptr);
  }
  kept_units_ = 0;
  forget_exhaustion();
  trimmer_ = Trimmer();
}

// --- allocation ---

void* Heap::allocate_slow(std::size_t size, Domain domain) noexcept {
  if (size > kMaxMediumBytes) return allocate_large(size, domain);
  const SizeClass size_class = class_of(size);
  Slab* slab = current_[static_cast<unsigned>(domain)][size_class];
  if (slab->free == nullptr) slab = refill(size_class, domain);
  if (slab == nullptr) return nullptr;
  FreeBlock* const block = slab->free;
  slab->free = block->next;
  return block;
}

void* Heap::allocate_large(std::size_t size, Domain domain) noexcept {
  beat();
  if (space_.base() == 0) return nullptr;
  if (size > kMaxRunBytes) {
    return with_mapping([&] { return direct_.allocate(size, domain); });
  }
  return allocate_run(size, domain);
}

// A mapping that grows is paid for with free units, as far as there are any: they cannot serve it,
// and beside it they would only raise the peak.
template <class Map>
void* Heap::with_mapping(Map map) noexcept {
  const std::size_t before = direct_.used_bytes() + direct_.kept_bytes();
  void* block = map();
  if (block == nullptr && direct_.drop_kept(UINT64_MAX) != 0) block = map();
  const std::size_t after = direct_.used_bytes() + direct_.kept_bytes();
  if (after > before) trimmer_.give_free_units(space_, after - before);
  return block;
}

// When the heap grows, freed mappings that are kept for later would only raise the peak.
Slab* Heap::take_units(unsigned units, UnitSpace::Placement placement) noexcept {
  const unsigned chunks = space_.chunk_count();
  Slab* record = space_.take_dirty(units, placement);
  if (record != nullptr) return record;
  if (units > 1) give_empty_current_slabs(kFirstBorrowedClass);
  record = space_.take(units, placement);
  if (record == nullptr) {
    give_kept_slabs();
    give_empty_current_slabs(0);
    trimmer_.note_given_back(direct_.drop_kept(UINT64_MAX));
    record = space_.take(units, placement);
  }
  if (space_.chunk_count() != chunks) trimmer_.note_given_back(direct_.drop_kept(UINT64_MAX));
  return record;
}

void* Heap::allocate_run(std::size_t size, Domain domain) noexcept {
  const unsigned units = units_for(size);
  Slab* const run = take_units(units, UnitSpace::Placement::kAny);
  if (run == nullptr) return nullptr;
  run->state = UnitState::kRun;
  run->domain = domain;
  run->run_units = static_cast<std::uint16_t>(units);
  run->run_bytes = size;
  return reinterpret_cast<void*>(space_.address_of(run));
}

// The current slab has run dry: carve more of it, or take another. nullptr: out of memory.
Slab* Heap::refill(SizeClass size_class, Domain domain) noexcept {
  Slab*& current = current_[static_cast<unsigned>(domain)][size_class];
  if (current != &no_slab && SlabBlocks(*current, space_.address_of(current)).carve()) {
    return current;
  }
  beat();
  Slab* const next = next_slab(size_class, domain);
  if (next == nullptr) return nullptr;
  if (current != &no_slab) file_full(current);
  make_current(next);
  if (next->free == nullptr) SlabBlocks(*next, space_.address_of(next)).carve();
  return next;
}

Slab* Heap::next_slab(SizeClass size_class, Domain domain) noexcept {
  if (Slab* const slab = index_.take_fullest(space_, domain, size_class)) return slab;
  if (Slab* const slab = take_kept(size_class, domain)) return slab;
  if (exhausted_[static_cast<unsigned>(domain)][size_class]) return nullptr;
  if (Slab* const slab = new_slab(size_class, domain)) return slab;
  Slab* const slab = find_retired_slab(size_class, domain);
  if (slab != nullptr) return slab;
  exhausted_[static_cast<unsigned>(domain)][size_class] = true;
  // A system that refuses memory may have some later; a reservation does not grow.
  if (space_.extent() != space_.reserved_bytes()) ask_again_ = true;
  return nullptr;
}

Slab* Heap::take_kept(SizeClass size_class, Domain domain) noexcept {
  Slab*& head = kept_[static_cast<unsigned>(domain)][size_class];
  Slab* const slab = head;
  if (slab == nullptr) return nullptr;
  head = slab->next_kept;
  slab->next_kept = nullptr;
  kept_units_ -= slab->info().units;
  return slab;
}

Slab* Heap::new_slab(SizeClass size_class, Domain domain) noexcept {
  if (space_.base() == 0) return nullptr;
  const ClassInfo& info = kClasses[size_class];
  const auto placement =
      info.units == 1 ? UnitSpace::Placement::kAny : UnitSpace::Placement::kMultipleOf4;
  Slab* const slab = take_units(info.units, placement);
  if (slab == nullptr) return nullptr;
  slab->size_class = size_class;
  slab->domain = domain;
  slab->virgin_pages = info.pages;
  return slab;
}

// Last resort: blocks among those of an earlier epoch.
Slab* Heap::find_retired_slab(SizeClass size_class, Domain domain) noexcept {
  for (unsigned chunk = 0; chunk < space_.chunk_count(); ++chunk) {
    Slab* const records = space_.records_of_chunk(chunk);
    for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
      Slab& slab = records[unit];
      const bool is_old = slab.state == UnitState::kRetired ||
                          (slab.state == UnitState::kPartial && slab.epoch != epoch_);
      if (is_old && slab.size_class == size_class && slab.domain == domain) {
        index_.remove(space_, &slab);
        return &slab;
      }
    }
  }
  return nullptr;
}

void Heap::make_current(Slab* slab) noexcept {
  slab->state = UnitState::kCurrent;
  slab->epoch = epoch_;
  slab->countdown = slab->armed = Slab::kNeverFires;
  slab->countdown_seen = Slab::kUnseen;
  current_[static_cast<unsigned>(slab->domain)][slab->size_class] = slab;
}

void* Heap::allocate_zeroed(std::size_t count, std::size_t size, Domain domain) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
  if (bytes > kMaxRunBytes) {
    beat();
    if (space_.base() == 0) return nullptr;
    return with_mapping([&] { return direct_.allocate_zeroed(bytes, domain); });
  }
  void* const block = allocate(bytes, domain);
  if (block != nullptr) std::memset(block, 0, bytes);
  return block;
}

// --- freeing ---

Slab* Heap::head_of(Address address) const noexcept {
  Slab* const record = space_.record_of(address);
  return record->state == UnitState::kTail ? record - record->back : record;
}

bool Heap::free_slow(void* block) noexcept {
  const auto address = reinterpret_cast<Address>(block);
  if (!space_.contains(address)) return free_direct(block);
  Slab* const record = head_of(address);
  if (record->is_slab()) {
    free_into(record, block);
  } else if (record->state == UnitState::kRun) {
    free_run(record, block);
  } else {
    die(FaultReport{Fault::kFreeIntoNothing, address, 0, 0});
  }
  // The first thing to give back: whoever keeps time must hear of it, since no more calls may
  // follow.
  const bool is_news = beat_ != nullptr && !trimmer_.pending();
  trimmer_.note_free();
  if (is_news) {
    beat_slow();
  } else {
    beat();
  }
  return true;
}

void Heap::free_into(Slab* slab, void* block) noexcept {
  if (slab->state == UnitState::kCurrent) {  // a billion blocks later
    slab->countdown = Slab::kNeverFires;
    slab->push(block);
    return;
  }
  const auto address = reinterpret_cast<Address>(block);
  const std::size_t block_bytes = slab->info().block_bytes;
  const SlabBlocks blocks(*slab, space_.address_of(slab));
  const int index = blocks.block_at(address);
  if (index < 0) die(FaultReport{Fault::kInteriorPointer, address, block_bytes, 0});
  const bool is_free = slab->free == block || blocks.is_untouched(static_cast<unsigned>(index));
  if (is_free || slab->live() <= 0) die(FaultReport{Fault::kDoubleFree, address, block_bytes, 0});
  const auto live = static_cast<unsigned>(slab->live()) - 1;
  slab->push(block);
  space_.chunk(space_.chunk_of(slab)).pending = true;
  file(slab, live);
}

void Heap::file(Slab* slab, unsigned live) noexcept {
  if (live == 0) {
    file_empty(slab);
    return;
  }
  const unsigned capacity = slab->info().capacity;
  if (live == capacity) {
    file_full(slab);
    return;
  }
  const unsigned quarter = SlabIndex::quarter_of(live, capacity);
  slab->arm(live, static_cast<std::int32_t>(live - SlabIndex::least_live(quarter, capacity) + 1));
  index_.remove(space_, slab);
  if (slab->epoch == epoch_) {
    // Without memory for the index it waits among the slabs of the last resort.
    slab->state = index_.put(space_, slab, quarter) ? UnitState::kPartial : UnitState::kRetired;
  } else {
    slab->state = UnitState::kRetired;
    forget_exhaustion();
  }
}

void Heap::file_full(Slab* slab) noexcept {
  slab->state = UnitState::kFull;
  slab->arm(slab->info().capacity, frees_worth_a_look(slab->info()));
}

void Heap::file_empty(Slab* slab) noexcept {
  forget_exhaustion();
  index_.remove(space_, slab);
  const unsigned units = slab->info().units;
  Slab*& kept = kept_[static_cast<unsigned>(slab->domain)][slab->size_class];
  const bool keep = kept == nullptr || kept_units_ + units <= kMaxKeptUnits;
  if (!keep || slab->epoch != epoch_) {
    space_.give(slab, units);
    return;
  }
  slab->state = UnitState::kKept;
  slab->arm(0, 1);
  slab->next_kept = kept;
  kept = slab;
  kept_units_ += units;
}

void Heap::free_run(Slab* run, void* block) noexcept {
  const auto address = reinterpret_cast<Address>(block);
  if (address != space_.address_of(run)) {
    die(FaultReport{Fault::kInteriorPointer, address, run->run_bytes, 0});
  }
  space_.give(run, run->run_units);
  forget_exhaustion();
}

bool Heap::free_direct(void* block) noexcept {
  if (direct_.count() == 0 || !direct_.free(block, os::monotonic_now_coarse())) return false;
  if (beat_ != nullptr) beat_slow();
  return true;
}

void Heap::free_foreign(void* block) noexcept {
  die(FaultReport{Fault::kForeignFree, reinterpret_cast<Address>(block), 0, 0});
}

bool Heap::try_free_logged(void* block) noexcept {
  const auto address = reinterpret_cast<Address>(block);
  if (log_.is_open()) {
    if (space_.contains(address)) {
      log_.note(address);
    } else if (direct_.find(block) != nullptr) {
      log_.note_direct(address);
    }
  }
  return try_free(block);
}

// --- resizing ---

void* Heap::move(void* block, std::size_t old_size, std::size_t size, Domain domain) noexcept {
  void* const moved = allocate(size, domain);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, block, std::min(old_size, size));
  try_free_logged(block);
  return moved;
}

void* Heap::reallocate(void* block, std::size_t size, Domain domain) noexcept {
  if (block == nullptr) return allocate(size, domain);
  const auto address = reinterpret_cast<Address>(block);
  if (!space_.contains(address)) {
    const DirectBlock* const direct = direct_.find(block);
    if (direct == nullptr) free_foreign(block);
    if (size <= kMaxRunBytes) return move(block, direct->bytes, size, domain);
    if (log_.is_open()) log_.note_direct(address);
    return with_mapping([&] { return direct_.resize(block, size); });
  }
  Slab* const record = head_of(address);
  if (record->state == UnitState::kRun) return reallocate_run(record, block, size, domain);
  if (!record->is_slab()) die(FaultReport{Fault::kFreeIntoNothing, address, 0, 0});
  const std::size_t old_size = record->info().block_bytes;
  // A block that shrinks by a quarter or less stays where it is, and so does one that would get
  // another of its size.
  const bool fits = size <= old_size;
  if (fits && (size * 4 > old_size * 3 || kClasses[class_of(size)].block_bytes == old_size))
    return block;
  return move(block, old_size, size, domain);
}

void* Heap::reallocate_run(Slab* run, void* block, std::size_t size, Domain domain) noexcept {
  const unsigned units = units_for(size);
  const unsigned old_units = run->run_units;
  const bool stays_a_run = size > kMaxMediumBytes && size <= kMaxRunBytes;
  if (!stays_a_run) return move(block, run->run_bytes, size, domain);
  if (units < old_units) {
    space_.give(run + units, old_units - units);
    forget_exhaustion();
    note_free_silently();
  } else if (units > old_units && !space_.extend(run, old_units, units - old_units)) {
    return move(block, run->run_bytes, size, domain);
  }
  run->run_units = static_cast<std::uint16_t>(units);
  run->run_bytes = size;
  return block;
}

// --- questions ---

bool Heap::owns(const void* block) const noexcept {
  const auto address = reinterpret_cast<Address>(block);
  if (!space_.contains(address)) return direct_.find(block) != nullptr;
  Slab* const record = head_of(address);
  if (record->state == UnitState::kRun) return address == space_.address_of(record);
  if (!record->is_slab()) return false;
  const SlabBlocks blocks(*record, space_.address_of(record));
  const int index = blocks.block_at(address);
  return index >= 0 && !blocks.is_untouched(static_cast<unsigned>(index));
}

std::size_t Heap::usable_size(const void* block) const noexcept {
  const auto address = reinterpret_cast<Address>(block);
  if (!space_.contains(address)) {
    const DirectBlock* const direct = direct_.find(block);
    return direct == nullptr ? 0 : direct->bytes;
  }
  const Slab* const record = head_of(address);
  return record->state == UnitState::kRun ? record->run_bytes : record->info().block_bytes;
}

unsigned Heap::live_of(Slab* slab) const noexcept {
  if (slab->state != UnitState::kCurrent) return static_cast<unsigned>(slab->live());
  const SlabBlocks blocks(*slab, space_.address_of(slab));
  BlockSet free;
  FaultReport report;
  if (!blocks.collect_free(free, report)) die(report);
  return blocks.count_live(free);
}

// --- giving back ---

void Heap::beat_slow() noexcept {
  slow_calls_until_beat_ = beat_interval_;
  if (ask_again_) forget_exhaustion();
  if (beat_ != nullptr) {
    beat_(*this);
  } else if (trim_pending()) {
    const Nanoseconds now = os::monotonic_now_coarse();
    if (!trimmer_.rests(now)) tick(now);
  }
}

std::size_t Heap::tick(Nanoseconds now) noexcept {
  const std::size_t dropped =
      now > Trimmer::kRoundInterval ? direct_.drop_kept(now - Trimmer::kRoundInterval) : 0;
  trimmer_.note_given_back(dropped);
  return dropped + trimmer_.tick(space_, now);
}

void Heap::give_kept_slabs() noexcept {
  for (unsigned domain = 0; domain < kDomainCount; ++domain) {
    for (unsigned size_class = 0; size_class < kClassCount; ++size_class) {
      while (Slab* const slab =
                 take_kept(static_cast<SizeClass>(size_class), static_cast<Domain>(domain))) {
        space_.give(slab, slab->info().units);
      }
    }
  }
}

void Heap::give_empty_current_slabs(SizeClass first) noexcept {
  for (auto& domain : current_) {
    for (unsigned size_class = first; size_class < kClassCount; ++size_class) {
      Slab*& current = domain[size_class];
      // Without a free since the last look it is as it was then.
      if (current == &no_slab || current->countdown == current->armed) continue;
      current->armed = current->countdown;
      if (live_of(current) != 0) continue;
      Slab* const slab = current;
      current = &no_slab;
      space_.give(slab, slab->info().units);
      note_free_silently();
    }
  }
}

std::size_t Heap::trim() noexcept {
  give_kept_slabs();
  forget_exhaustion();
  const std::size_t dropped = direct_.drop_kept(UINT64_MAX);
  trimmer_.note_given_back(dropped);
  return dropped + trimmer_.trim_all(space_);
}

void Heap::epoch() noexcept {
  ++epoch_;
  forget_exhaustion();
  retire_current_slabs();
  give_kept_slabs();
  // Partial slabs of the old epoch stay as they are, but nobody finds them any more: in a fork's
  // child their records are not even copied.
  index_.forget_all();
  trimmer_.note_free();
  slow_calls_until_beat_ = 1;  // a fork's child has no thread that would give anything back
}

// REQUIRES: epoch_ is newer than these slabs.
void Heap::retire_current_slabs() noexcept {
  for (auto& domain : current_) {
    for (Slab*& current : domain) {
      if (current == &no_slab) continue;
      Slab* const slab = current;
      current = &no_slab;
      space_.chunk(space_.chunk_of(slab)).pending = true;
      file(slab, live_of(slab));
    }
  }
}

}  // namespace hoop::heap
