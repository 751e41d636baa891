// SPDX-License-Identifier: Apache-2.0
// The objects that were shown, by number, and the blocks of the heap since the program began: who
// lives, who died of what, whose memory came from where. Holds addresses, never references.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/life/address_table.h"

namespace hoop::cpython::life {

using Number = std::uint32_t;

inline constexpr std::int8_t kNotTracked = -1, kUnknownGeneration = -2;

struct Known {
  Address object;  // 0: it is dead
  std::uint64_t hash;
  std::uint32_t visited;  // the step
  std::uint32_t named;    // the step in which a name led to it last
  std::uint32_t born;     // the step; 0: before
  std::uint32_t length;   // of a str
  std::uint8_t offset;    // from its block's start
  std::int8_t generation;
  bool is_constant, is_shown, has_plain_size, is_in_heap, is_garbage, is_from_free_list;
};

enum class Origin : char { kTaken = 'c', kFreeList = 'f', kOlder = 'o', kOutside = 's' };
enum class Memory : char { kGivenBack = 'b', kFreeList = 'f', kReused = 'r' };

struct Death {
  Number number;
  std::int8_t generation;  // of the collection that was at work; kNotTracked: by count
  Memory memory;
  bool is_finalized;
  std::uint32_t bytes;
};

// Memory that a block's owner took or gave back.
struct Given {
  Number owner;
  bool is_object;
  std::uint32_t bytes;
};

struct Flow {
  std::uint64_t count, bytes;
};

class Objects {
 public:
  constexpr Objects() = default;

  // --- from the heap and from CPython, amid whatever the program does ---
  void taken(const void* block, std::size_t bytes);
  void given(const void* block, std::size_t bytes);
  void died(PyObject* object);
  // Before the program's first line.
  void given_early(const void* block);
  // -1: none is at work.
  void set_collection(std::int8_t generation) { collection_ = generation; }

  // --- from the recorder ---
  void begin() {
    births_.clear();
    next_step();
  }
  void next_step();
  [[nodiscard]] std::uint32_t step() const { return step_; }
  [[nodiscard]] Number find(const PyObject* object) const {
    return numbers_.find(reinterpret_cast<Address>(object));
  }
  // 0: no memory. `origin` says where its memory came from.
  Number add(PyObject* object, Origin& origin);
  // The program wrote into it where it lay: another object, at the same place.
  void forget_reused(Number number);
  // Whether CPython called its finalizer.
  [[nodiscard]] static bool is_finalized(const Known& known);
  // What a shown object owns beside its own block; true where it was taken since the last step.
  bool claim_storage(const void* block, Number owner);

  Known& operator[](Number number) { return known_[number - 1]; }
  [[nodiscard]] const Known& at(Number number) const { return known_[number - 1]; }
  [[nodiscard]] std::size_t size() const { return known_.size(); }
  [[nodiscard]] std::uint32_t birth_of(const void* block) const {
    return births_.find(reinterpret_cast<Address>(block));
  }
  Sequence<Death>& deaths() { return deaths_; }
  Sequence<Given>& given_back() { return given_; }
  // Blocks taken in this step that live, and those taken and given back in it.
  [[nodiscard]] const Flow& fresh() const { return fresh_; }
  [[nodiscard]] const Flow& passing() const { return passing_; }
  void claim_fresh(std::size_t bytes) {
    --fresh_.count;
    fresh_.bytes -= bytes;
  }

 private:
  void kill(Number number, Memory memory, std::size_t bytes);
  void after_death(Number number, std::size_t bytes);

  Sequence<Known> known_;
  AddressTable numbers_;     // object -> number, of those that live
  AddressTable births_;      // block -> step in which it was taken
  AddressTable free_lists_;  // objects that died and whose block was not given back
  AddressTable storages_;    // block -> number of its owner
  Sequence<Death> deaths_;
  Sequence<Given> given_;
  Flow fresh_{};
  Flow passing_{};
  std::uint32_t step_ = 0;
  std::int8_t collection_ = kNotTracked;
};

}  // namespace hoop::cpython::life
