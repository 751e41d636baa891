// SPDX-License-Identifier: Apache-2.0
// All that a hoop::Heap is, behind its public face.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "counted/candidates.h"
#include "counted/header.h"
#include "counted/pools.h"
#include "counted/row_memory.h"
#include "counted/slot_table.h"
#include "counted/weak_table.h"
#include "heap/heap.h"
#include "hoop/detail/core.h"
#include "hoop/detail/made.h"
#include "hoop/heap.h"
#include "hoop/object.h"

namespace hoop::counted {

// Owned by its Heap, and after that by its objects: the last one takes it along. One thread at a
// time, as the heap.
struct State : detail::Core {
  explicit State(Heap& face) : face(&face), candidates(slots) {}
  ~State() { blocks.release(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  heap::Heap blocks;
  Heap* face;  // null: orphaned, its objects live on
  const void* owner = nullptr;
  std::size_t orphans = 0;  // objects that are left

  // Objects without references whose turn comes after the destructor that is running; linked
  // through their headers.
  const Object* pending = nullptr;
  bool destroying = false;
  unsigned interludes = 0;
  bool collecting = false;
  // Some candidate found no memory: a full collection has to look at everything.
  bool lost_candidates = false;

  SlotTable slots;
  Candidates candidates;
  WeakTable weak;
  Pools pools;
  RowMemory rows;

  bool automatic = true;
  Thresholds thresholds;
  std::int32_t young_since_middle = 0;
  std::int32_t middle_since_full = 0;
  std::size_t looked_at_last = 0;  // by the last full collection
  std::size_t frozen = 0;
  HeapStats stats;
  std::vector<ref<Object>> garbage;
  std::vector<std::weak_ptr<Heap::CollectionCallback>> callbacks;

  std::function<void(const Error&)> error_handler;
  std::vector<Error> errors;
  static constexpr std::size_t kMostErrors = 16;

  // Does the object lie in this heap?
  [[nodiscard]] bool spans(const Object* object) const noexcept;

  // REQUIRES: called from a catch block. Never throws.
  void report_error(Error::Where where, const Object* object) noexcept;
  // The object's type, or one that refers to it, names references that it does not own.
  void report_overcount(const Object* object) noexcept;
  void reset_room() noexcept {
    room = automatic && thresholds.candidates > 0 ? thresholds.candidates : kNeverCollect;
  }
  static constexpr std::int32_t kNeverCollect = INT32_MAX;
};

inline State& state_of(const Object* object) noexcept {
  return static_cast<State&>(*detail::cores[Access::heap(object)]);
}
// The same for an object that may be under construction, whose header does not say yet.
State& state_around(const Object* object) noexcept;
inline State& state_of(const Heap& heap) noexcept {
  return static_cast<State&>(Access::core(heap));
}

// In the midst of the end of an object, user code that is no destructor runs: what it lets go of
// ends at once, as elsewhere; what waits for that destructor goes on waiting.
class Interlude {
 public:
  explicit Interlude(State& state)
      : state_(state),
        destroying_(std::exchange(state.destroying, false)),
        pending_(std::exchange(state.pending, nullptr)) {
    ++state_.interludes;
  }
  ~Interlude() {
    --state_.interludes;
    state_.pending = pending_;
    state_.destroying = destroying_;
  }
  Interlude(const Interlude&) = delete;
  Interlude& operator=(const Interlude&) = delete;

 private:
  State& state_;
  bool destroying_;
  const Object* pending_;
};

// The object in a block of the heap, null if none is there (yet).
const Object* object_in(void* block) noexcept;

// Not on its way out.
inline bool is_alive(const Object* object) noexcept {
  return !has(object, detail::kDying | detail::kCondemned);
}

// visit(const Object*, bytes of its block) for every object, those on their way out among them.
// Nothing may be made or released meanwhile.
template <class F>
void for_each_object(const State& state, F&& visit) {
  state.blocks.for_each_block([&](const heap::LiveBlock& block) {
    if (block.domain != heap::Domain::kObject) return;
    if (const Object* const object = object_in(reinterpret_cast<void*>(block.start)))
      visit(object, block.bytes);
  });
}

// The weak references to an object whose life ends: all of them are cleared; those with a callback
// are returned, linked by `next`, with a use for the caller each. Null if there are none.
detail::WeakNode* clear_weak_references(State& state, const Object* object) noexcept;
// Ends an object whose last reference is the caller's. REQUIRES: no destructor is running.
[[gnu::noinline]] void end_with_all_that_follow(State& state, const Object* object) noexcept;
// Runs an object's finalizer, for the only time. REQUIRES: it has one that did not run, and a
// reference for the time being.
void finalize(State& state, const Object* object) noexcept;

// Calls, and gives up the uses.
void call_weak_callbacks(State& state, detail::WeakNode* first) noexcept;

// Object::clear(): every reference that trace() names.
void drop_references(const Object* object);

// The last reference is gone, or the last Heap: frees what is left.
void dispose(State* state) noexcept;

std::string type_name(const Object* object);

}  // namespace hoop::counted
