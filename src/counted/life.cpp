// SPDX-License-Identifier: Apache-2.0
// From memory to an object, and back.
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "base/units.h"
#include "counted/collection.h"
#include "counted/header.h"
#include "counted/state.h"
#include "counted/weak_table.h"
#include "heap/geometry.h"
#include "heap/heap.h"
#include "hoop/detail/core.h"
#include "hoop/detail/made.h"
#include "hoop/heap.h"
#include "hoop/object.h"
#include "hoop/weak.h"
#include "os/fatal.h"

namespace hoop::counted {

namespace {

// An object that waits for its end keeps the link to the next one where its count and its heap
// were:
//
//   8                14     16
//   | address of next | flags |      47 bits are all that an address of the user's half takes
class PendingLink {
 public:
  static void set(const Object* object, const Object* next) noexcept {
    const std::uint64_t flags = Access::flags(object) | detail::kDying;
    store(object, reinterpret_cast<std::uintptr_t>(next) | flags << kFlagsShift);
  }
  // Undoes set(): count 1, the heap's number.
  static const Object* take(const Object* object, std::uint16_t heap) noexcept {
    const std::uint64_t header = load(object);
    const std::uint64_t flags = header >> kFlagsShift & ~std::uint64_t{detail::kDying};
    store(object, 1 | std::uint64_t{heap} << kHeapShift | flags << kFlagsShift);
    return object_at(header & ((std::uint64_t{1} << kFlagsShift) - 1));
  }

 private:
  static constexpr int kHeapShift = 32;
  static constexpr int kFlagsShift = 48;

  static std::uint64_t load(const Object* object) noexcept {
    std::uint64_t header = 0;
    std::memcpy(&header, &Access::count(object), sizeof header);
    return header;
  }
  static void store(const Object* object, std::uint64_t header) noexcept {
    std::memcpy(&Access::count(object), &header, sizeof header);
  }
};
static_assert(std::endian::native == std::endian::little, "the header's halves are in this order");

void push_pending(State& state, const Object* object) noexcept {
  PendingLink::set(object, state.pending);
  state.pending = object;
}

[[gnu::noinline]] void push_candidate(State& state, const Object* object) noexcept {
  state.candidates.forget(object);
  push_pending(state, object);
}

const Object* pop_pending(State& state) noexcept {
  const Object* const object = state.pending;
  state.pending = PendingLink::take(object, state.id);
  return object;
}

// Calls what comes before a destructor. A chain of finalizers that let go of each other's objects
// must not take up the stack: from some depth on, what they let go of waits.
template <class F>
void call_out(State& state, F&& call) {
  constexpr unsigned kDeepest = 50;
  if (state.interludes >= kDeepest) return call();
  const Interlude interlude(state);
  call();
}

// All that has to be done before a destructor. False: the finalizer made the object live again.
[[gnu::noinline]] bool prepare_end_slow(State& state, const Object* object) noexcept {
  if (has(object, detail::kFinalizer)) {
    call_out(state, [&] { finalize(state, object); });
    if (Access::count(object) != 1) {
      Access::release(object);
      return false;
    }
  }
  if (has(object, detail::kBuffered)) state.candidates.forget(object);
  if (has(object, detail::kWeak)) {
    WeakNode* const first = clear_weak_references(state, object);
    if (first != nullptr) call_out(state, [&] { call_weak_callbacks(state, first); });
  }
  return true;
}

// `block` is null when it went to a pool.
[[gnu::noinline]] void free_object_block_slow(State& state, Address object, void* block) noexcept {
  if (block == nullptr) return;
  if (state.slots.is_outside(object)) state.slots.forget_outside(object);
  state.blocks.free(block);
}

// REQUIRES: count 1, the reference being the caller's. In the destructor it still is 1: references
// that it makes and drops do not end the object a second time. False: it lives on.
bool end(State& state, const Object* object) noexcept {
  if (has(object, detail::kEndsSlowly)) [[unlikely]] {
    if (!prepare_end_slow(state, object)) return false;
  }
  set(object, detail::kCondemned);
  const Address address = address_of(object);
  void* const block = Access::end(object);
  if (!state.blocks.free_fast(block)) [[unlikely]]
    free_object_block_slow(state, address, block);
  return true;
}

// The heap is gone, and now so many of its last objects. Those that end around this call are still
// among the orphans.
[[gnu::noinline]] void count_out_orphans(State& state, std::size_t ended) noexcept {
  state.orphans -= ended;
  if (state.orphans == 0) dispose(&state);
}

void finish_ending(State& state, std::size_t ended) noexcept {
  state.destroying = false;
  if (state.face == nullptr) [[unlikely]]
    count_out_orphans(state, ended);
}

// REQUIRES: something is pending.
[[gnu::noinline]] void end_pending(State& state, std::size_t ended) noexcept {
  do {
    ended += end(state, pop_pending(state)) ? 1 : 0;
  } while (state.pending != nullptr);
  finish_ending(state, ended);
}

}  // namespace

// The first destructor that runs ends what later ones let go of, one after the other: the object
// whose reference went last comes first, so that members end in the order of their declaration,
// each with all that hangs on it.
void end_with_all_that_follow(State& state, const Object* object) noexcept {
  state.destroying = true;
  const std::size_t ended = end(state, object) ? 1 : 0;
  if (state.pending != nullptr) return end_pending(state, ended);
  finish_ending(state, ended);
}

void finalize(State& state, const Object* object) noexcept {
  unset(object, detail::kFinalizer);
  try {
    const_cast<Object*>(object)->finalize();
  } catch (...) {
    state.report_error(Error::Where::kFinalizer, object);
  }
}

WeakNode* clear_weak_references(State& state, const Object* object) noexcept {
  WeakNode* node = state.weak.find(object);
  state.weak.erase(object);
  unset(object, detail::kWeak);
  WeakNode* first = nullptr;
  WeakNode** last = &first;
  while (node != nullptr) {
    WeakNode* const next = std::exchange(node->next, nullptr);
    node->target = nullptr;
    node->previous = nullptr;
    if (node->callback != nullptr) {
      ++node->uses;
      *last = node;
      last = &node->next;
    }
    node = next;
  }
  return first;
}

void call_weak_callbacks(State& state, WeakNode* first) noexcept {
  while (first != nullptr) {
    WeakNode* const node = first;
    first = std::exchange(node->next, nullptr);
    try {
      node->callback();
    } catch (...) {
      state.report_error(Error::Where::kWeakCallback, nullptr);
    }
    detail::release(node);
  }
}

const Object* object_in(void* block) noexcept {
  const std::uintptr_t first = *static_cast<const std::uintptr_t*>(block);
  if (first == 0 || (first & detail::kPooledTag) != 0) return nullptr;
  const Address start = reinterpret_cast<Address>(block);
  const bool has_prefix = (first & 1) != 0;
  const Object* const object =
      object_at(has_prefix ? start + sizeof(detail::Prefix) + (first >> 1) : start);
  return has(object, detail::kUnderConstruction) ? nullptr : object;
}

}  // namespace hoop::counted

