// SPDX-License-Identifier: Apache-2.0
#include "snapshot/sizes.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "snapshot/format.h"
#include "snapshot/frames.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/types.h"

namespace hoop::snapshot {
namespace {

std::size_t magnitude(std::int64_t size) {
  return static_cast<std::size_t>(size < 0 ? -size : size);
}

std::size_t basic(const TypeInfo& info) { return static_cast<std::size_t>(info.basic_size); }

std::size_t plain_size(Address object, const TypeInfo& info) {
  if (info.item_size == 0) return basic(info);
  return basic(info) + magnitude(size_of(object)) * static_cast<std::size_t>(info.item_size);
}

// 3.12 and later keep sign and flags in the lowest three bits; 3.11 and later count one digit at
// least.
std::size_t int_size(Address object, const PythonLayout& layout) {
  constexpr std::size_t kHeader = 24, kDigitBytes = 4;
  const std::size_t digits =
      layout.minor < 12 ? magnitude(size_of(object)) : load<std::uint64_t>(object + at::kSize) >> 3;
  const bool has_none = digits == 0 && layout.minor >= 11;
  return kHeader + (has_none ? 1 : digits) * kDigitBytes;
}

// 3.10 and 3.11 may keep a copy as wchar_t.
std::size_t wide_copy(Address str, const Characters& text, const PythonLayout& layout) {
  if (layout.minor > 11) return 0;
  constexpr Offset kWide = 40, kWideLength = 64;
  const Address wide = word_at(str + kWide);
  if (wide == 0 || wide == reinterpret_cast<Address>(text.data)) return 0;
  const std::size_t length =
      text.is_ascii && text.is_compact ? text.length : load<std::uint64_t>(str + kWideLength);
  return (length + 1) * sizeof(wchar_t);
}

// What a subclass adds is left out by str.__sizeof__() as well.
std::size_t str_size(Address object, const PythonLayout& layout) {
  const Characters text = characters_of(object, layout);
  std::size_t bytes = 0;
  if (text.is_compact && text.is_ascii) {
    bytes = layout.str_ascii_data + text.length + 1;
  } else if (text.is_compact) {
    bytes = layout.str_compact_data + (text.length + 1) * text.width;
  } else {
    bytes = layout.str_any_data + kPointer;
    if (text.data != nullptr) bytes += (text.length + 1) * text.width;
  }
  if (!(text.is_compact && text.is_ascii)) {
    const Address utf8 = word_at(object + layout.str_utf8);
    if (utf8 != 0 && utf8 != reinterpret_cast<Address>(text.data))
      bytes += load<std::uint64_t>(object + layout.str_utf8_length) + 1;
  }
  return bytes + wide_copy(object, text, layout);
}

std::size_t dict_size(Address object, const TypeInfo& info, const PythonLayout& layout) {
  const DictTable table = table_of_keys(word_at(object + at::kDictKeys), layout);
  std::size_t bytes = basic(info);
  if (word_at(object + at::kDictValues) != 0) bytes += table.capacity * kPointer;
  if (load<std::int64_t>(table.keys) == 1) bytes += table.bytes;
  return bytes;
}

// Nodes in a list, and a table of them as large as the dict's.
std::size_t ordered_dict_size(Address object, const TypeInfo& info, const PythonLayout& layout) {
  constexpr std::size_t kNodeBytes = 32;
  constexpr Offset kFastNodesSize = 24;  // behind the dict: first, last, table of nodes, its size
  constexpr std::size_t kDictBytes = 48;
  const auto slots = load<std::int64_t>(object + kDictBytes + kFastNodesSize);
  const auto used = load<std::int64_t>(object + at::kDictUsed);
  return dict_size(object, info, layout) + static_cast<std::size_t>(slots) * kPointer +
         static_cast<std::size_t>(used) * kNodeBytes;
}

std::size_t set_size(Address object, const TypeInfo& info) {
  constexpr std::size_t kEntryBytes = 16;
  const bool is_small = word_at(object + at::kSetTable) == object + at::kSetSmallTable;
  const auto slots = load<std::uint64_t>(object + at::kSetMask) + 1;
  return basic(info) + (is_small ? 0 : slots * kEntryBytes);
}

std::size_t type_size(Address type, const PythonLayout& layout) {
  if ((flags_of_type(type) & type_flag::kHeapType) == 0) return layout.type_bytes;
  const Address keys = word_at(type + layout.type_cached_keys);
  return layout.heap_type_bytes + (keys != 0 ? table_of_keys(keys, layout).bytes : 0);
}

// 3.10 keeps caches of its own beside the code.
std::size_t code_size_310(Address code, const TypeInfo& info, const PythonLayout& layout) {
  constexpr Offset kCellsOfArguments = 96, kCache = 160, kCacheEntries = 172;
  constexpr std::size_t kEntryBytes = 32, kInstructionBytes = 2;
  std::size_t bytes = basic(info);
  if (word_at(code + kCellsOfArguments) != 0)
    bytes += magnitude(size_of(word_at(code + layout.code.cell_names))) * kPointer;
  if (word_at(code + kCache) != 0) {
    bytes += magnitude(size_of(word_at(code + layout.code.bytecode))) / kInstructionBytes;
    bytes += load<std::uint8_t>(code + kCacheEntries) * kEntryBytes;
  }
  return bytes;
}

std::size_t code_size(Address code, const TypeInfo& info, const PythonLayout& layout) {
  constexpr std::size_t kInstructionBytes = 2;
  const Address extra = word_at(code + layout.code.extra);
  const std::size_t more =
      extra != 0 ? kPointer + load<std::uint64_t>(extra) * kPointer : std::size_t{0};
  if (layout.minor == 10) return code_size_310(code, info, layout) + more;
  return round_up(basic(info) + magnitude(size_of(code)) * kInstructionBytes, kPointer) + more;
}

std::size_t deque_blocks(Address deque) {
  const Address last = word_at(deque + at::kDequeLast);
  std::size_t blocks = 1;
  for (Address block = word_at(deque + at::kDequeFirst); block != last && block != 0; ++blocks)
    block = word_at(block + kDequeBlockBytes - kPointer);
  return blocks;
}

std::size_t array_size(Address array, const TypeInfo& info) {
  constexpr Offset kAllocated = 32, kDescription = 40, kItemBytes = 4;
  const Address description = word_at(array + kDescription);
  return basic(info) + load<std::uint64_t>(array + kAllocated) *
                           static_cast<std::size_t>(load<std::int32_t>(description + kItemBytes));
}

// Locals and the evaluation stack.
std::size_t frame_slots(Address code, const PythonLayout& layout) {
  constexpr Offset kStackSize311 = 68, kStackSize = 64;
  const Offset stack = layout.minor == 11 ? kStackSize311 : kStackSize;
  return static_cast<std::size_t>(load<std::int32_t>(code + layout.code.local_count)) +
         static_cast<std::size_t>(load<std::int32_t>(code + stack));
}

// Without its slots, the size of a frame object or a generator: `frame` is the interpreter's.
std::size_t with_slots(std::size_t fixed, Address frame, const PythonLayout& layout) {
  const Address code = word_at(frame + layout.frame.code) & ~kReferenceTags;
  return code == 0 ? fixed : fixed + frame_slots(code, layout) * kPointer;
}

std::size_t frame_size(Address object, const TypeInfo& info, const PythonLayout& layout) {
  if (layout.minor > 10)
    return with_slots(basic(info), word_at(object + layout.frame_object_frame), layout);
  constexpr Offset kCode = 32, kNumberOfLocals = 28, kStackSize = 32;
  const Address code = word_at(object + kCode);
  const auto names = [&](Offset offset) { return magnitude(size_of(word_at(code + offset))); };
  const auto number = [&](Offset offset) {
    return static_cast<std::size_t>(load<std::int32_t>(code + offset));
  };
  const std::size_t slots = number(kStackSize) + number(kNumberOfLocals) +
                            names(layout.code.cell_names) + names(layout.code.free_names);
  return basic(info) + (slots - 1) * kPointer;  // one is in the basic size
}

std::size_t generator_size(Address object, const TypeInfo& info, const PythonLayout& layout) {
  if (layout.minor == 10) return basic(info);
  return with_slots(basic(info), object + layout.generator_frame, layout);
}

// The buffer of a buffered file.
std::size_t buffered_size(Address object, const TypeInfo& info) {
  constexpr Offset kBuffer = 56, kBufferSize = 120;
  const bool has_buffer = word_at(object + kBuffer) != 0;
  return basic(info) + (has_buffer ? load<std::uint64_t>(object + kBufferSize) : 0);
}

// Attributes and children: four fit into the extra part itself.
std::size_t element_size(Address element, const TypeInfo& info) {
  constexpr Offset kExtra = 40, kAllocated = 16, kChildren = 24, kFewChildren = 32;
  constexpr std::size_t kExtraBytes = 64;
  const Address extra = word_at(element + kExtra);
  if (extra == 0) return basic(info);
  const bool are_many = word_at(extra + kChildren) != extra + kFewChildren;
  return basic(info) + kExtraBytes +
         (are_many ? load<std::uint64_t>(extra + kAllocated) * kPointer : 0);
}

// One code for each part of the format, and an end.
std::size_t struct_size(Address object, const TypeInfo& info) {
  constexpr Offset kCodes = 32;
  constexpr std::size_t kCodeBytes = 32;
  std::size_t bytes = basic(info) + kCodeBytes;
  for (Address code = word_at(object + kCodes); code != 0 && word_at(code) != 0; code += kCodeBytes)
    bytes += kCodeBytes;
  return bytes;
}

// What ctypes keeps for a class of its own, behind a dict (to 3.12) or a type: a format,
// dimensions, elements.
struct CtypesRecord {
  Offset length, elements, format, dimensions;
};
std::size_t size_of_ctypes_record(Address record, const CtypesRecord& at) {
  const auto* const format = reinterpret_cast<const char*>(word_at(record + at.format));
  const auto dimensions = load<std::int32_t>(record + at.dimensions);
  std::size_t bytes = format != nullptr ? std::strlen(format) + 1 : 0;
  bytes += static_cast<std::size_t>(dimensions) * kPointer;
  if (word_at(record + at.elements) != 0)
    bytes += (load<std::uint64_t>(record + at.length) + 1) * kPointer;
  return bytes;
}

std::size_t ctypes_dict_size(Address dict, const TypeInfo& info, const PythonLayout& layout) {
  constexpr std::size_t kDictBytes = 48;
  constexpr CtypesRecord kRecord = {16, 40, 120, 128};
  return dict_size(dict, info, layout) + basic(info) - kDictBytes +
         size_of_ctypes_record(dict + kDictBytes, kRecord);
}

std::size_t ctypes_class_size(Address type, const TypeInfo& info, const PythonLayout& layout) {
  const CtypesRecord where =
      layout.minor == 13 ? CtypesRecord{24, 48, 136, 144} : CtypesRecord{24, 48, 144, 152};
  const Address record = type + round_up(layout.heap_type_bytes, 16);
  return basic(info) + magnitude(size_of(type)) * static_cast<std::size_t>(info.item_size) +
         size_of_ctypes_record(record, where);
}

// Shape and strides.
std::size_t numpy_table_bytes(Address array) {
  const auto dimensions = load<std::int32_t>(array + at::kNumpyDimensions);
  return dimensions > 0 ? static_cast<std::size_t>(dimensions) * 2 * kPointer : 0;
}

// In 3.11 and 3.12 sys.getsizeof() takes static types for collected ones.
std::size_t header_bytes(Address object, const TypeInfo& info, const PythonLayout& layout) {
  const bool counts = info.layout != Layout::kType || layout.minor == 11 || layout.minor == 12;
  return counts || is_collected(object, info) ? info.header_bytes : 0;
}

}  // namespace

// Owned data is contiguous, in whichever order: the widest dimension covers it.
std::size_t numpy_data_bytes(Address array) {
  constexpr std::int32_t kOwnsData = 4;
  constexpr std::int32_t kMostDimensions = 64;
  const auto dimensions = load<std::int32_t>(array + at::kNumpyDimensions);
  const bool owns = (load<std::int32_t>(array + at::kNumpyFlags) & kOwnsData) != 0;
  if (!owns || dimensions < 0 || dimensions > kMostDimensions) return 0;
  std::size_t bytes = 0;
  for (std::int32_t i = 0; i < dimensions; ++i) {
    const Address offset = static_cast<Address>(i) * kPointer;
    const auto length = load<std::int64_t>(word_at(array + at::kNumpyShape) + offset);
    const auto stride = load<std::int64_t>(word_at(array + at::kNumpyStrides) + offset);
    const std::size_t spanned = magnitude(length) * magnitude(stride);
    if (length == 0) return 0;
    if (spanned > bytes) bytes = spanned;
  }
  return bytes;
}

bool is_collected(Address object, const TypeInfo& info) {
  if (!info.is_collected) return false;
  if (info.layout == Layout::kType) return (flags_of_type(object) & type_flag::kHeapType) != 0;
  using IsGc = int (*)(Address);
  return info.is_gc == 0 || reinterpret_cast<IsGc>(info.is_gc)(object) != 0;
}

std::size_t shallow_size(Address object, const TypeInfo& info, const PythonLayout& layout) {
  const std::size_t before = header_bytes(object, info, layout);
  switch (info.size) {
    case SizeRule::kGenerator:
      return before + generator_size(object, info, layout);
    case SizeRule::kBuffered:
      return before + buffered_size(object, info);
    case SizeRule::kElement:
      return before + element_size(object, info);
    case SizeRule::kStruct:
      return before + struct_size(object, info);
    case SizeRule::kCtypesDict:
      return before + ctypes_dict_size(object, info, layout);
    case SizeRule::kCtypesClass:
      return before + ctypes_class_size(object, info, layout);
    case SizeRule::kNumpyArray:
      return before + basic(info) + numpy_table_bytes(object) + numpy_data_bytes(object);
    case SizeRule::kPlain:
      return before + plain_size(object, info);
    case SizeRule::kInt:
      return before + int_size(object, layout);
    case SizeRule::kStr:
      return before + str_size(object, layout);
    case SizeRule::kList:
      return before + basic(info) + load<std::uint64_t>(object + at::kListAllocated) * kPointer;
    case SizeRule::kDict:
      return before + dict_size(object, info, layout);
    case SizeRule::kOrderedDict:
      return before + ordered_dict_size(object, info, layout);
    case SizeRule::kSet:
      return before + set_size(object, info);
    case SizeRule::kType:
      return before + type_size(object, layout);
    case SizeRule::kCode:
      return before + code_size(object, info, layout);
    case SizeRule::kByteArray:
      return before + basic(info) + load<std::uint64_t>(object + at::kByteArrayAllocated);
    case SizeRule::kDeque:
      return before + basic(info) + deque_blocks(object) * kDequeBlockBytes;
    case SizeRule::kArray:
      return before + array_size(object, info);
    case SizeRule::kFrame:
      return before + frame_size(object, info, layout);
  }
  return before;
}

Slots slots_of(Address object, const TypeInfo& info, const PythonLayout& layout) {
  const auto number = [&](Offset offset) { return load<std::uint64_t>(object + offset); };
  switch (info.layout) {
    case Layout::kDict:
      return {number(at::kDictUsed),
              table_of_keys(word_at(object + at::kDictKeys), layout).capacity};
    case Layout::kSet:
      return {number(at::kSetUsed), number(at::kSetMask) + 1};
    case Layout::kList:
      return {number(at::kSize), number(at::kListAllocated)};
    case Layout::kByteArray:
      return {number(at::kSize), number(at::kByteArrayAllocated)};
    default:
      return {number(at::kSize), deque_blocks(object) * kDequeBlockItems};
  }
}

}  // namespace hoop::snapshot
