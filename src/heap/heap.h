// SPDX-License-Identifier: Apache-2.0
// The private heap. One thread at a time: under CPython the holder of the GIL, in C++ the owner.
//
// The fast paths below are all that runs for most blocks: allocation pops the free list of its
// class's current slab, freeing pushes to the block's slab and counts down. Everything else happens
// in the functions named _slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "heap/direct_map.h"
#include "heap/fault.h"
#include "heap/in_flight_log.h"
#include "heap/slab.h"
#include "heap/slab_blocks.h"
#include "heap/slab_index.h"
#include "heap/statistics.h"
#include "heap/trimmer.h"
#include "heap/unit_space.h"

namespace hoop::heap {

struct Options {
  std::size_t reservation_bytes = 64 * kGiB;
  bool huge_pages = true;
  std::size_t huge_page_threshold = 32 * kMiB;  // heap size from which new chunks are huge pages
};

// A block in use, as for_each_block finds it. `bytes` is the whole block.
struct LiveBlock {
  Address start;
  std::size_t bytes;
  Domain domain;
};

class Heap {
 public:
  // Called now and then from the slow paths, instead of a tick of the trimmer.
  using Beat = void (*)(Heap& heap);
  static constexpr unsigned kSlowCallsPerBeat = 64;

  constexpr Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // False: the system gives no address space; the heap then refuses every request.
  [[nodiscard]] bool init(const Options& options = {}) noexcept;
  // Unmaps everything: all blocks become invalid.
  void release() noexcept;

  // 16-byte aligned. Size 0 gives a block of its own. nullptr when out of memory; the heap stays
  // whole.
  [[nodiscard]] void* allocate(std::size_t size, Domain domain = Domain::kMemory) noexcept {
    if (void* const block = allocate_fast(size, domain)) [[likely]]
      return block;
    return allocate_slow(size, domain);
  }
  // Its two halves, for callers that keep a call out of their own fast path. The fast one gives
  // nullptr where the class has no block at hand, and for sizes that are not small (0 among them).
  [[nodiscard]] void* allocate_fast(std::size_t size, Domain domain) noexcept {
    const std::size_t size_class = (size - 1) / kAlignment;
    if (size_class >= kSmallClassCount) [[unlikely]]
      return nullptr;
    Slab* const slab = current_[static_cast<unsigned>(domain)][size_class];
    FreeBlock* const block = slab->free;
    if (block != nullptr) [[likely]]
      slab->free = block->next;
    return block;
  }
  [[nodiscard]] void* allocate_slow(std::size_t size, Domain domain) noexcept;
  [[nodiscard]] void* allocate_zeroed(std::size_t count, std::size_t size,
                                      Domain domain = Domain::kMemory) noexcept;
  // `block` may be nullptr. On failure nullptr is returned and `block` stays as it was.
  [[nodiscard]] void* reallocate(void* block, std::size_t size,
                                 Domain domain = Domain::kMemory) noexcept;

  // nullptr is fine. Ends the process when the heap never gave the block out.
  void free(void* block) noexcept {
    if (!try_free(block) && block != nullptr) [[unlikely]]
      free_foreign(block);
  }
  // False, and nothing done, when the address is not one of this heap's blocks (nullptr among
  // them).
  bool try_free(void* block) noexcept { return free_fast(block) || free_slow(block); }
  // Its two halves, as above. The fast one returns false, and does nothing, where there is more to
  // it than a push.
  bool free_fast(void* block) noexcept {
    const auto address = reinterpret_cast<Address>(block);
    if (!space_.contains(address)) [[unlikely]]
      return false;
    Slab* slab = space_.record_of(address);
    std::int32_t left = slab->countdown - 1;
    if (left < 0) [[unlikely]] {
      // A further unit of a slab or run; `back` is 0 in every other record. A run's countdown is 0.
      slab -= slab->back;
      left = slab->countdown - 1;
      if (left < 0) return false;
    }
    slab->countdown = left;
    slab->push(block);
    return true;
  }
  bool free_slow(void* block) noexcept;
  // As try_free, and writes the block into the in-flight log while that is open.
  bool try_free_logged(void* block) noexcept;

  // The slab that each class allocates from, for callers that inline the pop. The array stays where
  // it is; a slab's record begins with the head of its free list.
  [[nodiscard]] Slab* const* current_slabs(Domain domain) const noexcept {
    return current_[static_cast<unsigned>(domain)];
  }

  // True for every address between the heap's first and last chunk. Large blocks lie elsewhere.
  [[nodiscard]] bool spans(const void* address) const noexcept {
    return space_.contains(reinterpret_cast<Address>(address));
  }
  [[nodiscard]] bool owns(const void* block) const noexcept;
  // Bytes that may be used at `block`; at least what was asked for. REQUIRES: owns(block).
  [[nodiscard]] std::size_t usable_size(const void* block) const noexcept;

