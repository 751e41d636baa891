// SPDX-License-Identifier: Apache-2.0
#include "heap/trimmer.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bits128.h"
#include "base/units.h"
#include "heap/fault.h"
#include "heap/geometry.h"
#include "heap/slab.h"
#include "heap/slab_blocks.h"
#include "heap/slab_index.h"
#include "heap/unit_space.h"
#include "os/clock.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

constexpr unsigned kPagesPerUnit = kUnitBytes / kPageBytes;
constexpr unsigned kPagesPerChunk = kChunkBytes / kPageBytes;

// A huge page is broken up only for this much of it: below, the memory is worth less than the
// speed.
constexpr unsigned kFewestPagesToSplit = kPagesPerChunk / 10;

// Joins neighbouring pages, so that the system is called once for each run.
class PurgeBatch {
 public:
  ~PurgeBatch() { flush(); }
  void add(Address start, std::size_t bytes) {
    if (start != start_ + bytes_) {
      flush();
      start_ = start;
    }
    bytes_ += bytes;
  }
  void flush() {
    if (bytes_ != 0) os::give_back(reinterpret_cast<void*>(start_), bytes_);
    bytes_ = 0;
  }

 private:
  Address start_ = 0;
  std::size_t bytes_ = 0;
};

// After a look at its free list: how many frees until a look can find anything new.
void settle(Slab& slab, const SlabBlocks& blocks, const BlockSet& free) {
  if (slab.state == UnitState::kCurrent || slab.state == UnitState::kKept) return;
  const auto live = static_cast<unsigned>(slab.live());
  const unsigned capacity = slab.info().capacity;
  const unsigned quarter = SlabIndex::quarter_of(std::min(live, capacity - 1), capacity);
  const unsigned to_next_quarter = live - SlabIndex::least_live(quarter, capacity) + 1;
  slab.arm(live, static_cast<std::int32_t>(
                     std::min(to_next_quarter, blocks.fewest_live_on_a_page(free))));
  slab.countdown_seen = Slab::kSettled;
}

}  // namespace

// What can go from one chunk: a mask of pages for every unit that begins a slab, and free units.
struct Trimmer::Plan {
  std::uint16_t slab_pages[kUnitsPerChunk] = {};
  Bits128 units;
  unsigned page_count = 0;
  bool look_again = false;

  void add_units(Bits128 more) {
    units.add(more);
    page_count += static_cast<unsigned>(more.count()) * kPagesPerUnit;
  }
};

// False when the slab is in use just now.
bool Trimmer::plan_slab(Plan& plan, SlabBlocks blocks, Slab& slab, unsigned unit,
                        Age age) noexcept {
  if (age == Age::kIdleOnly) {
    if (slab.countdown_seen == Slab::kSettled) return true;
    // What a current slab gives out shows in its list alone.
    const bool same_list = slab.state != UnitState::kCurrent || slab.free_seen == slab.free;
    if (slab.countdown_seen != slab.countdown || !same_list) {
      slab.countdown_seen = slab.countdown;
      slab.free_seen = slab.free;
      return false;
    }
  }
  BlockSet free;
  FaultReport report;
  if (!blocks.collect_free(free, report)) die(report);
  if (slab.state != UnitState::kCurrent &&
      blocks.count_live(free) != static_cast<unsigned>(slab.live())) {
    die(FaultReport{Fault::kLostBlocks, blocks.address_of(0), slab.info().block_bytes, 0});
  }
  plan.slab_pages[unit] = blocks.idle_pages(free);
  plan.page_count += static_cast<unsigned>(std::popcount(plan.slab_pages[unit]));
  settle(slab, blocks, free);
  return true;
}

void Trimmer::plan_chunk(Plan& plan, UnitSpace& space, unsigned index, Age age) noexcept {
  Chunk& chunk = space.chunk(index);
  plan.units = age == Age::kAny ? chunk.dirty : chunk.dirty & chunk.aged;
  plan.look_again = (chunk.dirty - plan.units).any();
  chunk.aged = chunk.dirty;
  plan.page_count = static_cast<unsigned>(plan.units.count()) * kPagesPerUnit;
  Slab* const records = space.records_of_chunk(index);
  for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
    Slab& slab = records[unit];
    const bool has_free_blocks =
        slab.state == UnitState::kPartial || slab.state == UnitState::kKept ||
        slab.state == UnitState::kRetired ||
        (slab.state == UnitState::kCurrent && (age == Age::kAny || !is_small(slab.size_class)));
    if (slab.state == UnitState::kFull && slab.stale_pages != 0) {
      plan.slab_pages[unit] = slab.stale_pages;
      plan.page_count += static_cast<unsigned>(std::popcount(unsigned{slab.stale_pages}));
    }
    if (!has_free_blocks) continue;
    if (!plan_slab(plan, SlabBlocks(slab, space.address_of(&slab)), slab, unit, age))
      plan.look_again = true;
  }
}

std::size_t Trimmer::apply(const Plan& plan, UnitSpace& space, unsigned index) noexcept {
  const Address start = space.address_of_chunk(index);
  Slab* const records = space.records_of_chunk(index);
  PurgeBatch batch;
  for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
    const Address unit_start = start + unit * kUnitBytes;
    if (plan.units.test(static_cast<int>(unit))) batch.add(unit_start, kUnitBytes);
    if (plan.slab_pages[unit] == 0) continue;
    SlabBlocks(records[unit], unit_start).retire_pages(plan.slab_pages[unit]);
    for (unsigned pages = plan.slab_pages[unit]; pages != 0; pages &= pages - 1) {
      batch.add(unit_start + static_cast<unsigned>(std::countr_zero(pages)) * kPageBytes,
                kPageBytes);
    }
  }
  Chunk& chunk = space.chunk(index);
  chunk.dirty.remove(plan.units);
  chunk.aged.remove(plan.units);
  return plan.page_count * kPageBytes;
}

