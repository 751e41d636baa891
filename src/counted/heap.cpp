// SPDX-License-Identifier: Apache-2.0
// hoop::Heap: what the public header declares.
#include "hoop/heap.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "counted/candidates.h"
#include "counted/collection.h"
#include "counted/header.h"
#include "counted/state.h"
#include "heap/geometry.h"
#include "heap/heap.h"
#include "hoop/detail/core.h"
#include "hoop/object.h"
#include "hoop/ref.h"
#include "os/fatal.h"

namespace hoop {

using counted::Access;
using counted::has;
using counted::is_frozen;
using counted::set;
using counted::State;
using counted::state_of;
using counted::unset;

namespace {

// Its address tells threads apart.
thread_local constinit char this_thread = 0;

class Registry {
 public:
  // False: 65,535 heaps are in use.
  static bool add(State& state) {
    const std::lock_guard lock(mutex());
    for (std::size_t id = 1; id < std::size(detail::cores); ++id) {
      if (detail::cores[id] != nullptr) continue;
      detail::cores[id] = &state;
      state.id = static_cast<std::uint16_t>(id);
      return true;
    }
    return false;
  }
  // The heap of this thread that the object lies in; null if there is none.
  static State* find(const Object* object) {
    const std::lock_guard lock(mutex());
    for (detail::Core* const core : detail::cores) {
      auto* const state = static_cast<State*>(core);
      if (state != nullptr && state->owner == &this_thread && state->spans(object)) return state;
    }
    return nullptr;
  }
  static void remove(const State& state) {
    const std::lock_guard lock(mutex());
    detail::cores[state.id] = nullptr;
  }

 private:
  static std::mutex& mutex() {
    static std::mutex mutex;
    return mutex;
  }
};

heap::Options block_options(const HeapOptions& options) {
  heap::Options blocks;
  blocks.reservation_bytes = round_up(
      std::clamp<std::size_t>(options.reservation_bytes, 2 * kMiB, std::size_t{1} << 46), 2 * kMiB);
  return blocks;
}

}  // namespace

Heap::Heap(const HeapOptions& options) {
  auto state = std::make_unique<State>(*this);
  const heap::Options blocks = block_options(options);
  if (!state->blocks.init(blocks) ||
      !state->slots.init(state->blocks.base(), blocks.reservation_bytes) || !Registry::add(*state))
    throw std::bad_alloc();
  state->small = reinterpret_cast<detail::FreeList* const*>(
      state->blocks.current_slabs(heap::Domain::kObject));
  state->automatic = options.automatic;
  state->owner = &this_thread;
  state->reset_room();
  core_ = state.release();
}

Heap::~Heap() {
  State& state = state_of(*this);
  HOOP_CHECK(!state.collecting && !state.destroying && state.interludes == 0,
             "a heap was destroyed by one of its objects");
  state.callbacks.clear();
  unfreeze();
  collect();
  state.garbage.clear();
  state.error_handler = nullptr;
  state.pools.empty(state, state.blocks);
  state.face = nullptr;
  for_each_object(state, [&](const Object* /*object*/, std::size_t /*bytes*/) { ++state.orphans; });
  if (state.orphans == 0) counted::dispose(&state);
}

std::size_t Heap::collect(int generation) {
  return counted::collect(state_of(*this), std::clamp(generation, 0, kOldest));
}

bool Heap::collect_for(std::chrono::nanoseconds budget) {
  const auto nanoseconds = std::max<std::chrono::nanoseconds::rep>(0, budget.count());
  return counted::collect_for(state_of(*this), static_cast<Nanoseconds>(nanoseconds));
}

void Heap::enable_automatic() noexcept {
  state_of(*this).automatic = true;
  state_of(*this).reset_room();
}

void Heap::disable_automatic() noexcept {
  state_of(*this).automatic = false;
  state_of(*this).reset_room();
}

bool Heap::is_automatic() const noexcept { return state_of(*this).automatic; }

void Heap::set_thresholds(const Thresholds& thresholds) noexcept {
  state_of(*this).thresholds = thresholds;
  state_of(*this).reset_room();
}

Thresholds Heap::thresholds() const noexcept { return state_of(*this).thresholds; }

namespace {

// Candidates of one list become candidates of another: `change` their flags.
template <class F>
void move_candidates(State& state, unsigned from, F change) {
  counted::Candidates::List& list = state.candidates.list(from);
  while (!list.empty()) {
    const Object* const candidate = list.back();
    state.candidates.forget(candidate);
    change(candidate);
    if (!state.candidates.note(candidate)) state.lost_candidates = true;
  }
}

void freeze_object(const Object* object) { set(object, detail::kFrozen); }

void unfreeze_object(const Object* object) {
  unset(object, detail::kGeneration);
  set(object, kOldest);
}

}  // namespace

void Heap::freeze() {
  State& state = state_of(*this);
  for (unsigned number = 0; number <= kOldest; ++number)
    move_candidates(state, number, freeze_object);
  state.frozen = 0;
  for_each_object(state, [&](const Object* object, std::size_t /*bytes*/) {
    if (has(object, detail::kLeaf)) return;
    freeze_object(object);
    ++state.frozen;
  });
}

void Heap::unfreeze() {
  State& state = state_of(*this);
  move_candidates(state, counted::Candidates::kFrozenList, unfreeze_object);
  if (state.frozen == 0) return;
  for_each_object(state, [&](const Object* object, std::size_t /*bytes*/) {
    if (is_frozen(object)) unfreeze_object(object);
  });
  state.frozen = 0;
}

void Heap::make_immortal(const Object& object) noexcept { Access::count(&object) = INT32_MIN; }

std::shared_ptr<void> Heap::on_collection(CollectionCallback callback) {
  auto token = std::make_shared<CollectionCallback>(std::move(callback));
  state_of(*this).callbacks.push_back(token);
  return token;
}

void Heap::set_error_handler(std::function<void(const Error&)> handler) {
  state_of(*this).error_handler = std::move(handler);
}

std::vector<Error> Heap::errors() const { return state_of(*this).errors; }

std::vector<ref<Object>>& Heap::garbage() noexcept { return state_of(*this).garbage; }

HeapStats Heap::stats() const {
  const State& state = state_of(*this);
  HeapStats stats = state.stats;
  stats.candidates = const_cast<State&>(state).candidates.size();
  stats.frozen = state.frozen;
  return stats;
}

std::size_t Heap::trim() noexcept {
  State& state = state_of(*this);
  state.pools.empty(state, state.blocks);
  return state.blocks.trim();
}

void Heap::attach() noexcept {
  State& state = state_of(*this);
  HOOP_CHECK(state.owner == nullptr || state.owner == &this_thread,
             "Heap::attach() while another thread owns the heap; it has to call detach() first");
  state.owner = &this_thread;
}

void Heap::detach() noexcept { state_of(*this).owner = nullptr; }

Heap& Heap::of(const Object& object) noexcept {
  Heap* const heap = counted::state_around(&object).face;
  HOOP_CHECK(heap != nullptr, "an object was asked for its heap, which it has outlived");
  return *heap;
}

void* Heap::allocate(std::size_t bytes) { return detail::allocate_memory(core(), bytes); }

void Heap::deallocate(void* block) noexcept { detail::free_block(core(), block); }

// --- objects -------------------------------------------------------------------------

void Object::trace(Visitor& /*visitor*/) const {}

void Object::finalize() {}

void Object::clear() { counted::drop_references(this); }

const detail::Type& Object::hoop_type() const {
  os::fatal("an object that no heap made was asked for its type");
}

void* Object::hoop_destroy() noexcept {
  os::fatal("an object whose constructor did not return was released by its last reference");
}

}  // namespace hoop

