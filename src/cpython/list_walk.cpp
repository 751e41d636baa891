// SPDX-License-Identifier: Apache-2.0
#include "cpython/list_walk.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/units.h"
#include "cpython/compat/gc_state.h"
#include "cpython/compat/object_layout.h"
#include "cycles/object_map.h"
#include "heap/heap.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kMaxSegments = 512;
constexpr std::size_t kWalkers = 24;  // at the same time

Address address_of(ListNode* node) { return reinterpret_cast<Address>(object_of(node)); }

// A part of a list: the nodes from `start` up to, and without, `end`.
struct Segment {
  ListNode* start = nullptr;
  ListNode* end = nullptr;
  bool is_proven = false;
};

class ListWalk {
 public:
  ListWalk(const heap::Heap& heap, cycles::ObjectMap& map) : heap_(heap), map_(map) {}

  std::size_t run(const GcState& state) {
    find_starts();
    walk_segments();
    for (int i = 0; i < kGenerationCount; ++i) follow(&state.generations[i].head);
    take_back_unproven();
    return count_;
  }

 private:
  // Memory of the heap can be read, whatever is in it.
  [[nodiscard]] bool is_in_heap(const ListNode* node) const {
    return heap_.spans(node) && reinterpret_cast<Address>(node) % alignof(ListNode) == 0;
  }
  // A node of some ring of nodes.
  [[nodiscard]] bool is_linked(const ListNode* node) const {
    return node->next != 0 && is_in_heap(node->after()) && is_in_heap(node->before()) &&
           node->after()->before() == node && node->before()->after() == node;
  }

  // Objects from all over the heap: one from each of so many chunks.
  void find_starts() {
    const unsigned chunks = heap_.chunk_count();
    const auto wanted = std::min<std::size_t>(kMaxSegments, std::size_t{chunks} * 8);
    for (std::size_t i = 0; i < wanted; ++i) {
      ListNode* const node = find_near(heap_.base() + heap_.extent() / wanted * i);
      if (node != nullptr && map_.add(address_of(node))) segments_[segment_count_++].start = node;
    }
    std::sort(segments_.begin(), segments_.begin() + segment_count_,
              [](const Segment& a, const Segment& b) { return a.start < b.start; });
  }
  ListNode* find_near(Address address) const {
    constexpr std::size_t kLooksAt = 64 * kKiB;
    const Address begin = round_up(address, kCollectorHeaderBytes);
    const Address end = std::min(begin + kLooksAt, heap_.base() + heap_.extent());
    for (Address at = begin; at + sizeof(ListNode) < end; at += kCollectorHeaderBytes) {
      auto* const node = reinterpret_cast<ListNode*>(at);
      if (is_linked(node)) return node;
    }
    return nullptr;
  }

  void walk_segments() {
    std::array<Segment*, kWalkers> walking;
    std::array<ListNode*, kWalkers> previous;
    std::size_t next = 0;
    std::size_t active = 0;
    const auto begin_next = [&](std::size_t slot) {
      walking[slot] = &segments_[next++];
      previous[slot] = walking[slot]->start;
      walking[slot]->end = previous[slot]->after();
    };
    while (active < kWalkers && next < segment_count_) begin_next(active++);
    while (active > 0) {
      for (std::size_t i = 0; i < active; ++i) {
        if (step(*walking[i], previous[i])) continue;
        if (next < segment_count_) {
          begin_next(i);
        } else {
          --active;
          walking[i] = walking[active];
          previous[i] = previous[active];
        }
      }
    }
  }
  // One node further; false at the segment's end. A node that does not link back, or is not in the
  // heap, is not entered before a list is seen to lead to it.
  bool step(Segment& segment, ListNode*& previous) {
    ListNode* const node = segment.end;
    if (!is_in_heap(node) || node->before() != previous || !map_.add(address_of(node)))
      return false;
    previous = node;
    segment.end = node->after();
    __builtin_prefetch(segment.end);
    map_.prefetch(address_of(segment.end));
    ++entered_;
    return true;
  }

  // From a head all around, by segments where they are.
  void follow(ListNode* head) {
    ListNode* node = head->after();
    while (node != head) {
      Segment* const segment = segment_at(node);
      if (segment != nullptr && !segment->is_proven) {
        segment->is_proven = true;
        node = segment->end;
        continue;
      }
      if (map_.add(address_of(node))) ++entered_;
      node = node->after();
    }
  }
  Segment* segment_at(const ListNode* node) {
    const auto end = segments_.begin() + segment_count_;
    const auto found = std::lower_bound(
        segments_.begin(), end, node,
        [](const Segment& segment, const ListNode* at) { return segment.start < at; });
    return found != end && found->start == node ? &*found : nullptr;
  }

  // Frozen objects, and rings that are none of the collector's.
  void take_back_unproven() {
    count_ = entered_ + segment_count_;
    for (std::size_t i = 0; i < segment_count_; ++i) {
      if (segments_[i].is_proven) continue;
      for (ListNode* node = segments_[i].start; node != segments_[i].end; node = node->after()) {
        map_.remove(address_of(node));
        --count_;
      }
    }
  }

  const heap::Heap& heap_;
  cycles::ObjectMap& map_;
  std::array<Segment, kMaxSegments> segments_{};
  std::size_t segment_count_ = 0;
  std::size_t entered_ = 0;  // besides the starts
  std::size_t count_ = 0;
};

}  // namespace

std::size_t walk_generations(const heap::Heap& heap, const GcState& state, cycles::ObjectMap& map) {
  return ListWalk(heap, map).run(state);
}

}  // namespace hoop::cpython
