// SPDX-License-Identifier: Apache-2.0
// A heap of objects under random operations, held against a naive search: nothing that handles
// reach may end, nothing that is not referred to may stay, every destructor runs once.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hoop/hoop.h"

namespace hoop::testing {

class ObjectWorld;

// What an object does when it is finalized or destroyed, besides.
enum class Last : std::uint8_t {
  kNothing,
  kResurrect,     // itself, by a handle
  kLetNeighbour,  // gives a handle to what it refers to
  kMakeOther,
  kThrow,
  kCollect,
  kDropHandle,
  kCount,
};

class Thing : public Object {
 public:
  Thing(ObjectWorld& world, Last in_finalizer, Last in_destructor)
      : world_(world), in_finalizer_(in_finalizer), in_destructor_(in_destructor) {}
  ~Thing() override;
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;

  void trace(Visitor& visitor) const override { visitor(things, watched); }
  void finalize() override;

  std::vector<ref<Thing>> things;
  std::vector<weak<Thing>> watched;

 private:
  ObjectWorld& world_;
  Last in_finalizer_;
  Last in_destructor_;
  bool finalized_ = false;
};

class ObjectWorld {
 public:
  explicit ObjectWorld(std::size_t most_objects) : most_objects_(most_objects) {
    heap_.set_error_handler([this](const Error&) { ++errors_seen_; });
    heap_.set_thresholds({.candidates = 20, .young_per_middle = 2, .middle_per_full = 2});
  }
  ~ObjectWorld() {
    quiet_ = true;
    while (!handles_.empty()) drop_handle(0);
    watchers_.clear();
    heap_.unfreeze();
    for (int i = 0; i < 10 && heap_.collect() != 0; ++i) {
    }
    check(alive_.empty(), "objects are left at the end");
  }
  ObjectWorld(const ObjectWorld&) = delete;
  ObjectWorld& operator=(const ObjectWorld&) = delete;

  // Empty while all is well.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] Heap& heap() { return heap_; }
  [[nodiscard]] std::size_t size() const { return alive_.size(); }

  // --- operations ---

  void make(Last in_finalizer, Last in_destructor) {
    if (alive_.size() >= most_objects_) return;
    auto thing = heap_.make<Thing>(*this, in_finalizer, in_destructor);
    alive_.insert(thing.get());
    handles_.push_back(std::move(thing));
  }
  void link(std::size_t from, std::size_t to) {
    if (const auto [a, b] = pair(from, to); a && b && a->things.size() < 6) a->things.push_back(b);
  }
  void unlink(std::size_t from, std::size_t which) {
    const ref<Thing> a = any(from);
    if (!a || a->things.empty()) return;
    // A destructor may change the vector that its own reference went from.
    const ref<Thing> gone = std::exchange(a->things[which % a->things.size()], a->things.back());
    a->things.pop_back();
  }
  void drop_handle(std::size_t which) {
    if (handles_.empty()) return;
    std::swap(handles_[which % handles_.size()], handles_.back());
    const ref<Thing> gone = std::move(handles_.back());
    handles_.pop_back();
  }
  // A handle to something that another handle reaches in a few steps.
  void walk(std::size_t from, std::size_t turns) {
    ref<Thing> at = any(from);
    for (int step = 0; step < 3 && at && !at->things.empty(); ++step, turns /= 6)
      at = ref<Thing>(at->things[turns % at->things.size()]);
    if (at && handles_.size() < 2 * most_objects_) handles_.push_back(at);
  }
  void watch(std::size_t which, std::size_t by) {
    const auto [thing, watcher] = pair(which, by);
    if (!thing || watchers_.size() > most_objects_) return;
    Thing* const raw = thing.get();
    weak<Thing> reference(thing, [this, raw] { note_callback(raw); });
    if (by % 3 == 0 && watcher->watched.size() < 4) {
      watcher->watched.push_back(reference);
    } else {
      watchers_.push_back(std::move(reference));
    }
  }
  void forget_watcher(std::size_t which) {
    if (watchers_.empty()) return;
    std::swap(watchers_[which % watchers_.size()], watchers_.back());
    watchers_.pop_back();
  }
  void collect(int generation) {
    const bool is_complete = generation == kOldest && !frozen_ && depth_ == 0;
    heap_.collect(generation);
    if (is_complete && depth_ == 0 && heap_.stats().candidates == 0) check_all_reachable();
  }
  void collect_for(std::chrono::nanoseconds budget) { heap_.collect_for(budget); }
  void freeze(bool on) {
    if (on) {
      heap_.freeze();
    } else {
      heap_.unfreeze();
    }
    frozen_ = on;
  }
  void copy(std::size_t which) {
    const ref<Thing> thing = any(which);
    if (!thing) return;
    try {
      const auto copied = deep_copy(heap_, thing);
      check(false, "what is not Copyable was copied");
    } catch (const NotCopyable&) {
    }
  }

  // --- checks ---

