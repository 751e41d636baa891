// SPDX-License-Identifier: Apache-2.0
// A heap and a naive list of what was allocated from it. Each operation goes to both; the first
// contradiction is kept as problem(), and nothing is done after it. Used by tests and by the
// fuzzer, so without GoogleTest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

#include "heap/heap.h"

namespace hoop::testing {

using heap::Domain;
using heap::kDomainCount;

// Content that tells blocks, and the places in a block, apart: a stretch of one fixed run of noise
// for each tag.
class Noise {
 public:
  static constexpr std::size_t kPeriod = 64 * kKiB;

  Noise() : bytes_(kPeriod + 256 * kStride) {
    std::uint64_t state = 1;
    for (unsigned char& byte : bytes_) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<unsigned char>(state >> 56);
    }
  }
  // kPeriod bytes: a block's content, over and over.
  [[nodiscard]] const unsigned char* of(unsigned char tag) const {
    return bytes_.data() + tag * kStride;
  }

 private:
  static constexpr std::size_t kStride = 64;
  std::vector<unsigned char> bytes_;
};

inline const Noise kNoise;

inline void fill(Address start, std::size_t bytes, unsigned char tag) {
  auto* const block = reinterpret_cast<unsigned char*>(start);
  for (std::size_t done = 0; done < bytes; done += Noise::kPeriod) {
    std::memcpy(block + done, kNoise.of(tag), std::min(bytes - done, Noise::kPeriod));
  }
}

// Whether `bytes` from `offset` on, less than a period, are as fill() left them.
inline bool is_filled_at(const unsigned char* block, std::size_t offset, std::size_t bytes,
                         const unsigned char* noise) {
  const std::size_t phase = offset % Noise::kPeriod;
  const std::size_t before_wrap = std::min(bytes, Noise::kPeriod - phase);
  return std::memcmp(block + offset, noise + phase, before_wrap) == 0 &&
         std::memcmp(block + offset + before_wrap, noise, bytes - before_wrap) == 0;
}

// Every byte of a small block; both ends and a word of every page of a large one.
inline bool is_filled(Address start, std::size_t bytes, unsigned char tag) {
  const auto* const block = reinterpret_cast<const unsigned char*>(start);
  const unsigned char* const noise = kNoise.of(tag);
  constexpr std::size_t kEdge = 1024;
  if (bytes <= 2 * kEdge) return is_filled_at(block, 0, bytes, noise);
  if (!is_filled_at(block, 0, kEdge, noise) || !is_filled_at(block, bytes - kEdge, kEdge, noise))
    return false;
  for (std::size_t offset = kEdge; offset + kEdge < bytes; offset += 4 * kKiB) {
    if (!is_filled_at(block, offset, sizeof(std::uint64_t), noise)) return false;
  }
  return true;
}

inline bool is_zero(const void* start, std::size_t bytes) {
  const auto* const content = static_cast<const unsigned char*>(start);
  return bytes == 0 || (content[0] == 0 && std::memcmp(content, content + 1, bytes - 1) == 0);
}

class HeapModel {
 public:
  struct Block {
    Address start = 0;
    std::size_t bytes = 0;  // asked for
    Domain domain = Domain::kMemory;
    unsigned char tag = 0;
    unsigned epoch = 0;
  };
  enum class Refusals { kAreProblems, kAreFine };

  explicit HeapModel(heap::Heap& heap, Refusals refusals = Refusals::kAreProblems)
      : heap_(heap), refusals_(refusals) {}

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::size_t size() const { return blocks_.size(); }
  [[nodiscard]] const Block& block(std::size_t index) const { return blocks_[index]; }
  [[nodiscard]] std::size_t live_bytes() const { return live_bytes_; }
  [[nodiscard]] std::size_t refused() const { return refused_; }
  void set_refusals(Refusals refusals) { refusals_ = refusals; }

  void allocate(std::size_t bytes, Domain domain) {
    if (problem_.empty()) add(heap_.allocate(bytes, domain), bytes, domain);
  }

  void allocate_zeroed(std::size_t count, std::size_t size, Domain domain) {
    if (!problem_.empty()) return;
    void* const block = heap_.allocate_zeroed(count, size, domain);
    if (block != nullptr && !is_zero(block, count * size)) return fail("not zeroed", block);
    add(block, count * size, domain);
  }

