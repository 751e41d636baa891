// SPDX-License-Identifier: Apache-2.0
#include "snapshot/objects.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {
namespace {

std::size_t index_bytes(std::size_t slots) {
  if (slots <= 0xFF) return 1;
  if (slots <= 0xFFFF) return 2;
  return slots <= 0xFFFFFFFF ? 4 : 8;
}

// 3.10: count of references, slots, lookup function, usable, entries, indices.
DictTable table_by_lookup(Address keys) {
  constexpr std::size_t kHeader = 40, kEntryBytes = 24;
  const auto slots = load<std::uint64_t>(keys + 8);
  const auto usable = load<std::uint64_t>(keys + 24);
  const std::size_t indices = slots * index_bytes(slots);
  DictTable table;
  table.keys = keys;
  table.entries = keys + kHeader + indices;
  table.entry_bytes = kEntryBytes;
  table.key_offset = 8;
  table.value_offset = 16;
  table.entry_count = load<std::uint64_t>(keys + 32);
  table.capacity = usable + table.entry_count;
  table.bytes = kHeader + indices + (slots * 2 / 3) * kEntryBytes;
  return table;
}

// 3.11 and later: count, log2 of slots, log2 of the indices' bytes, kind, version, usable, entries.
DictTable table_by_kind(Address keys) {
  constexpr std::size_t kHeader = 32;
  const unsigned log2_slots = load<std::uint8_t>(keys + 8);
  const unsigned log2_index_bytes = load<std::uint8_t>(keys + 9);
  const bool is_general = load<std::uint8_t>(keys + 10) == 0;
  const std::size_t slots = std::size_t{1} << log2_slots;
  DictTable table;
  table.keys = keys;
  table.entries = keys + kHeader + (std::size_t{1} << log2_index_bytes);
  table.entry_bytes = is_general ? 24 : 16;
  table.key_offset = is_general ? 8 : 0;
  table.value_offset = is_general ? 16 : 8;
  table.entry_count = load<std::uint64_t>(keys + 24);
  table.capacity = load<std::uint64_t>(keys + 16) + table.entry_count;
  table.bytes =
      kHeader + (std::size_t{1} << log2_index_bytes) + (slots * 2 / 3) * table.entry_bytes;
  return table;
}

}  // namespace

Characters characters_of(Address str, const PythonLayout& layout) {
  const auto state = load<std::uint32_t>(str + at::kStrState);
  Characters text{};
  text.length = static_cast<std::size_t>(load<std::int64_t>(str + at::kStrLength));
  text.is_interned = (state & 3) != 0;
  text.width = state >> 2 & 7;
  text.is_compact = (state & 32) != 0;
  text.is_ascii = (state & 64) != 0;
  if (!text.is_compact) {
    text.data = reinterpret_cast<const void*>(word_at(str + layout.str_any_data));
    if (text.data == nullptr) text.width = 0;
  } else {
    const Offset offset = text.is_ascii ? layout.str_ascii_data : layout.str_compact_data;
    text.data = reinterpret_cast<const void*>(str + offset);
  }
  return text;
}

DictTable table_of_keys(Address keys, const PythonLayout& layout) {
  return layout.keys == KeysKind::kByLookup ? table_by_lookup(keys) : table_by_kind(keys);
}

Address inline_values_of(Address object, Address type, const PythonLayout& layout) {
  switch (layout.values) {
    case ValuesKind::kNone:
      return 0;
    case ValuesKind::kBeside:
      return word_at(object - layout.object_values);
    case ValuesKind::kTagged: {
      const Address word = word_at(object - layout.object_values);
      return (word & 1) != 0 ? word + 1 : 0;
    }
    case ValuesKind::kInline: {
      if ((flags_of_type(type) & type_flag::kInlineValues) == 0) return 0;
      constexpr std::size_t kValid = 3;
      const Address values =
          object + static_cast<std::size_t>(load<std::int64_t>(type + at::kTypeBasicSize));
      return load<std::uint8_t>(values + kValid) != 0 ? values : 0;
    }
  }
  return 0;
}

Address managed_dict_of(Address object, const PythonLayout& layout) {
  const Address word = word_at(object - layout.object_dict);
  return layout.values == ValuesKind::kTagged && (word & 1) != 0 ? 0 : word;
}

bool equals_text(Address str, const char* text, const PythonLayout& layout) {
  const Characters characters = characters_of(str, layout);
  return characters.is_ascii && characters.length == std::strlen(text) &&
         std::memcmp(characters.data, text, characters.length) == 0;
}

Address find_by_text(Address dict, const char* text, const PythonLayout& layout) {
  Address found = 0;
  for_each_item(dict, layout, [&](Address key, Address value) {
    const bool is_str = (flags_of_type(type_of(key)) & type_flag::kStr) != 0;
    if (found == 0 && is_str && equals_text(key, text, layout)) found = value;
  });
  return found;
}

}  // namespace hoop::snapshot