  // Gives back all that can be given now; returns the bytes.
  std::size_t trim() noexcept;
  // One step, at most about 1 ms; returns the bytes given back.
  std::size_t tick(Nanoseconds now) noexcept;
  [[nodiscard]] bool trim_pending() const noexcept {
    return trimmer_.pending() || direct_.kept_bytes() != 0;
  }

  [[nodiscard]] bool trim_rests(Nanoseconds now) const noexcept { return trimmer_.rests(now); }
  [[nodiscard]] bool trim_is_due(Nanoseconds now) const noexcept {
    return trimmer_.is_due(now) || direct_.has_kept_before(now - Trimmer::kRoundInterval);
  }

  // Blocks allocated from now on share no page with those allocated before.
  void epoch() noexcept;

  // Gives up unused address space, for a limit that was set after init(): what stays is a quarter
  // of what the limit leaves. Returns the bytes.
  std::size_t shrink_reservation() noexcept { return space_.shrink_reservation(); }

  [[nodiscard]] Statistics statistics() const noexcept;
  [[nodiscard]] std::size_t live_block_count() const noexcept;
  // Bytes of chunks and mappings taken from the system and not given back; O(1), free blocks
  // included.
  [[nodiscard]] std::size_t held_bytes() const noexcept {
    return space_.extent() + direct_.used_bytes() + direct_.kept_bytes();
  }
  [[nodiscard]] Address base() const noexcept { return space_.base(); }
  [[nodiscard]] std::size_t extent() const noexcept { return space_.extent(); }
  [[nodiscard]] bool has_direct_blocks() const noexcept { return direct_.count() != 0; }
  // visit(Address start, std::size_t bytes) for the mappings of the heap's own records.
  template <class F>
  void for_each_metadata_range(F&& visit) const noexcept {
    space_.for_each_metadata_range(visit);
    index_.for_each_metadata_range(visit);
    direct_.for_each_metadata_range(visit);
  }
  // The same for mappings of blocks, those that are kept for a moment after a free among them.
  template <class F>
  void for_each_direct_mapping(F&& visit) const noexcept {
    direct_.for_each([&](const DirectBlock& block) { visit(block.start, block.mapped); });
    direct_.for_each_kept(visit);
  }
  [[nodiscard]] std::size_t given_back_bytes() const noexcept {
    return trimmer_.given_back_bytes();
  }

  // A slab whose free list is damaged ends the process, or is passed over.
  enum class OnDamage : std::uint8_t { kDie, kPassOver };
  // visit(const LiveBlock&) for every block in use, slab by slab in address order, then the
  // largest. Nothing may be allocated or freed meanwhile. Ends the process on a damaged free list.
  template <class F>
  void for_each_block(F&& visit, OnDamage on_damage = OnDamage::kDie) const noexcept;
  // The same for the blocks of one chunk (index < chunk_count()).
  template <class F>
  void for_each_block_in_chunk(unsigned chunk, F&& visit,
                               OnDamage on_damage = OnDamage::kDie) const noexcept;
  // The same for the blocks with a mapping of their own.
  template <class F>
  void for_each_direct_block(F&& visit) const noexcept {
    direct_.for_each([&](const DirectBlock& block) {
      visit(LiveBlock{block.start, block.bytes, block.domain});
    });
  }
  // visit(unsigned chunk) for the chunks that are meant to be one huge page.
  template <class F>
  void for_each_huge_chunk(F&& visit) const noexcept {
    for (unsigned i = 0; i < space_.chunk_count(); ++i)
      if (space_.chunk(i).huge && !space_.chunk(i).split) visit(i);
  }
  [[nodiscard]] unsigned chunk_count() const noexcept { return space_.chunk_count(); }

  // Walks everything. False: `report` (may be nullptr) says what is wrong.
  bool validate(FaultReport* report = nullptr) const noexcept;

  [[nodiscard]] bool begin_log() noexcept { return log_.begin(space_.base(), space_.extent()); }
  void end_log() noexcept { log_.end(); }
  [[nodiscard]] bool log_is_open() const noexcept { return log_.is_open(); }
  // A block of another allocator's, which it is about to free or move.
  void log_foreign_free(const void* block) noexcept {
    if (log_.is_open() && block != nullptr) log_.note_direct(reinterpret_cast<Address>(block));
  }
  // True when the block was freed or moved since begin_log().
  [[nodiscard]] bool freed_since_log(const void* block) const noexcept {
    return log_.contains(reinterpret_cast<Address>(block));
  }

  // `interval`: slow calls between two beats.
  void set_beat(Beat function, unsigned interval) noexcept {
    beat_ = function;
    beat_interval_ = slow_calls_until_beat_ = interval;
  }

 private:
  // Empty slabs stay with their class up to this many units in all, so that a class that swings
  // around a slab's edge does not give it up and carve it anew each time.
  static constexpr unsigned kMaxKeptUnits = 32;