// The pages found count again when the next block of the chunk is freed.
void Trimmer::leave_for_later(const Plan& plan, Slab* records) noexcept {
  for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
    if (plan.slab_pages[unit] == 0) continue;
    records[unit].countdown_seen = records[unit].countdown;
    records[unit].free_seen = records[unit].free;
  }
}

// A huge page came as a whole: what nobody has used yet holds memory too.
void Trimmer::add_untouched(Plan& plan, UnitSpace& space, unsigned index, Age age) noexcept {
  const Chunk& chunk = space.chunk(index);
  if (chunk.free.is_all() && !chunk.dirty.any()) return;
  plan.add_units(chunk.free - chunk.dirty);
  Slab* const records = space.records_of_chunk(index);
  for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
    Slab& slab = records[unit];
    if (!slab.is_slab()) continue;
    const unsigned added = slab.all_pages() & ~(slab.info().pages & ~unsigned{slab.virgin_pages}) &
                           ~unsigned{plan.slab_pages[unit]};
    if (slab.state == UnitState::kCurrent && age == Age::kIdleOnly) {
      slab.stale_pages = static_cast<std::uint16_t>(slab.stale_pages | added);  // for a later look
      continue;
    }
    plan.slab_pages[unit] = static_cast<std::uint16_t>(plan.slab_pages[unit] | added);
    plan.page_count += static_cast<unsigned>(std::popcount(added));
  }
}

// False when the chunk is better left a huge page.
bool Trimmer::split(Plan& plan, UnitSpace& space, unsigned index, Age age) noexcept {
  if (age == Age::kIdleOnly && plan.page_count < kFewestPagesToSplit) {
    leave_for_later(plan, space.records_of_chunk(index));
    return false;
  }
  add_untouched(plan, space, index, age);
  if (plan.page_count == 0) return false;
  // Without this advice the kernel would fill the gaps again to make the huge page whole.
  os::advise(reinterpret_cast<void*>(space.address_of_chunk(index)), kChunkBytes,
             os::HugePages::kUnwanted);
  space.chunk(index).split = true;
  space.note_supply(index);
  return true;
}

std::size_t Trimmer::look_at(UnitSpace& space, unsigned index, Age age) noexcept {
  Chunk& chunk = space.chunk(index);
  if (!chunk.pending && age == Age::kIdleOnly) return 0;
  Plan plan;
  plan_chunk(plan, space, index, age);
  chunk.pending = plan.look_again;
  if (plan.look_again) pending_ = true;

  const bool all_free = chunk.free.is_all();
  if (chunk.huge && !chunk.split && all_free && plan.page_count > 0)
    plan.add_units(chunk.free - plan.units);
  if (chunk.huge && !chunk.split && !all_free && !split(plan, space, index, age)) return 0;
  if (plan.page_count == 0 && !(chunk.split && all_free)) return 0;
  const std::size_t bytes = apply(plan, space, index);
  if (chunk.split && all_free && !chunk.dirty.any()) {
    os::advise(reinterpret_cast<void*>(space.address_of_chunk(index)), kChunkBytes,
               os::HugePages::kWanted);
    chunk.split = false;
    space.note_supply(index);
  }
  return bytes;
}

std::size_t Trimmer::tick(UnitSpace& space, Nanoseconds now) noexcept {
  if (!is_due(now)) return 0;
  if (!in_round_) {
    in_round_ = true;
    pending_ = false;
    cursor_ = 0;
    next_round_ = now + kRoundInterval;
  }
  const Nanoseconds begin = os::monotonic_now();
  Nanoseconds end = begin;
  std::size_t given = 0;
  while (cursor_ < space.chunk_count() && end - begin < kTickBudget) {
    // The clock is read after every chunk that had work, and every 64 others.
    const bool worked = space.chunk(cursor_).pending;
    given += look_at(space, cursor_, Age::kIdleOnly);
    ++cursor_;
    if (worked || cursor_ % 64 == 0) end = os::monotonic_now();
  }
  in_round_ = cursor_ < space.chunk_count();
  given_back_bytes_ += given;
  const Nanoseconds spent = os::monotonic_now() - begin;
  rest_until_ = now + spent * kRest;
  time_spent_ += spent;
  return given;
}

void Trimmer::give_free_units(UnitSpace& space, std::size_t wanted) noexcept {
  std::size_t given = 0;
  for (unsigned index = space.chunk_count(); index-- > 0 && given < wanted;) {
    Chunk& chunk = space.chunk(index);
    if (!chunk.dirty.any() || (chunk.huge && !chunk.split)) continue;
    Plan plan;
    Bits128 units = chunk.dirty;
    const std::size_t enough = (wanted - given + kUnitBytes - 1) / kUnitBytes;
    while (static_cast<std::size_t>(units.count()) > enough)
      units.remove(Bits128::range(units.first(), 1));
    plan.add_units(units);
    given += apply(plan, space, index);
  }
  given_back_bytes_ += given;
}

std::size_t Trimmer::trim_all(UnitSpace& space) noexcept {
  const Nanoseconds begin = os::monotonic_now();
  std::size_t given = 0;
  for (unsigned chunk = 0; chunk < space.chunk_count(); ++chunk) {
    given += look_at(space, chunk, Age::kAny);
  }
  in_round_ = false;
  pending_ = false;
  given_back_bytes_ += given;
  time_spent_ += os::monotonic_now() - begin;
  return given;
}

}  // namespace hoop::heap