  // Between operations: all counts are what references say, and no count is zero.
  void check_counts() {
    std::unordered_map<const Thing*, long> counts;
    for (const auto& handle : handles_) ++counts[handle.get()];
    for (const Thing* const thing : alive_)
      for (const auto& target : thing->things) ++counts[target.get()];
    for (Thing* const thing : alive_) {
      const long found = ref<Thing>(thing).use_count() - 1;
      check(found != 0, "an object that nothing refers to is alive");
      check(found == counts[thing], "a count is not the number of references");
    }
    for (const auto& watcher : watchers_)
      if (const ref<Thing> thing = watcher.lock()) check(is_alive(thing), "a weak reference lies");
  }

  // Called by things.
  void end(Thing* thing) {
    check(alive_.erase(thing) == 1, "a destructor ran twice");
    check(reached().count(thing) == 0, "an object that handles reach was destroyed");
  }
  void act(Last last, Thing* self) {
    if (quiet_ || ++depth_ > 3) {
      depth_ -= quiet_ ? 0 : 1;
      return;
    }
    try {
      act_once(last, self);
    } catch (...) {
      --depth_;
      throw;
    }
    --depth_;
  }

 private:
  void act_once(Last last, Thing* self) {
    switch (last) {
      case Last::kResurrect:
        if (self != nullptr) handles_.emplace_back(self);
        break;
      case Last::kLetNeighbour:
        if (self != nullptr && !self->things.empty()) handles_.push_back(self->things.front());
        break;
      case Last::kMakeOther:
        make(Last::kNothing, Last::kNothing);
        break;
      case Last::kThrow:
        if (self != nullptr) throw std::runtime_error("on purpose");
        break;
      case Last::kCollect:
        collect(kOldest);
        break;
      case Last::kDropHandle:
        drop_handle(0);
        break;
      default:
        break;
    }
  }

  void note_callback(const Thing* thing) {
    ++callbacks_;
    check(alive_.count(const_cast<Thing*>(thing)) == 1, "a callback came after the destructor");
  }
  ref<Thing> any(std::size_t which) {
    return handles_.empty() ? ref<Thing>() : handles_[which % handles_.size()];
  }
  std::pair<ref<Thing>, ref<Thing>> pair(std::size_t a, std::size_t b) { return {any(a), any(b)}; }
  [[nodiscard]] bool is_alive(const ref<Thing>& thing) const {
    return alive_.count(thing.get()) == 1;
  }
  [[nodiscard]] std::unordered_set<const Thing*> reached() const {
    std::unordered_set<const Thing*> reached;
    std::vector<const Thing*> queue;
    const auto reach = [&](const ref<Thing>& thing) {
      if (thing && reached.insert(thing.get()).second) queue.push_back(thing.get());
    };
    for (const auto& handle : handles_) reach(handle);
    while (!queue.empty()) {
      const Thing* const from = queue.back();
      queue.pop_back();
      for (const auto& thing : from->things) reach(thing);
    }
    return reached;
  }
  void check_all_reachable() {
    const auto live = reached();
    for (const Thing* const thing : alive_)
      check(live.count(thing) == 1, "garbage is left after a full collection");
  }
  void check(bool holds, const char* what) {
    if (!holds && problem_.empty()) problem_ = what;
  }

  Heap heap_;
  const std::size_t most_objects_;
  std::vector<ref<Thing>> handles_;
  std::vector<weak<Thing>> watchers_;
  std::unordered_set<Thing*> alive_;
  std::string problem_;
  std::size_t errors_seen_ = 0;
  std::size_t callbacks_ = 0;
  int depth_ = 0;
  bool frozen_ = false;
  bool quiet_ = false;
};

inline Thing::~Thing() {
  world_.end(this);
  things.clear();
  world_.act(in_destructor_, nullptr);
}

inline void Thing::finalize() {
  if (std::exchange(finalized_, true)) throw std::logic_error("finalized twice");
  world_.act(in_finalizer_, this);
}

// Chooses operations by numbers, random ones or a fuzzer's: below(bound).
template <class Numbers>
void step(ObjectWorld& world, Numbers& numbers) {
  const auto any = [&] { return static_cast<std::size_t>(numbers.below(1 << 12)); };
  const auto last = [&] {
    return numbers.below(4) != 0
               ? Last::kNothing
               : static_cast<Last>(numbers.below(static_cast<std::uint64_t>(Last::kCount)));
  };
  const std::uint64_t choice = numbers.below(100);
  if (choice < 22) return world.make(last(), last());
  if (choice < 50) return world.link(any(), any());
  if (choice < 58) return world.unlink(any(), any());
  if (choice < 80) return world.drop_handle(any());
  if (choice < 86) return world.walk(any(), any());
  if (choice < 90) return world.watch(any(), any());
  if (choice < 92) return world.forget_watcher(any());
  if (choice < 97) return world.collect(static_cast<int>(numbers.below(3)));
  if (choice < 98) return world.collect_for(std::chrono::microseconds(numbers.below(100)));
  if (choice < 99) return world.freeze(numbers.below(3) == 0);
  world.copy(any());
}

}  // namespace hoop::testing
