// SPDX-License-Identifier: Apache-2.0
#include "counted/collection.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/units.h"
#include "counted/candidates.h"
#include "counted/header.h"
#include "counted/object_graph.h"
#include "counted/state.h"
#include "counted/weak_table.h"
#include "cycles/finder.h"
#include "cycles/host.h"
#include "hoop/heap.h"
#include "hoop/object.h"
#include "hoop/weak.h"
#include "os/clock.h"

namespace hoop::counted {

namespace {

constexpr std::size_t kSmallestObject = 32;  // bytes of its block

// More objects than that cannot be in the heap.
std::size_t most_objects_in(const State& state) {
  return state.blocks.held_bytes() / kSmallestObject;
}

}  // namespace

Collection::Collection(State& state, int generation)
    : state_(state),
      interlude_(state),
      generation_(static_cast<unsigned>(std::clamp(generation, 0, kOldest))),
      graph_(state, static_cast<int>(generation_)),
      tables_(state.rows.tables(most_objects_in(state))),
      finder_(graph_, tables_),
      begin_(os::monotonic_now()) {
  state_.collecting = true;
}

Collection::~Collection() {
  state_.rows.give_back_after(looked_at_);
  state_.collecting = false;
}

void Collection::run() {
  take_all_candidates();
  if (generation_ == kOldest && state_.lost_candidates) add_everything();
  run_from_rows();
}

void Collection::run_some(std::size_t most_candidates, std::size_t most_objects) {
  tables_.set_limit(static_cast<Index>(std::min<std::size_t>(most_objects, cycles::kNoIndex - 1)));
  take_candidates(most_candidates);
  run_from_rows();
}

void Collection::run_from_rows() {
  if (analyse()) {
    sort();
    handle_weak_references();
    if (call_finalizers()) {
      look_again();
      clear_new_weak_references();
    }
    end_garbage();
  }
  account();
}

// --- 1 and 2: looking --------------------------------------------------------------

void Collection::take_all_candidates() {
  for (unsigned number = 0; number <= generation_; ++number) {
    Candidates::List& list = state_.candidates.list(number);
    for (const Object* const candidate : list) {
      set(candidate, detail::kNumbered);
      add(candidate);
    }
    list.clear();
  }
  candidates_ = finder_.size();
}

void Collection::take_candidates(std::size_t most) {
  for (unsigned number = 0; number <= kOldest; ++number) {
    const Candidates::List& list = state_.candidates.list(number);
    for (; most > 0 && !list.empty(); --most) {
      const Object* const candidate = list.back();
      state_.candidates.forget(candidate);
      add(candidate);
    }
  }
  candidates_ = finder_.size();
}

void Collection::add(const Object* candidate) {
  if (finder_.add_new(address_of(candidate)) == cycles::kNoIndex) [[unlikely]] {
    unset(candidate, detail::kNumbered | detail::kBuffered);
    state_.lost_candidates = true;
  }
}

void Collection::add_everything() {
  state_.lost_candidates = false;
  for_each_object(state_, [&](const Object* object, std::size_t /*bytes*/) {
    const Address address = address_of(object);
    if (graph_.in_scope(address) && finder_.add(address) == cycles::kNoIndex)
      state_.lost_candidates = true;
  });
}

// False: some trace() threw. All is as it was.
bool Collection::analyse() {
  try {
    finder_.find(cycles::Reach::kClosure);
    looked_at_ = finder_.size();
    return true;
  } catch (...) {
    state_.report_error(Error::Where::kTrace, nullptr);
  }
  finder_.forget();
  for (Index i = 0; i < finder_.size(); ++i) keep(object_at(finder_.object(i)), true);
  tables_.clear();
  return false;
}

// Live objects go their way; garbage stays in the tables, held by one reference each.
void Collection::sort() {
  tables_.keep_objects([&](Index i) {
    finder_.prefetch_ahead(i);
    const Object* const object = object_at(finder_.object(i));
    const unsigned flags = Access::flags(object) & ~unsigned{detail::kNumbered | detail::kBuffered};
    if (finder_.is_garbage(i)) {
      Access::flags(object) = static_cast<Flags>(flags | detail::kCondemned);
      garbage_flags_ |= flags;
      Access::add(object);
      return true;
    }
    Access::flags(object) = static_cast<Flags>(flags);
    // What a smaller collection found alive may be garbage to a larger one.
    keep(object, i < candidates_ && (generation_ < kOldest || finder_.is_truncated()));
    return false;
  });
}

// A live object grows older. `again`: it stays a candidate.
void Collection::keep(const Object* object, bool again) {
  if (generation_of(object) < kOldest) {
    unset(object, detail::kGeneration);
    set(object, std::min<unsigned>(generation_ + 1, kOldest));
  }
  if (!again) return;
  if (!state_.candidates.note(object)) {
    state_.lost_candidates = true;
  } else if (finder_.is_truncated()) {
    state_.candidates.move_to_front(object);  // run_some() takes from the back
  }
}

// --- 3: weak references --------------------------------------------------------------

void Collection::handle_weak_references() {
  if ((garbage_flags_ & detail::kWeak) == 0) return;
  WeakNode* first = nullptr;
  WeakNode** last = &first;
  for (Index i = 0; i < tables_.size(); ++i) {
    const Object* const object = object_at(tables_.object(i));
    if (!has(object, detail::kWeak)) continue;
    *last = clear_weak_references(state_, object);
    for (; *last != nullptr; last = &(*last)->next) (*last)->seen = 1;  // the use that is ours
  }
  if (first == nullptr) return;
  count_uses_by_garbage();
  while (first != nullptr) {
    WeakNode* const node = first;
    first = std::exchange(node->next, nullptr);
    // A weak reference that is garbage itself goes without a call.
    if (node->seen >= node->uses) {
      detail::release(node);
    } else {
      call_weak_callbacks(state_, node);
    }
  }
}

void Collection::count_uses_by_garbage() {
  try {
    for (Index i = 0; i < tables_.size(); ++i) {
      for_each_weak_reference(object_at(tables_.object(i)), [](WeakNode* node) { ++node->seen; });
    }
  } catch (...) {
    state_.report_error(Error::Where::kTrace, nullptr);
  }
}

// --- 4 and 5: finalizers -------------------------------------------------------------

// True: there were some.
bool Collection::call_finalizers() {
  if ((garbage_flags_ & detail::kFinalizer) == 0) return false;
  for (Index i = 0; i < tables_.size(); ++i) {
    const Object* const object = object_at(tables_.object(i));
    if (has(object, detail::kFinalizer)) finalize(state_, object);
  }
  return true;
}

// What can be reached from outside again, and what it reaches, lives on.
void Collection::look_again() {
  ObjectGraph graph(state_, static_cast<int>(generation_), ObjectGraph::Holds::kOneEach);
  cycles::Finder<ObjectGraph> finder(graph, tables_);
  const Index rows = tables_.size();
  tables_.clear();
  for (Index i = 0; i < rows; ++i) finder.add_new(tables_.object(i));
  bool is_known = true;
  try {
    finder.find(cycles::Reach::kAdded);
  } catch (...) {  // what cannot be known to be garbage is none
    state_.report_error(Error::Where::kTrace, nullptr);
    is_known = false;
  }
  finder.forget();
  const auto is_garbage = [&](Index i) { return is_known && finder.is_garbage(i); };
  for (Index i = 0; i < rows; ++i) {
    if (!is_garbage(i)) let_live(object_at(tables_.object(i)));
  }
  tables_.keep_objects(is_garbage);
}

void Collection::let_live(const Object* object) {
  unset(object, detail::kCondemned);
  keep(object, false);
  Access::release(object);
  ++resurrected_;
}

// Those that finalizers made. They are not called: nobody may come to see what is cleared next.
void Collection::clear_new_weak_references() {
  for (Index i = 0; i < tables_.size(); ++i) {
    const Object* const object = object_at(tables_.object(i));
    if (!has(object, detail::kWeak)) continue;
    WeakNode* node = clear_weak_references(state_, object);
    while (node != nullptr)
      detail::release(std::exchange(node, std::exchange(node->next, nullptr)));
  }
}

// --- 6: the end ----------------------------------------------------------------------

void Collection::end_garbage() {
  collected_ = tables_.size();
  tables_.keep_objects([&](Index i) { return !end_or_clear(object_at(tables_.object(i))); });
  // Those that were cleared first end now: the others let go of them.
  tables_.keep_objects([&](Index i) {
    const Object* const object = object_at(tables_.object(i));
    if (Access::count(object) != 1) return true;
    end_with_all_that_follow(state_, object);
    return false;
  });
  for (Index i = 0; i < tables_.size(); ++i) end_leftover(object_at(tables_.object(i)));
}

// True: it is gone. False: others still refer to it, but it to nobody.
bool Collection::end_or_clear(const Object* object) {
  if (Access::count(object) > 1) {
    try {
      const_cast<Object*>(object)->clear();
    } catch (...) {
      state_.report_error(Error::Where::kClear, object);
    }
  }
  if (Access::count(object) != 1) return false;
  end_with_all_that_follow(state_, object);
  return true;
}

// Someone still refers to it: a destructor took a reference, or clear() of some object kept one.
void Collection::end_leftover(const Object* object) {
  unset(object, detail::kCondemned);
  bool refers = false;
  if (Access::count(object) != 1) {
    --collected_;
    try {
      for_each_reference(object, [&](const Object* /*target*/) { refers = true; });
      if (refers) state_.garbage.emplace_back(const_cast<Object*>(object));
    } catch (...) {
      state_.report_error(Error::Where::kTrace, object);
    }
  }
  uncollectable_ += refers ? 1 : 0;
  Access::release(object);
}

void Collection::account() {
  GenerationStats& stats = state_.stats.generations[generation_];
  const std::chrono::nanoseconds time(os::monotonic_now() - begin_);
  ++stats.collections;
  stats.candidates += candidates_;
  stats.looked_at += looked_at_;
  stats.collected += collected_;
  stats.resurrected += resurrected_;
  stats.uncollectable += uncollectable_;
  stats.time += time;
  stats.longest = std::max(stats.longest, time);
  if (graph_.overcounted() != nullptr) state_.report_overcount(graph_.overcounted());
}

// --- what programs call --------------------------------------------------------------

namespace {

void tell(State& state, const CollectionInfo& info) noexcept {
  // A callback may come or go meanwhile.
  for (std::size_t i = 0; i < state.callbacks.size(); ++i) {
    const std::shared_ptr<Heap::CollectionCallback> callback = state.callbacks[i].lock();
    if (callback == nullptr) continue;
    try {
      (*callback)(info);
    } catch (...) {
      state.report_error(Error::Where::kCollectionCallback, nullptr);
    }
  }
  std::erase_if(state.callbacks, [](const auto& callback) { return callback.expired(); });
}

}  // namespace

std::size_t collect(State& state, int generation) noexcept {
  if (state.collecting) return 0;
  tell(state, {CollectionInfo::Phase::kStart, generation});
  if (state.collecting) return 0;
  CollectionInfo done{CollectionInfo::Phase::kStop, generation};
  {
    Collection collection(state, generation);
    collection.run();
    done.collected = collection.collected();
    done.uncollectable = collection.uncollectable();
    if (generation == kOldest) state.looked_at_last = collection.looked_at();
  }
  if (generation == kOldest) {
    state.pools.empty(state, state.blocks);
    state.blocks.tick(os::monotonic_now());
  }
  state.reset_room();
  tell(state, done);
  return done.collected;
}

std::size_t collect_automatically(State& state) noexcept {
  state.reset_room();
  if (state.room == State::kNeverCollect) return 0;
  if (++state.young_since_middle <= state.thresholds.young_per_middle) return collect(state, 0);
  state.young_since_middle = 0;
  // A full collection pays when there is a quarter more to look at than it found last time.
  const std::size_t old = state.candidates.size() - state.candidates.list(0).size();
  if (++state.middle_since_full <= state.thresholds.middle_per_full ||
      4 * old < state.looked_at_last)
    return collect(state, 1);
  state.middle_since_full = 0;
  return collect(state, kOldest);
}

bool collect_for(State& state, Nanoseconds budget) noexcept {
  constexpr std::size_t kCandidatesAtATime = 256;
  constexpr std::size_t kFewestObjects = 1024;
  constexpr Nanoseconds kPerObject = 50;
  if (state.collecting) return false;
  const Nanoseconds end = os::monotonic_now() + budget;
  for (std::size_t left = state.candidates.size(); left > 0;) {
    const Nanoseconds now = os::monotonic_now();
    if (now >= end) return false;
    const std::size_t some = std::min(left, kCandidatesAtATime);
    Collection collection(state, kOldest);
    collection.run_some(some, std::max<std::size_t>(kFewestObjects, (end - now) / kPerObject));
    left -= some;
  }
  return state.candidates.size() == 0;
}

}  // namespace hoop::counted
