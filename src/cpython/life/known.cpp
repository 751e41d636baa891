// SPDX-License-Identifier: Apache-2.0
#include "cpython/life/known.h"

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/compat/gc_state.h"
#include "cpython/compat/object_layout.h"

namespace hoop::cpython::life {
namespace {

// Numbers in the table of free lists are larger by this.
constexpr std::uint32_t kUnknownDead = 1;

}  // namespace

// CPython notes it in the collector's header; the note outlives the untracking.
bool Objects::is_finalized(const Known& known) {
  constexpr std::uintptr_t kFinalized = 1;
  if (!known.is_in_heap || known.offset < kCollectorHeaderBytes) return false;
  return (reinterpret_cast<const ListNode*>(known.object)[-1].prev & kFinalized) != 0;
}

void Objects::next_step() {
  ++step_;
  deaths_.clear();
  given_.clear();
  fresh_ = passing_ = {};
}

void Objects::taken(const void* block, std::size_t bytes) {
  births_.put(address_of(block), step_);
  ++fresh_.count;
  fresh_.bytes += bytes;
}

void Objects::given(const void* block, std::size_t bytes) {
  const Address start = address_of(block);
  const bool is_fresh = births_.remove(start) == step_ && step_ != 0;
  Flow& flow = passing_;
  if (is_fresh) {
    --fresh_.count;
    fresh_.bytes -= bytes;
    ++flow.count;
    flow.bytes += bytes;
  }
  // Known ones first: an object that died before the program began may have left its mark where
  // another one's head is now.
  for (std::size_t offset = 0; offset <= kMaxObjectOffset; offset += kCollectorHeaderBytes) {
    const Number number = numbers_.find(start + offset);
    if (number == 0 || known_[number - 1].offset != offset) continue;
    kill(number, Memory::kGivenBack, bytes);
    given_.push({number, true, static_cast<std::uint32_t>(bytes)});
    return given_early(block);  // marks of those that lay there before
  }
  for (std::size_t offset = 0; offset <= kMaxObjectOffset; offset += kCollectorHeaderBytes) {
    if (const std::uint32_t dead = free_lists_.remove(start + offset))
      return after_death(dead - kUnknownDead, bytes);
  }
  const Number owner = storages_.remove(start);
  if (!is_fresh || owner != 0) given_.push({owner, false, static_cast<std::uint32_t>(bytes)});
}

// The block of an object that died before, in this step most often.
void Objects::after_death(Number number, std::size_t bytes) {
  given_.push({number, true, static_cast<std::uint32_t>(bytes)});
  for (std::size_t i = deaths_.size(); number != 0 && i-- != 0;) {
    if (deaths_[i].number != number) continue;
    deaths_[i].memory = Memory::kGivenBack;
    deaths_[i].bytes = static_cast<std::uint32_t>(bytes);
    return;
  }
}

void Objects::died(PyObject* object) {
  if (free_lists_.find(address_of(object)) > kUnknownDead) return;  // told before
  const Number number = numbers_.find(address_of(object));
  free_lists_.put(address_of(object), number + kUnknownDead);
  if (number != 0) kill(number, Memory::kFreeList, 0);
}

void Objects::given_early(const void* block) {
  for (std::size_t offset = 0; offset <= kMaxObjectOffset; offset += kCollectorHeaderBytes)
    free_lists_.remove(address_of(block) + offset);
}

void Objects::kill(Number number, Memory memory, std::size_t bytes) {
  Known& known = known_[number - 1];
  const bool finalized = is_finalized(known);
  deaths_.push({number, collection_, memory, finalized, static_cast<std::uint32_t>(bytes)});
  numbers_.remove(known.object);
  known.object = 0;
}

void Objects::forget_reused(Number number) { kill(number, Memory::kReused, 0); }

Number Objects::add(PyObject* object, Origin& origin) {
  const Address at = address_of(object);
  const std::size_t offset = object_offset_of(Py_TYPE(object));
  const void* const block = reinterpret_cast<const void*>(at - offset);
  Known known{};
  known.object = at;
  known.offset = static_cast<std::uint8_t>(offset);
  known.is_in_heap = process_heap.owns(block);
  known.generation = kUnknownGeneration;
  known.born = known.is_in_heap ? birth_of(block) : 0;
  if (!known.is_in_heap) {
    origin = Origin::kOutside;
  } else if (free_lists_.remove(at) != 0) {
    origin = Origin::kFreeList;
    known.is_from_free_list = true;
  } else {
    origin = known.born != 0 ? Origin::kTaken : Origin::kOlder;
  }
  if (!known_.push(known)) return 0;
  const auto number = static_cast<Number>(known_.size());
  if (!numbers_.put(at, number)) return 0;
  if (known.born == step_) claim_fresh(process_heap.usable_size(block));
  return number;
}

bool Objects::claim_storage(const void* block, Number owner) {
  const Address start = address_of(block);
  const Number before = storages_.find(start);
  if (before == owner) return false;
  const std::uint32_t born = births_.find(start);
  if (born == 0 && before == 0 && !process_heap.owns(block)) return false;
  storages_.put(start, owner);
  if (born == step_) claim_fresh(process_heap.usable_size(block));
  return born != 0;
}

}  // namespace hoop::cpython::life