  void* allocate_large(std::size_t size, Domain domain) noexcept;
  template <class Map>
  void* with_mapping(Map map) noexcept;
  Slab* refill(SizeClass size_class, Domain domain) noexcept;
  void* allocate_run(std::size_t size, Domain domain) noexcept;
  Slab* take_units(unsigned units, UnitSpace::Placement placement) noexcept;
  Slab* next_slab(SizeClass size_class, Domain domain) noexcept;
  Slab* new_slab(SizeClass size_class, Domain domain) noexcept;
  Slab* find_retired_slab(SizeClass size_class, Domain domain) noexcept;

  void free_into(Slab* slab, void* block) noexcept;
  void free_run(Slab* run, void* block) noexcept;
  bool free_direct(void* block) noexcept;
  [[noreturn]] void free_foreign(void* block) noexcept;

  Slab* take_kept(SizeClass size_class, Domain domain) noexcept;
  void give_kept_slabs() noexcept;
  // Takes empty slabs of large blocks from classes that only passed by, as a growing list does.
  void give_empty_current_slabs(SizeClass first) noexcept;

  // Puts a slab that is not current where its number of live blocks belongs.
  void file(Slab* slab, unsigned live) noexcept;
  void file_full(Slab* slab) noexcept;
  void file_empty(Slab* slab) noexcept;
  void make_current(Slab* slab) noexcept;
  // Live blocks of any slab; walks the free list of a current one.
  [[nodiscard]] unsigned live_of(Slab* slab) const noexcept;
  void retire_current_slabs() noexcept;

  void* move(void* block, std::size_t old_size, std::size_t size, Domain domain) noexcept;
  void* reallocate_run(Slab* run, void* block, std::size_t size, Domain domain) noexcept;
  [[nodiscard]] Slab* head_of(Address address) const noexcept;

  void beat() noexcept {
    if (--slow_calls_until_beat_ == 0) [[unlikely]]
      beat_slow();
  }
  void beat_slow() noexcept;
  void forget_exhaustion() noexcept {
    std::memset(exhausted_, 0, sizeof exhausted_);
    ask_again_ = false;
  }
  // Something was freed where no beat follows: the next slow call is one.
  void note_free_silently() noexcept {
    if (!trimmer_.pending()) slow_calls_until_beat_ = 1;
    trimmer_.note_free();
  }

  [[nodiscard]] bool validate_unit(unsigned chunk, unsigned unit,
                                   FaultReport& report) const noexcept;

  Slab* current_[kDomainCount][kClassCount];
  UnitSpace space_;
  Slab* kept_[kDomainCount][kClassCount] = {};  // heads of lists
  unsigned kept_units_ = 0;
  // No units for another slab of the class, until something is given up.
  bool exhausted_[kDomainCount][kClassCount] = {};
  bool ask_again_ = false;  // the system refused some of them: only until the next beat
  unsigned slow_calls_until_beat_ = kSlowCallsPerBeat;
  unsigned beat_interval_ = kSlowCallsPerBeat;
  std::uint32_t epoch_ = 0;
  Beat beat_ = nullptr;
  SlabIndex index_;
  Trimmer trimmer_;
  DirectMap direct_;
  InFlightLog log_;
};

// The slab that a class has before its first block: always empty-handed, never freed into.
inline constinit Slab no_slab;

constexpr Heap::Heap() : current_{} {
  for (auto& domain : current_) {
    for (Slab*& slab : domain) slab = &no_slab;
  }
}

template <class F>
void Heap::for_each_block_in_chunk(unsigned chunk, F&& visit, OnDamage on_damage) const noexcept {
  Slab* const records = space_.records_of_chunk(chunk);
  for (unsigned unit = 0; unit < kUnitsPerChunk; ++unit) {
    Slab& slab = records[unit];
    const Address start = space_.address_of(&slab);
    if (slab.state == UnitState::kRun) visit(LiveBlock{start, slab.run_bytes, slab.domain});
    if (!slab.is_slab()) continue;
    const SlabBlocks blocks(slab, start);
    BlockSet free;
    FaultReport report;
    if (!blocks.collect_free(free, report)) {
      if (on_damage == OnDamage::kDie) die(report);
      continue;
    }
    const ClassInfo& info = slab.info();
    for (unsigned block = 0; block < info.capacity; ++block) {
      if (free.test(block) || (slab.virgin_pages != 0 && blocks.is_untouched(block))) continue;
      visit(LiveBlock{blocks.address_of(block), info.block_bytes, slab.domain});
    }
  }
}

template <class F>
void Heap::for_each_block(F&& visit, OnDamage on_damage) const noexcept {
  for (unsigned chunk = 0; chunk < space_.chunk_count(); ++chunk)
    for_each_block_in_chunk(chunk, visit, on_damage);
  for_each_direct_block(visit);
}

}  // namespace hoop::heap