  // REQUIRES: index < size().
  void resize(std::size_t index, std::size_t bytes) {
    if (!problem_.empty()) return;
    Block& block = blocks_[index];
    if (!is_intact(block)) return;
    void* const old = reinterpret_cast<void*>(block.start);
    void* const moved = heap_.reallocate(old, bytes, block.domain);
    if (log_is_open_) note_resize(block, moved);
    if (moved == nullptr) {
      refuse(bytes);
      is_intact(block);
      return;
    }
    if (!is_filled(reinterpret_cast<Address>(moved), std::min(bytes, block.bytes), block.tag)) {
      return fail("content lost by reallocate", moved);
    }
    live_bytes_ += bytes - block.bytes;
    if (moved != old) block.epoch = epoch_;
    block.start = reinterpret_cast<Address>(moved);
    block.bytes = bytes;
    if (is_well_formed(block)) fill(block.start, bytes, block.tag);
  }

  // REQUIRES: index < size().
  void free(std::size_t index) {
    if (!problem_.empty()) return;
    const Block block = blocks_[index];
    if (!is_intact(block)) return;
    if (log_is_open_) {
      note_freed(block);
      if (!heap_.try_free_logged(reinterpret_cast<void*>(block.start)))
        fail("not freed", block.start);
    } else {
      heap_.free(reinterpret_cast<void*>(block.start));
    }
    live_bytes_ -= block.bytes;
    blocks_[index] = blocks_.back();
    blocks_.pop_back();
  }

  // Last block first, or as they come.
  void free_all() {
    while (!blocks_.empty() && problem_.empty()) free(blocks_.size() - 1);
  }

  void epoch() {
    ++epoch_;
    heap_.epoch();
  }

  void open_log() {
    close_log();
    if (!heap_.begin_log()) return refuse(0);
    log_is_open_ = true;
    for (const Block& block : blocks_) logged_live_.push_back(block.start);
  }
  void close_log() {
    if (log_is_open_) check_log();
    heap_.end_log();
    log_is_open_ = false;
    logged_live_.clear();
    freed_.clear();
    perhaps_freed_.clear();
    direct_notes_ = 0;
  }

  // Compares everything that the heap can be asked with the list.
  void check() {
    if (!problem_.empty()) return;
    heap::FaultReport report;
    if (!heap_.validate(&report)) {
      FixedText<256> text;
      heap::describe(report, text);
      problem_ = std::string("validate: ") + text.data();
      return;
    }
    check_enumeration();
    if (problem_.empty()) check_statistics();
    if (problem_.empty() && refused_ == 0) check_epochs();
    if (problem_.empty() && log_is_open_) check_log();
  }

 private:
  static constexpr std::size_t kExactDirectNotes = 512;

  void fail(const char* what, Address block) {
    FixedText<256> text;
    text.add(what).add(": block ").add_hex(block);
    problem_ = text.data();
  }
  void fail(const char* what, const void* block) { fail(what, reinterpret_cast<Address>(block)); }

  void refuse(std::size_t bytes) {
    ++refused_;
    if (refusals_ == Refusals::kAreProblems) fail("refused; bytes asked for as address", bytes);
  }

  [[nodiscard]] bool is_direct(Address block) const {
    return block - heap_.base() >= heap_.extent();
  }

  void add(void* pointer, std::size_t bytes, Domain domain) {
    if (pointer == nullptr) return refuse(bytes);
    const Block block{reinterpret_cast<Address>(pointer), bytes, domain, next_tag_++, epoch_};
    if (!is_well_formed(block)) return;
    fill(block.start, bytes, block.tag);
    blocks_.push_back(block);
    live_bytes_ += bytes;
  }

  bool is_well_formed(const Block& block) {
    const void* const pointer = reinterpret_cast<const void*>(block.start);
    if (block.start % heap::kAlignment != 0) return fail("not aligned", pointer), false;
    if (!heap_.owns(pointer)) return fail("not owned", pointer), false;
    if (heap_.usable_size(pointer) < block.bytes) return fail("too short", pointer), false;
    return true;
  }

  bool is_intact(const Block& block) {
    if (is_filled(block.start, block.bytes, block.tag)) return true;
    fail("content changed", block.start);
    return false;
  }

  void note_freed(const Block& block) {
    freed_.insert(block.start);
    direct_notes_ += is_direct(block.start) ? 1 : 0;
  }
  void note_resize(const Block& block, const void* moved) {
    if (is_direct(block.start)) {
      // Resized by the kernel: freed as far as anybody who watches the old content can tell.
      perhaps_freed_.insert(block.start);
      ++direct_notes_;
    }
    if (moved != nullptr && moved != reinterpret_cast<void*>(block.start))
      freed_.insert(block.start);
  }

  [[nodiscard]] std::vector<Block> sorted() const {
    std::vector<Block> blocks = blocks_;
    std::sort(blocks.begin(), blocks.end(),
              [](const Block& a, const Block& b) { return a.start < b.start; });
    return blocks;
  }

