// SPDX-License-Identifier: Apache-2.0
// Heap: statistics and validation, by walking every record.
#include <bit>
#include <cstddef>

#include "base/units.h"
#include "heap/direct_map.h"
#include "heap/fault.h"
#include "heap/geometry.h"
#include "heap/heap.h"
#include "heap/slab.h"
#include "heap/slab_blocks.h"
#include "heap/statistics.h"
#include "heap/unit_space.h"

namespace hoop::heap {
namespace {

void add_slab(DomainStatistics& domain, const Slab& slab, std::size_t live) {
  const ClassInfo& info = slab.info();
  ClassStatistics& size_class = domain.classes[slab.size_class];
  std::size_t untouched = 0;
  if (slab.virgin_pages != 0) {
    // Address 0 will do: whether a block is untouched depends on its offset only.
    const SlabBlocks blocks(const_cast<Slab&>(slab), 0);
    for (unsigned block = 0; block < info.capacity; ++block)
      untouched += blocks.is_untouched(block) ? 1 : 0;
  }
  size_class.live_blocks += live;
  size_class.free_blocks += info.capacity - untouched - live;
  ++size_class.slabs;
  domain.live_blocks += live;
  domain.live_bytes += live * info.block_bytes;
}

std::size_t touched_bytes(const Slab& slab) {
  if (slab.state == UnitState::kRun) return round_up(slab.run_bytes, kPageBytes);
  if (!slab.is_slab()) return 0;
  const unsigned touched = (slab.info().pages & ~unsigned{slab.virgin_pages}) | slab.stale_pages;
  return static_cast<std::size_t>(std::popcount(touched)) * kPageBytes;
}

bool fail(FaultReport& report, Fault fault, Address block, std::size_t bytes = 0) {
  report = FaultReport{fault, block, bytes, 0};
  return false;
}

}  // namespace

Statistics Heap::statistics() const noexcept {
  Statistics result;
  for (auto& domain : result.domains) {
    for (unsigned i = 0; i < kClassCount; ++i)
      domain.classes[i].block_bytes = kClasses[i].block_bytes;
  }
  for (unsigned chunk = 0; chunk < space_.chunk_count(); ++chunk) {
    const Chunk& facts = space_.chunk(chunk);
    result.huge_chunks += facts.huge && !facts.split ? 1 : 0;
    result.split_chunks += facts.split ? 1 : 0;
    const bool untouched = facts.free.is_all() && !facts.dirty.any();
    const bool is_whole = facts.huge && !facts.split && !untouched;
    std::size_t touched = static_cast<std::size_t>(facts.dirty.count()) * kUnitBytes;
    Slab* const records = space_.records_of_chunk(chunk);
    for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
      Slab& slab = records[unit];
      touched += touched_bytes(slab);
      DomainStatistics& domain = result.domains[static_cast<unsigned>(slab.domain)];
      if (slab.is_slab()) add_slab(domain, slab, live_of(&slab));
      if (slab.state != UnitState::kRun) continue;
      ++domain.runs;
      domain.run_bytes += slab.run_bytes;
      ++domain.live_blocks;
      domain.live_bytes += slab.run_bytes;
    }
    result.touched_bytes += is_whole ? kChunkBytes : touched;
  }
  direct_.for_each([&](const DirectBlock& block) {
    DomainStatistics& domain = result.domains[static_cast<unsigned>(block.domain)];
    ++domain.direct_blocks;
    domain.direct_bytes += block.bytes;
    ++domain.live_blocks;
    domain.live_bytes += block.bytes;
  });
  result.reserved_bytes = space_.reserved_bytes();
  result.committed_bytes = space_.extent();
  result.metadata_bytes =
      space_.metadata_bytes() + index_.metadata_bytes() + direct_.metadata_bytes();
  result.kept_direct_bytes = direct_.kept_bytes();
  result.given_back_bytes = trimmer_.given_back_bytes();
  result.trim_time = trimmer_.time_spent();
  return result;
}

std::size_t Heap::live_block_count() const noexcept {
  std::size_t live = direct_.count();
  for (unsigned chunk = 0; chunk < space_.chunk_count(); ++chunk) {
    Slab* const records = space_.records_of_chunk(chunk);
    for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
      if (records[unit].is_slab()) live += live_of(&records[unit]);
      live += records[unit].state == UnitState::kRun ? 1 : 0;
    }
  }
  return live;
}

bool Heap::validate_unit(unsigned chunk, unsigned unit, FaultReport& report) const noexcept {
  const Chunk& facts = space_.chunk(chunk);
  Slab& slab = space_.records_of_chunk(chunk)[unit];
  const Address start = space_.address_of(&slab);
  const bool is_free = slab.state == UnitState::kFree;
  if (facts.free.test(static_cast<int>(unit)) != is_free)
    return fail(report, Fault::kBadRecord, start);
  if (slab.state == UnitState::kTail) {
    const Slab& head = *(&slab - slab.back);
    const unsigned units = head.state == UnitState::kRun ? head.run_units : head.info().units;
    const bool covered = (head.is_slab() || head.state == UnitState::kRun) && slab.back < units;
    if (!covered || slab.countdown != 0) return fail(report, Fault::kBadRecord, start);
  }
  if (!slab.is_slab()) return true;
  const SlabBlocks blocks(slab, start);
  BlockSet free;
  if (!blocks.collect_free(free, report)) return false;
  const unsigned live = blocks.count_live(free);
  const bool counted = slab.state == UnitState::kCurrent || static_cast<int>(live) == slab.live();
  if (!counted) return fail(report, Fault::kLostBlocks, start, slab.info().block_bytes);
  const bool filed = (slab.bucket_tag != 0) == (slab.state == UnitState::kPartial);
  return filed || fail(report, Fault::kBadRecord, start, slab.info().block_bytes);
}

bool Heap::validate(FaultReport* report) const noexcept {
  FaultReport found;
  for (unsigned chunk = 0; chunk < space_.chunk_count(); ++chunk) {
    const Chunk& facts = space_.chunk(chunk);
    bool whole = facts.free.contains(facts.dirty) && facts.dirty.contains(facts.aged);
    if (!whole) fail(found, Fault::kBadRecord, space_.address_of_chunk(chunk));
    for (unsigned unit = 0; whole && unit < kUnitsPerChunk; ++unit)
      whole = validate_unit(chunk, unit, found);
    if (whole) continue;
    if (report != nullptr) *report = found;
    return false;
  }
  return true;
}

}  // namespace hoop::heap
