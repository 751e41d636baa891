// SPDX-License-Identifier: Apache-2.0
// Chooses operations on a heap and its model by numbers, random ones or a fuzzer's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "heap_model.h"
#include "os/clock.h"

namespace hoop::testing {

struct DriverOptions {
  std::size_t most_live_bytes = 32 * kMiB;
  // Trims, epochs and the log's opening are so many times rarer than ticks.
  std::uint64_t rarity = 200;
  // One in so many blocks is larger than a medium one.
  std::uint64_t large_one_in = 50;
};

// `Numbers` has below(bound), below bound, 0 at its end.
template <class Numbers>
class HeapDriver {
 public:
  HeapDriver(heap::Heap& heap, HeapModel& model, Numbers& numbers, DriverOptions options)
      : heap_(heap),
        model_(model),
        numbers_(numbers),
        options_(options),
        target_(options.most_live_bytes) {}

  void step() {
    const std::uint64_t choice = numbers_.below(100);
    if (choice < 2) return maintain();
    if (choice < 3) return burst();
    if (choice < 11 && model_.size() > 0) return model_.resize(any_block(), any_size());
    const bool grow = model_.live_bytes() < target_;
    if (choice < (grow ? 65u : 35u) && model_.live_bytes() < options_.most_live_bytes)
      return allocate();
    if (model_.size() > 0) model_.free(any_block());
  }

 private:
  std::size_t any_block() { return numbers_.below(model_.size()); }
  Domain any_domain() { return static_cast<Domain>(numbers_.below(kDomainCount)); }

  std::size_t any_size() {
    if (numbers_.below(options_.large_one_in) == 0) return large_size();
    if (numbers_.below(5) != 0) return numbers_.below(heap::kMaxSmallBytes + 1);
    return heap::kMaxSmallBytes + 1 +
           (numbers_.below(heap::kMaxMediumBytes - heap::kMaxSmallBytes) >> numbers_.below(6));
  }
  std::size_t large_size() {
    const std::uint64_t kind = numbers_.below(20);
    if (kind == 0) return heap::kMaxRunBytes + 1 + numbers_.below(3 * kMiB);
    if (kind < 4) return edge_size();
    return heap::kMaxMediumBytes + 1 +
           (numbers_.below(heap::kMaxRunBytes - heap::kMaxMediumBytes) >> numbers_.below(6));
  }
  // Around the borders between one way of allocating and the next.
  std::size_t edge_size() {
    constexpr std::size_t kEdges[] = {0,
                                      heap::kMaxSmallBytes,
                                      heap::kMaxMediumBytes,
                                      heap::kUnitBytes * 3,
                                      heap::kUnitBytes * 4,
                                      heap::kMaxRunBytes};
    return kEdges[numbers_.below(std::size(kEdges))] + numbers_.below(2);
  }

  void allocate() {
    const Domain domain = any_domain();
    const std::size_t bytes = any_size();
    if (numbers_.below(10) != 0) return model_.allocate(bytes, domain);
    const std::size_t count = 1 + numbers_.below(4);
    model_.allocate_zeroed(count, bytes / count, domain);
  }

  // Many blocks of a size, or many neighbours freed: slabs fill and pages fall idle.
  void burst() {
    std::size_t count = numbers_.below(1500);
    if (numbers_.below(2) == 0) {
      const Domain domain = any_domain();
      const std::size_t bytes = numbers_.below(numbers_.below(2) == 0 ? 130 : 5000);
      for (; count > 0 && model_.live_bytes() < options_.most_live_bytes; --count)
        model_.allocate(bytes, domain);
    } else {
      // The last of the list were mostly allocated one after the other.
      for (; count > 0 && model_.size() > 0; --count) model_.free(model_.size() - 1);
    }
  }

  void maintain() {
    const std::uint64_t choice = numbers_.below(8);
    if (choice < 4) return tick();
    if (choice == 4) target_ = numbers_.below(options_.most_live_bytes) + 1;
    if (numbers_.below(options_.rarity) != 0) return;
    if (choice == 5) heap_.trim();
    if (choice == 6) model_.epoch();
    if (choice == 7) toggle_log();
  }
  void tick() {
    now_ += numbers_.below(300) * kMillisecond;
    heap_.tick(now_);
  }
  void toggle_log() {
    if (heap_.log_is_open()) {
      model_.close_log();
    } else {
      model_.open_log();
    }
  }

  heap::Heap& heap_;
  HeapModel& model_;
  Numbers& numbers_;
  DriverOptions options_;
  std::size_t target_;  // of live bytes: below it the heap rather grows
  Nanoseconds now_ = os::monotonic_now();
};

// Ticks come from the driver only: with those of the heap's own clock no run could be repeated.
inline void without_own_ticks(heap::Heap& heap) {
  heap.set_beat([](heap::Heap&) {}, heap::Heap::kSlowCallsPerBeat);
}

}  // namespace hoop::testing