  void check_enumeration() {
    std::vector<heap::LiveBlock> found;
    heap_.for_each_block([&](const heap::LiveBlock& block) { found.push_back(block); });
    std::sort(found.begin(), found.end(),
              [](const heap::LiveBlock& a, const heap::LiveBlock& b) { return a.start < b.start; });
    const std::vector<Block> expected = sorted();
    for (std::size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
      const Block& block = expected[i];
      if (found[i].start < block.start) return fail("enumerated but not live", found[i].start);
      if (found[i].start > block.start) return fail("live but not enumerated", block.start);
      if (found[i].domain != block.domain) return fail("enumerated in another domain", block.start);
      if (found[i].bytes != heap_.usable_size(reinterpret_cast<void*>(block.start))) {
        return fail("enumerated with another size", block.start);
      }
      if (i > 0 && found[i - 1].start + found[i - 1].bytes > block.start)
        return fail("overlap", block.start);
      if (!is_intact(block)) return;
    }
    if (found.size() != expected.size()) return fail("number of blocks enumerated", found.size());
    if (heap_.live_block_count() != expected.size())
      return fail("live_block_count", heap_.live_block_count());
  }

  struct Sums {
    std::size_t blocks = 0, bytes = 0, runs = 0, run_bytes = 0, direct = 0, direct_bytes = 0;
    std::vector<std::size_t> in_class = std::vector<std::size_t>(heap::kClassCount);
  };

  [[nodiscard]] Sums naive_sums(Domain domain) const {
    Sums sums;
    for (const Block& block : blocks_) {
      if (block.domain != domain) continue;
      const std::size_t usable = heap_.usable_size(reinterpret_cast<void*>(block.start));
      ++sums.blocks;
      sums.bytes += usable;
      if (is_direct(block.start)) {
        ++sums.direct;
        sums.direct_bytes += block.bytes;
      } else if (usable > heap::kMaxMediumBytes) {
        ++sums.runs;
        sums.run_bytes += block.bytes;
      } else {
        const bool small = usable <= heap::kMaxSmallBytes;
        ++sums.in_class[small ? heap::small_class_of(usable) : heap::medium_class_of(usable)];
      }
    }
    return sums;
  }

  void check_statistics() {
    const heap::Statistics statistics = heap_.statistics();
    for (unsigned d = 0; d < kDomainCount; ++d) {
      const heap::DomainStatistics& found = statistics.domains[d];
      const Sums expected = naive_sums(static_cast<Domain>(d));
      const bool same =
          found.live_blocks == expected.blocks && found.live_bytes == expected.bytes &&
          found.runs == expected.runs && found.run_bytes == expected.run_bytes &&
          found.direct_blocks == expected.direct && found.direct_bytes == expected.direct_bytes;
      if (!same) return fail("statistics of a domain", d);
      for (unsigned i = 0; i < heap::kClassCount; ++i) {
        if (found.classes[i].live_blocks != expected.in_class[i])
          return fail("statistics of a class", i);
      }
    }
    if (statistics.live_blocks() != blocks_.size())
      fail("statistics: live blocks", statistics.live_blocks());
  }

  // Blocks of different epochs share no page.
  void check_epochs() {
    const std::vector<Block> blocks = sorted();
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      const Block& before = blocks[i - 1];
      const Address last = before.start + std::max<std::size_t>(before.bytes, 1) - 1;
      const bool share = last / os::kPageBytes == blocks[i].start / os::kPageBytes;
      if (share && before.epoch != blocks[i].epoch)
        return fail("shares a page with another epoch", blocks[i].start);
    }
  }

  void check_log() {
    const std::unordered_set<Address> freed(freed_.begin(), freed_.end());
    for (const Address block : logged_live_) {
      const bool said = heap_.freed_since_log(reinterpret_cast<void*>(block));
      const bool was = freed.contains(block);
      if (was && !said) return fail("freed but not in the log", block);
      const bool exact = !perhaps_freed_.contains(block) &&
                         (direct_notes_ <= kExactDirectNotes || !is_direct(block));
      if (said && !was && exact) return fail("in the log but not freed", block);
    }
  }

  heap::Heap& heap_;
  Refusals refusals_;
  std::vector<Block> blocks_;
  std::string problem_;
  std::size_t live_bytes_ = 0;
  std::size_t refused_ = 0;
  unsigned epoch_ = 0;
  unsigned char next_tag_ = 1;

  bool log_is_open_ = false;
  std::vector<Address> logged_live_;
  std::unordered_set<Address> freed_;
  std::unordered_set<Address> perhaps_freed_;
  std::size_t direct_notes_ = 0;
};

}  // namespace hoop::testing
