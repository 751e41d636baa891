// SPDX-License-Identifier: Apache-2.0
// Reads CPython's objects as they lie in memory, by offsets. Never writes, never calls Python.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {

template <class T>
T load(Address address) {
  T value;
  // By this name it is inlined where there is no C library as well.
  __builtin_memcpy(&value, reinterpret_cast<const void*>(address), sizeof value);
  return value;
}
inline Address word_at(Address address) { return load<Address>(address); }

inline constexpr std::size_t kPointer = sizeof(Address);

inline Address type_of(Address object) { return word_at(object + at::kType); }
inline std::int64_t size_of(Address object) { return load<std::int64_t>(object + at::kSize); }

// Bits of tp_flags.
namespace type_flag {
inline constexpr std::uint64_t kInlineValues = 1u << 2;  // 3.13 and later
inline constexpr std::uint64_t kManagedWeak = 1u << 3;   // 3.12 and later
inline constexpr std::uint64_t kManagedDict = 1u << 4;   // 3.11 and later
inline constexpr std::uint64_t kHeapType = 1u << 9;
inline constexpr std::uint64_t kCollected = 1u << 14;
inline constexpr std::uint64_t kInt = 1u << 24, kList = 1u << 25, kTuple = 1u << 26;
inline constexpr std::uint64_t kBytes = 1u << 27, kStr = 1u << 28, kDict = 1u << 29;
inline constexpr std::uint64_t kException = 1u << 30, kType = 1u << 31;
}  // namespace type_flag

inline std::uint64_t flags_of_type(Address type) {
  return load<std::uint64_t>(type + at::kTypeFlags);
}
// REQUIRES: an object.
inline bool is_type(Address object) {
  return (flags_of_type(type_of(object)) & type_flag::kType) != 0;
}
inline bool is_str(Address object) {
  return (flags_of_type(type_of(object)) & type_flag::kStr) != 0;
}

// The characters of a str.
struct Characters {
  const void* data;
  std::size_t length;
  unsigned width;  // bytes a character; 0: not laid out yet (3.10 and 3.11, old C code)
  bool is_ascii, is_interned, is_compact;
};
Characters characters_of(Address str, const PythonLayout& layout);

// The table of a dict, and how its entries lie.
struct DictTable {
  Address keys = 0;
  Address entries = 0;
  std::size_t entry_bytes = 0;
  std::size_t key_offset = 0;  // of an entry
  std::size_t value_offset = 0;
  std::size_t entry_count = 0;  // used so far; some may be empty
  std::size_t capacity = 0;     // entries that have room
  std::size_t bytes = 0;        // of the whole table
};
DictTable table_of_keys(Address keys, const PythonLayout& layout);

// Values that lie apart from their keys. `values` is what ma_values, or an object, holds.
inline Address split_values(Address values, const PythonLayout& layout) {
  return layout.values == ValuesKind::kInline ? values + 8 : values;
}

// The attributes of an object that has no dict of its own yet. 0: there are none.
Address inline_values_of(Address object, Address type, const PythonLayout& layout);
// The dict of an object with a managed dict. 0: none.
Address managed_dict_of(Address object, const PythonLayout& layout);

// visit(key, value) for the entries of a dict that have a value.
template <class F>
void for_each_item(Address dict, const PythonLayout& layout, F&& visit) {
  const Address keys = word_at(dict + at::kDictKeys);
  const Address values = word_at(dict + at::kDictValues);
  const DictTable table = table_of_keys(keys, layout);
  const Address split = values != 0 ? split_values(values, layout) : 0;
  Address entry = table.entries;
  for (std::size_t i = 0; i < table.entry_count; ++i, entry += table.entry_bytes) {
    const Address value =
        split != 0 ? word_at(split + i * sizeof(Address)) : word_at(entry + table.value_offset);
    if (value != 0) visit(word_at(entry + table.key_offset), value);
  }
}

// The value for a key that is this text. 0: none.
Address find_by_text(Address dict, const char* text, const PythonLayout& layout);

bool equals_text(Address str, const char* text, const PythonLayout& layout);

// A variable-length array of a deque's blocks.
inline constexpr std::size_t kDequeBlockItems = 64;
inline constexpr std::size_t kDequeBlockBytes = 16 + kDequeBlockItems * 8;

}  // namespace hoop::snapshot
