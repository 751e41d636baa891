// SPDX-License-Identifier: Apache-2.0
// One collection of a heap: finds the garbage among what candidates reach, and ends it by Python's
// rules (PEP 442, and the documentation of weakref and gc).
#pragma once

#include <cstddef>

#include "counted/object_graph.h"
#include "counted/state.h"
#include "cycles/finder.h"
#include "cycles/tables.h"

namespace hoop::counted {

// Steps of run(), in which user code runs from the third on:
//   1. candidates and all they reach, up to a generation, are looked at; live ones grow older
//   2. garbage is held: every object gets a reference, so that it stays until its turn
//   3. weak references to it are cleared, and callbacks called of those that are not garbage
//   4. finalizers are called, once in the life of an object
//   5. if there were any: what can be reached again is let go; weak references that they made to
//   the
//      rest are cleared, without a call
//   6. each object, in the order in which it was found, is cleared if others refer to it, and ends
//      when nobody does
class Collection {
 public:
  // REQUIRES: no other one is running in this heap.
  Collection(State& state, int generation);
  ~Collection();
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  // From all candidates of the generations.
  void run();
  // From some of the candidates: full closures, of `most_objects` at most. REQUIRES: generation 2.
  void run_some(std::size_t most_candidates, std::size_t most_objects);

  [[nodiscard]] std::size_t looked_at() const { return looked_at_; }
  [[nodiscard]] std::size_t collected() const { return collected_; }
  [[nodiscard]] std::size_t uncollectable() const { return uncollectable_; }

 private:
  using Index = cycles::Index;

  void take_all_candidates();
  void take_candidates(std::size_t most);
  void add(const Object* candidate);
  void add_everything();
  void run_from_rows();
  bool analyse();
  void sort();
  void keep(const Object* object, bool again);
  void handle_weak_references();
  void count_uses_by_garbage();
  bool call_finalizers();
  void look_again();
  void let_live(const Object* object);
  void clear_new_weak_references();
  void end_garbage();
  bool end_or_clear(const Object* object);
  void end_leftover(const Object* object);
  void account();

  State& state_;
  Interlude interlude_;  // a destructor may have begun it
  const unsigned generation_;
  ObjectGraph graph_;
  cycles::Tables tables_;
  cycles::Finder<ObjectGraph, cycles::Lookahead::kNone> finder_;
  Nanoseconds begin_;
  Index candidates_ = 0;        // the first rows
  unsigned garbage_flags_ = 0;  // of any
  std::size_t looked_at_ = 0;
  std::size_t collected_ = 0;
  std::size_t resurrected_ = 0;
  std::size_t uncollectable_ = 0;
};

// The collection that a program asks for, with its callbacks. Returns the objects that went.
std::size_t collect(State& state, int generation) noexcept;
// The one that is due.
std::size_t collect_automatically(State& state) noexcept;
// Full collections of some candidates after others. True: no candidate is left.
bool collect_for(State& state, Nanoseconds budget) noexcept;

}  // namespace hoop::counted
