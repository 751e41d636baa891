// SPDX-License-Identifier: Apache-2.0
// Which addresses are objects, and which of them are known to be alive: two bits for every 16 bytes
// of the regions that objects lie in. Numbers for those that are not known to be alive come by
// rank: bits before it, counted (Jacobson, "Space-efficient static trees and graphs", 1989).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cycles/host.h"

namespace hoop::cycles {

// One span of addresses is looked up directly; what lies outside of it goes by a table of regions.
// All memory is the caller's, zero-filled; only the part that objects fall into is touched.
//
//   region   2 MiB of addresses
//   words    for each 1 KiB: 64 bits "an object begins here", 64 bits "it is alive"
//   ranks    for each 1 KiB: how many numbers lie before it
class ObjectMap {
 public:
  static constexpr std::size_t kRegionShift = 21;

  // Bytes for a span of `span_bytes` and up to three quarters of `other_regions` outside of it.
  static constexpr std::size_t bytes_for(std::size_t span_bytes, std::size_t other_regions) {
    return regions_for(span_bytes, other_regions) * (sizeof(Word) + sizeof(Index)) *
               kWordsPerRegion +
           other_regions * sizeof(std::uint64_t);
  }

  // REQUIRES: `base` is a multiple of 2 MiB, other_regions a power of two, bytes_for() zeroes at
  // `memory`.
  ObjectMap(void* memory, Address base, std::size_t span_bytes, std::size_t other_regions)
      : words_(static_cast<Word*>(memory)),
        base_(base),
        span_regions_(span_bytes >> kRegionShift),
        other_mask_(other_regions - 1) {
    const std::size_t words = regions_for(span_bytes, other_regions) * kWordsPerRegion;
    other_keys_ = reinterpret_cast<std::uint64_t*>(words_ + words);
    ranks_ = reinterpret_cast<Index*>(other_keys_ + other_regions);
  }

  // False: it is there already, or there is no room for its region.
  bool add(Address object) {
    const std::size_t place = place_for_new(object);
    if (place == kNowhere) return false;
    std::uint64_t& known = words_[place].known;
    const std::uint64_t bit = bit_of(object);
    if ((known & bit) != 0) return false;
    known |= bit;
    return true;
  }
  // Both at once, for what is handled as soon as it is found: known and alive from now on. False as
  // for add().
  bool add_live(Address object) {
    const std::size_t place = place_for_new(object);
    if (place == kNowhere) return false;
    Word& word = words_[place];
    const std::uint64_t bit = bit_of(object);
    if ((word.known & bit) != 0) return false;
    word.known |= bit;
    word.live |= bit;
    return true;
  }
  void remove(Address object) {
    const std::size_t place = place_of(object);
    if (place != kNowhere) words_[place].known &= ~bit_of(object);
  }

  [[nodiscard]] bool contains(Address object) const {
    const std::size_t place = place_of(object);
    return place != kNowhere && (words_[place].known & bit_of(object)) != 0;
  }

  [[nodiscard]] bool is_live(Address object) const {
    const std::size_t place = place_of(object);
    return place != kNowhere && (words_[place].live & bit_of(object)) != 0;
  }

  // True when that is news: it is an object, and was not known to be alive.
  bool mark_live(Address object) {
    const std::size_t place = place_of(object);
    if (place == kNowhere) return false;
    Word& word = words_[place];
    const std::uint64_t bit = bit_of(object);
    if ((word.known & ~word.live & bit) == 0) return false;
    word.live |= bit;
    return true;
  }

  void prefetch(Address object) const {
    const std::size_t place = place_in_span(object);
    if (place != kNowhere) __builtin_prefetch(&words_[place], 1);
  }

  // Numbers the objects that are not known to be alive, in the order of for_each_unmarked();
  // returns how many there are. No marks and no objects may be added afterwards.
  Index number_unmarked() {
    Index count = 0;
    for_each_used_word([&](std::size_t place, std::uint64_t) {
      ranks_[place] = count;
      count += static_cast<Index>(std::popcount(words_[place].unmarked()));
    });
    return count;
  }
  // kNoIndex: it is no object, or known to be alive.
  [[nodiscard]] Index number_of(Address object) const {
    const std::size_t place = place_of(object);
    if (place == kNowhere) return kNoIndex;
    const std::uint64_t unmarked = words_[place].unmarked();
    const std::uint64_t bit = bit_of(object);
    if ((unmarked & bit) == 0) return kNoIndex;
    return ranks_[place] + static_cast<Index>(std::popcount(unmarked & (bit - 1)));
  }
  // visit(Address), region by region, in address order inside of one.
  template <class F>
  void for_each_unmarked(F&& visit) const {
    for_each_used_word([&](std::size_t place, std::uint64_t region) {
      const Address start = (region << kRegionShift) + place % kWordsPerRegion * kBytesPerWord;
      for (std::uint64_t left = words_[place].unmarked(); left != 0; left &= left - 1)
        visit(start + static_cast<Address>(std::countr_zero(left)) * kBytesPerBit);
    });
  }

