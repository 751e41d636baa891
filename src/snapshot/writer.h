// SPDX-License-Identifier: Apache-2.0
// Writes a snapshot of a Python heap that stands still: in a copy of the process. It reads, and
// calls tp_traverse; it takes no lock and no memory but pages of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/units.h"
#include "cycles/object_map.h"
#include "snapshot/interpreter_layout.h"
#include "snapshot/keyed_hash.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {

struct MemoryRow {
  std::string_view name;
  std::uint64_t bytes;
};
struct MetaRow {
  std::string_view key;
  std::string_view value;
};

// What signal.getsignal() says, by number; 0: no object of Python's, or not known. The module
// signal keeps them where nothing leads to.
using SignalHandlers = std::array<Address, 65>;

struct Subject {
  std::uint32_t version = 0;  // PY_VERSION_HEX
  const PythonLayout* layout = nullptr;
  Address interpreter = 0;  // PyInterpreterState
  InterpreterLayout where;
  Address subtype_traverse = 0;  // tp_traverse of classes made in Python; 0: not known
  SignalHandlers signal_handlers{};

  // Where objects are: one span that most of them lie in, and places for regions of 2 MiB outside
  // of it, a power of two.
  Address heap_base = 0;
  std::size_t heap_bytes = 0;
  std::size_t other_regions = 1 << 14;
  // Enters the objects that the collector knows.
  void (*enter_objects)(void* context, cycles::ObjectMap& map) = nullptr;
  // Hands on the blocks that are in use and may be objects, where the heap is ours. nullptr: it
  // is not.
  void (*for_each_block)(void* context, void (*visit)(void* to, Address start), void* to) = nullptr;
  void* context = nullptr;
};

// What is known only when the objects are written, or beside them.
struct Account {
  const MemoryRow* memory = nullptr;
  std::size_t memory_count = 0;
  const MetaRow* meta = nullptr;
  std::size_t meta_count = 0;
};

struct Order {
  int file = -1;  // where to: a pipe will do
  std::uint32_t pid = 0;
  std::uint64_t taken = 0;  // ns since 1970
  std::uint32_t flags = 0;  // of the header
  HashKey key{};
  Account (*account)(void* context) = nullptr;  // called when the objects are written
  void* context = nullptr;
};

// What became of it.
struct Outcome {
  int error = 0;  // errno; 0: the file is whole
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;  // objects that could not be read
  Nanoseconds took = 0;
};

// REQUIRES: a copy of a process. Faults are caught.
Outcome write_snapshot(const Subject& subject, const Order& order) noexcept;

}  // namespace hoop::snapshot