namespace hoop::detail {

constinit Core* cores[1 << 16] = {};

void collect_automatically(Core& core) {
  counted::collect_automatically(static_cast<State&>(core));
}

void check_owner(std::uint16_t heap) noexcept {
  const auto* const state = static_cast<const State*>(cores[heap]);
  if (state == nullptr || state->owner == &this_thread) return;
  os::fatal(state->owner == nullptr
                ? "an object was used whose heap no thread owns; call Heap::attach() first"
                : "an object was used by a thread that does not own its heap");
}

}  // namespace hoop::detail

namespace hoop::counted {

namespace {

class Dropper final : public Visitor {
 public:
  Dropper() : Visitor(&nothing) { drops_ = true; }

 private:
  static const Object* nothing(Visitor& /*self*/, const Object* /*target*/) { return nullptr; }
};

}  // namespace

void drop_references(const Object* object) {
  Dropper dropper;
  object->trace(dropper);
}

void State::report_error(Error::Where where, const Object* object) noexcept {
  ++stats.errors;
  try {
    const Error error{where, object == nullptr ? std::string() : type_name(object),
                      std::current_exception()};
    if (error_handler) return error_handler(error);
    if (errors.size() == kMostErrors) errors.erase(errors.begin());
    errors.push_back(error);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the handler threw, or there is no memory
  }
}

void State::report_overcount(const Object* object) noexcept {
  try {
    throw std::logic_error("more references to an object of type " + type_name(object) +
                           " are named by trace() than there are: some type names what it does not "
                           "own, or names it twice");
  } catch (...) {
    report_error(Error::Where::kTrace, object);
  }
}

bool State::spans(const Object* object) const noexcept {
  if (blocks.spans(object)) return true;
  bool found = false;
  const Address address = address_of(object);
  blocks.for_each_direct_block([&](const heap::LiveBlock& block) {
    found |= address >= block.start && address < block.start + block.bytes;
  });
  return found;
}

State& state_around(const Object* object) noexcept {
  if (Access::heap(object) != 0) return state_of(object);
  const State* const state = Registry::find(object);
  HOOP_CHECK(state != nullptr, "an object that no heap made was asked for its heap");
  Access::heap(object) = state->id;
  return state_of(object);
}

void dispose(State* state) noexcept {
  Registry::remove(*state);
  delete state;
}

}  // namespace hoop::counted