 private:
  struct Word {
    std::uint64_t known;
    std::uint64_t live;
    [[nodiscard]] std::uint64_t unmarked() const { return known & ~live; }
  };
  static constexpr std::size_t kBytesPerBit = 16;
  static constexpr std::size_t kBytesPerWord = 64 * kBytesPerBit;
  static constexpr std::size_t kWordsPerRegion = (std::size_t{1} << kRegionShift) / kBytesPerWord;
  static constexpr std::size_t kNowhere = SIZE_MAX;

  static constexpr std::size_t regions_for(std::size_t span_bytes, std::size_t other_regions) {
    return (span_bytes >> kRegionShift) + other_regions;
  }
  static std::uint64_t bit_of(Address object) {
    return std::uint64_t{1} << (object / kBytesPerBit % 64);
  }
  static std::size_t word_in_region(Address object) {
    return object / kBytesPerWord % kWordsPerRegion;
  }

  [[nodiscard]] std::size_t place_in_span(Address object) const {
    const std::size_t offset = object - base_;
    return offset >> kRegionShift < span_regions_ ? offset / kBytesPerWord : kNowhere;
  }
  [[nodiscard]] std::size_t place_of(Address object) const {
    const std::size_t place = place_in_span(object);
    return place != kNowhere ? place : place_elsewhere(object);
  }
  // The region's slot, or the free one where it would be; keys are 0 in free slots.
  [[nodiscard]] std::size_t slot_of(std::uint64_t region) const {
    std::size_t slot = region * 0x9E3779B97F4A7C15u >> 32 & other_mask_;
    while (other_keys_[slot] != 0 && other_keys_[slot] != region) slot = (slot + 1) & other_mask_;
    return slot;
  }
  [[nodiscard]] std::size_t place_in_slot(std::size_t slot, Address object) const {
    return (span_regions_ + slot) * kWordsPerRegion + word_in_region(object);
  }
  [[nodiscard]] std::size_t place_elsewhere(Address object) const {
    if (other_count_ == 0) return kNowhere;
    const std::uint64_t region = object >> kRegionShift;
    if (region == 0) return kNowhere;
    const std::size_t slot = slot_of(region);
    return other_keys_[slot] != 0 ? place_in_slot(slot, object) : kNowhere;
  }
  std::size_t place_for_new(Address object) {
    const std::size_t place = place_of(object);
    if (place != kNowhere || object >> kRegionShift == 0) return place;
    if ((other_count_ + 1) * 4 > (other_mask_ + 1) * 3) return kNowhere;
    const std::size_t slot = slot_of(object >> kRegionShift);
    other_keys_[slot] = object >> kRegionShift;
    ++other_count_;
    return place_in_slot(slot, object);
  }

  // visit(place, region) for every word with an object in it.
  template <class F>
  void for_each_used_word(F&& visit) const {
    const std::size_t span_words = span_regions_ * kWordsPerRegion;
    for (std::size_t place = 0; place < span_words; ++place) {
      if (words_[place].known != 0) visit(place, (base_ >> kRegionShift) + place / kWordsPerRegion);
    }
    for (std::size_t slot = 0; other_count_ != 0 && slot <= other_mask_; ++slot) {
      if (other_keys_[slot] == 0) continue;
      const std::size_t first = (span_regions_ + slot) * kWordsPerRegion;
      for (std::size_t i = first; i < first + kWordsPerRegion; ++i)
        if (words_[i].known != 0) visit(i, other_keys_[slot]);
    }
  }

  Word* words_;
  Index* ranks_ = nullptr;
  std::uint64_t* other_keys_ = nullptr;
  Address base_;
  std::size_t span_regions_;
  std::size_t other_mask_;
  std::size_t other_count_ = 0;
};

}  // namespace hoop::cycles
