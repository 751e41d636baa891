// SPDX-License-Identifier: Apache-2.0
// One search for garbage among Python's objects, in a copy of the process or in the process itself.
#pragma once

#include <Python.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/compat/gc_state.h"
#include "heap/heap.h"

namespace hoop::cpython {

// An object that looks like garbage, in 8 bytes: objects are 16-byte aligned.
class Candidate {
 public:
  Candidate() = default;
  Candidate(Address object, bool begins_component, bool has_pre_header)
      : word_(object | (begins_component ? kBeginsComponent : 0) |
              (has_pre_header ? kHasPreHeader : 0)) {}

  [[nodiscard]] Address object() const { return word_ & ~kFlags; }
  // The first of a group that has nothing to do with the others.
  [[nodiscard]] bool begins_component() const { return (word_ & kBeginsComponent) != 0; }
  [[nodiscard]] Candidate at_begin_of_component(bool begins) const {
    Candidate result = *this;
    result.word_ |= begins ? kBeginsComponent : 0;
    return result;
  }
  // Where its block begins, as it was when it was found.
  [[nodiscard]] Address block() const;

 private:
  static constexpr Address kBeginsComponent = 1;
  static constexpr Address kHasPreHeader = 2;
  static constexpr Address kFlags = 15;
  Address word_;
};

enum class SearchState : std::uint32_t { kRunning, kDone, kNoMemory };

// What a search found; lies in memory that is shared with a copy. `state` is written last.
struct SearchResult {
  std::atomic<SearchState> state;
  std::uint64_t objects;            // looked at
  std::uint64_t components;         // of garbage
  std::uint64_t largest_component;  // objects
  std::uint64_t candidate_count;
  std::uint64_t left_out;  // garbage for which there was no room
  Nanoseconds took;
  std::uint64_t capacity;  // set by who makes it
  Candidate candidates[1];

  static std::size_t bytes_for(std::size_t capacity) {
    return sizeof(SearchResult) + capacity * sizeof(Candidate);
  }
};

struct Search {
  const heap::Heap* heap;
  GcState state;
  PyObject* modules;          // the dictionary of modules: a root
  std::size_t other_regions;  // a power of two: places for objects that are not in the heap
  pid_t copy_of;              // 0: this is no copy. A copy drops what it need not read any more
};

// Writes into `result`, whose capacity is set. REQUIRES: the GIL, or a copy of a thread that had
// it; the collector is not at work. Allocates pages only.
void search_for_garbage(const Search& search, SearchResult& result) noexcept;

}  // namespace hoop::cpython