namespace hoop::detail {

using counted::State;

void destroy(const Object* object) noexcept {
  if (Access::heap(object) == 0) [[unlikely]]
    os::fatal("an object that no heap made, or not yet, was released by its last reference");
  State& state = counted::state_of(object);
  if (!state.destroying) return counted::end_with_all_that_follow(state, object);
  if (counted::has(object, kBuffered)) [[unlikely]]
    return counted::push_candidate(state, object);
  counted::push_pending(state, object);
}

void note_candidate(const Object* object) noexcept {
  State& state = counted::state_of(object);
  if (state.candidates.note(object)) [[likely]] {
    if (state.room >= 0) --state.room;
  } else {
    state.lost_candidates = true;
  }
}

void* allocate_slow(Core& core, std::size_t bytes) {
  auto& state = static_cast<State&>(core);
  void* block = state.blocks.allocate(bytes, heap::Domain::kObject);
  if (block != nullptr) [[likely]]
    return block;
  counted::collect(state, kOldest);
  block = state.blocks.allocate(bytes, heap::Domain::kObject);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void* allocate_memory(Core& core, std::size_t bytes) {
  void* const block = static_cast<State&>(core).blocks.allocate(bytes, heap::Domain::kMemory);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void free_block(Core& core, void* block) noexcept { static_cast<State&>(core).blocks.free(block); }

unsigned new_pool_id() noexcept {
  static constinit std::atomic<unsigned> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

void add_pool_slow(Core& core, unsigned id) noexcept {
  static_cast<State&>(core).pools.add(core, id);
}

void end_header_slow(const Object* object) noexcept {
  if (Access::count(object) != 1)
    os::fatal("a destructor kept a reference to its object; that is what finalize() is for");
  // Made by the destructor.
  State& state = counted::state_of(object);
  counted::call_weak_callbacks(state, counted::clear_weak_references(state, object));
}

}  // namespace hoop::detail
