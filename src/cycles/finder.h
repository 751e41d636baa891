// SPDX-License-Identifier: Apache-2.0
// Finds the garbage cycles of an object graph.
//
// An object whose counted references all come from objects that are garbage is garbage. Known roots
// are marked first; of the rest, each reference that one object makes to another is set against the
// other's count (trial deletion: Christopher, "Reference count garbage collection", 1984; Lins,
// "Cyclic reference counting with lazy mark-scan", 1992; Bacon and Rajan, "Concurrent cycle
// collection in reference counted systems", ECOOP 2001). What keeps a count is referred to from
// outside; it and all it reaches are alive. Whatever is left is garbage.
//
// This holds for any set of objects: a reference from outside of the set is a root. A small set
// only finds less.
#pragma once

#include "base/units.h"
#include "cycles/host.h"
#include "cycles/prefetch_ring.h"
#include "cycles/tables.h"

namespace hoop::cycles {

enum class Reach {
  kAdded,    // the objects that were added, and no others
  kClosure,  // those, and all that is in scope and can be reached from them
};

// For graphs that lie in the cache, looking ahead costs more than it saves.
enum class Lookahead { kNone, kRing };

// Use: add() objects, mark_from() roots if some are known, find() once, ask, forget().
// Deterministic: the same graph, added in the same order, gives the same numbers and answers.
template <Host H, Lookahead kLookahead = Lookahead::kRing>
class Finder {
 public:
  Finder(H& host, Tables& tables) : host_(host), tables_(tables) {}

  // kNoIndex: no room. An object that is there already keeps its number.
  Index add(Address object) {
    const Index known = host_.index_of(object);
    return known != kNoIndex ? known : add_new(object);
  }
  // REQUIRES: not added before.
  Index add_new(Address object) {
    if (tables_.is_full()) [[unlikely]] {
      truncated_ = true;
      return kNoIndex;
    }
    const Index index = tables_.add(object, host_.count_of(object));
    host_.set_index(object, index);
    return index;
  }

  // This object, and all that was added and is reachable from it, is alive. To be called after all
  // add(), for each root; then finish_marking().
  void mark_from(Address root) { mark(host_.index_of(root)); }
  void finish_marking() { drain_marks(); }

  // After this every object is live or garbage. With kClosure the tables may have grown.
  void find(Reach reach) {
    set_against_counts(reach);
    mark_what_keeps_a_count();
    drain_marks();
  }

  [[nodiscard]] Index size() const { return tables_.size(); }
  [[nodiscard]] Address object(Index index) const { return tables_.object(index); }
  [[nodiscard]] bool is_garbage(Index index) const { return !tables_.is_live(index); }
  // The closure did not fit: what was found is garbage all the same, but there may be more.
  [[nodiscard]] bool is_truncated() const { return truncated_; }

  // Takes all numbers back from the host.
  void forget() {
    for (Index i = 0; i < tables_.size(); ++i) {
      prefetch_ahead(i);
      host_.set_index(tables_.object(i), kNoIndex);
    }
  }

  // For loops over the rows: row `index` is looked at now.
  void prefetch_ahead(Index index) {
    if (kLookahead == Lookahead::kRing && index + kAhead < tables_.size())
      host_.prefetch(tables_.object(index + kAhead));
  }

 private:
  static constexpr Index kAhead = 8;  // rows

  template <class F>
  void for_each_target(Address object, F& handle) {
    if constexpr (kLookahead == Lookahead::kNone) {
      host_.for_each_reference(object, handle);
    } else {
      host_.for_each_reference(object, [&](Address target) {
        host_.prefetch(target);
        ring_.push(target, handle);
      });
    }
  }
  template <class F>
  void flush(F& handle) {
    if constexpr (kLookahead == Lookahead::kRing) ring_.flush(handle);
  }

  // Not inlined: what is known already is to be quick.
  [[gnu::noinline]] void add_reached(Address target) {
    if (!host_.in_scope(target)) return;
    const Index index = add_new(target);
    if (index != kNoIndex) tables_.add_internal(index);
  }

  void set_against_counts(Reach reach) {
    const auto set_against = [this, reach](Address target) {
      const Index index = host_.index_of(target);
      if (index != kNoIndex) return tables_.add_internal(index);
      if (reach == Reach::kClosure) add_reached(target);
    };
    Index next = 0;
    do {
      for (; next < tables_.size(); ++next) {
        if (marked_ > 0 && tables_.is_live(next)) continue;
        prefetch_ahead(next);
        for_each_target(tables_.object(next), set_against);
      }
      flush(set_against);
    } while (next < tables_.size());
  }

  void mark_what_keeps_a_count() {
    for (Index i = 0; i < tables_.size(); ++i) {
      const std::uint32_t count = tables_.count(i);
      if (count == tables_.internal(i) || tables_.is_live(i)) continue;
      if (count < tables_.internal(i)) host_.note_overcount(tables_.object(i));
      mark(i);
    }
  }

  void mark(Index index) {
    if (index == kNoIndex || tables_.is_live(index)) return;
    tables_.set_live(index);
    tables_.scratch(marked_++) = index;
  }

  void drain_marks() {
    const auto mark_target = [&](Address target) { mark(host_.index_of(target)); };
    do {
      while (drained_ < marked_) {
        for_each_target(tables_.object(tables_.scratch(drained_++)), mark_target);
      }
      flush(mark_target);
    } while (drained_ < marked_);
  }

  H& host_;
  Tables& tables_;
  PrefetchRing ring_;
  Index marked_ = 0;   // length of the queue in the scratch column
  Index drained_ = 0;  // its head
  bool truncated_ = false;
};

}  // namespace hoop::cycles
