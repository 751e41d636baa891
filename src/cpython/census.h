// SPDX-License-Identifier: Apache-2.0
// Live blocks by Python type. Objects that are not containers count like any other; blocks that
// begin with no known type are buffers: tables of dictionaries, arrays of lists, characters.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "heap/heap.h"

namespace hoop::cpython {

struct TypeCount {
  const PyTypeObject* type = nullptr;
  std::size_t count = 0;
  std::size_t bytes = 0;  // whole blocks
};

class Census {
 public:
  Census() = default;
  ~Census();
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;

  // Learns all types by `__subclasses__`. Calls Python: REQUIRES the GIL, at a place where any code
  // may run. False: out of memory.
  bool learn_types() noexcept;

  // Counts every block, or those of at most `max_chunks` chunks spread over the heap, scaled up.
  void count_all(const heap::Heap& heap) noexcept;
  void count_sample(const heap::Heap& heap, unsigned max_chunks) noexcept;

  // Largest first; valid until the next count. Sorts in place: nothing can be counted afterwards.
  const TypeCount* sorted(std::size_t& count) noexcept;

  [[nodiscard]] const TypeCount& buffers() const { return buffers_; }
  // Dead objects that CPython keeps for reuse.
  [[nodiscard]] const TypeCount& free_lists() const { return free_lists_; }

  // "module.qualname", as tracebacks name it. REQUIRES: the type is alive.
  static void name_of(const PyTypeObject* type, TextBuffer& text) noexcept;

 private:
  bool add_type(PyTypeObject* type) noexcept;
  bool grow() noexcept;
  [[nodiscard]] TypeCount* find(const void* type) const noexcept;
  // False for nearly everything that is no learnt type.
  [[nodiscard]] bool may_be_known(const void* type) const noexcept;
  void count_block(const heap::Heap& heap, const heap::LiveBlock& block,
                   std::size_t weight) noexcept;

  PyObject* types_ = nullptr;   // keeps every learnt type alive
  TypeCount* table_ = nullptr;  // open addressing
  std::size_t capacity_ = 0;
  std::size_t type_count_ = 0;
  std::uint64_t* filter_ = nullptr;  // mapped
  TypeCount buffers_;
  TypeCount free_lists_;
};

}  // namespace hoop::cpython
