// SPDX-License-Identifier: Apache-2.0
#include "snapshot/content.h"

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/format.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/sizes.h"
#include "snapshot/types.h"

namespace hoop::snapshot {
namespace {

std::size_t bytes_in_utf8(std::uint32_t point) {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

template <class Unit>
Content measure_text(const void* data, std::size_t length) {
  constexpr std::uint32_t kWide = sizeof(Unit) == 2 ? 0x100 : 0x10000;
  const auto* const units = static_cast<const Unit*>(data);
  Content content;
  for (std::size_t i = 0; i < length; ++i) {
    content.bytes += bytes_in_utf8(units[i]);
    content.detail += units[i] >= kWide ? 1 : 0;
  }
  return content;
}

Content of_text(Address str, const PythonLayout& layout) {
  const Characters text = characters_of(str, layout);
  if (text.width == 2) return measure_text<std::uint16_t>(text.data, text.length);
  if (text.width == 4) return measure_text<std::uint32_t>(text.data, text.length);
  return {};
}

// By numpy's type number, the same in 1.x and 2.x; 0: of no fixed size, or rare.
std::size_t numpy_item_bytes(std::int32_t type) {
  constexpr std::uint8_t kBytes[] = {1, 1,  1, 2,  2,  4, 4, 8, 8, 8, 8, 4,
                                     8, 16, 8, 16, 32, 8, 0, 0, 0, 8, 8, 2};
  return type >= 0 && static_cast<std::size_t>(type) < sizeof kBytes ? kBytes[type] : 0;
}

// As two's complement, sign included.
template <class Int>
std::size_t bits_of_signed(const void* data, std::size_t count) {
  const auto* const items = static_cast<const Int*>(data);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::int64_t>(items[i]);
    seen |= static_cast<std::uint64_t>(value ^ (value >> 63));
  }
  return seen == 0 ? 1 : 65 - static_cast<std::size_t>(__builtin_clzll(seen));
}

template <class Int>
std::size_t bits_of_unsigned(const void* data, std::size_t count) {
  const auto* const items = static_cast<const Int*>(data);
  std::uint64_t seen = 1;
  for (std::size_t i = 0; i < count; ++i) seen |= items[i];
  return 64 - static_cast<std::size_t>(__builtin_clzll(seen));
}

// Of the kinds that more than one byte is spent on.
std::size_t bits_of(char kind, std::size_t item_bytes, const void* data, std::size_t count) {
  if (kind == 'i') {
    if (item_bytes == 8) return bits_of_signed<std::int64_t>(data, count);
    if (item_bytes == 4) return bits_of_signed<std::int32_t>(data, count);
    if (item_bytes == 2) return bits_of_signed<std::int16_t>(data, count);
  } else if (kind == 'u') {
    if (item_bytes == 8) return bits_of_unsigned<std::uint64_t>(data, count);
    if (item_bytes == 4) return bits_of_unsigned<std::uint32_t>(data, count);
    if (item_bytes == 2) return bits_of_unsigned<std::uint16_t>(data, count);
  }
  return 0;
}

// Integers are looked at where they lie in one piece, in the machine's order, and are not so many
// that the copy would be long at it.
Content of_numpy_array(Address array) {
  constexpr std::int32_t kInOnePiece = 1 | 2;  // in C's order, in Fortran's
  constexpr std::int32_t kMostDimensions = 64;
  constexpr std::size_t kMostItems = std::size_t{1} << 28;
  constexpr Offset kByteOrder = 26, kTypeNumber = 28;
  const Address description = word_at(array + at::kNumpyDescription);
  const auto dimensions = load<std::int32_t>(array + at::kNumpyDimensions);
  if (description == 0 || dimensions < 0 || dimensions > kMostDimensions) return {};
  const std::size_t item_bytes = numpy_item_bytes(load<std::int32_t>(description + kTypeNumber));
  std::size_t count = 1;
  for (std::int32_t i = 0; i < dimensions; ++i)
    count *=
        load<std::uint64_t>(word_at(array + at::kNumpyShape) + static_cast<Address>(i) * kPointer);
  Content content{count * item_bytes, 0};
  const bool is_plain = (load<std::int32_t>(array + at::kNumpyFlags) & kInOnePiece) != 0 &&
                        load<char>(description + kByteOrder) != '>';
  if (is_plain && count > 0 && count <= kMostItems && numpy_data_bytes(array) != 0)
    content.detail = bits_of(load<char>(description + at::kNumpyKind), item_bytes,
                             reinterpret_cast<const void*>(word_at(array + at::kNumpyData)), count);
  return content;
}

Content of_memory_view(Address view) {
  constexpr Offset kLength = 72;
  return {static_cast<std::size_t>(load<std::int64_t>(view + kLength)), 0};
}

// Where an integer may be the number that Python gives a thread (pthread_self(): an address in the
// area of mappings, aligned as a thread's block is): where in a page it lies, which is the same
// for all threads but the first.
Content of_int(Address number, const PythonLayout& layout) {
  constexpr std::uint64_t kTwoDigits = 2, kBitsOfDigit = 30, kPositiveFrom12 = kTwoDigits << 3;
  constexpr std::uint64_t kLowest = std::uint64_t{1} << 46, kHighest = std::uint64_t{1} << 48;
  constexpr std::uint64_t kAlignment = 64, kPage = 4096;
  constexpr Offset kDigits = 24;
  const auto length = load<std::uint64_t>(number + at::kSize);
  if (length != (layout.minor < 12 ? kTwoDigits : kPositiveFrom12)) return {};
  const std::uint64_t value = load<std::uint32_t>(number + kDigits) |
                              std::uint64_t{load<std::uint32_t>(number + kDigits + 4)}
                                  << kBitsOfDigit;
  if (value < kLowest || value >= kHighest || value % kAlignment != 0) return {};
  return {sizeof value, value % kPage};
}

Content of_resource(Address object, OpenRule rule) {
  constexpr Offset kFirstField = 16;
  const bool is_open = rule == OpenRule::kDescriptor ? load<std::int32_t>(object + kFirstField) >= 0
                                                     : word_at(object + kFirstField) != 0;
  return {1, is_open ? 1U : 0U};
}

}  // namespace

Content content_of(Address object, const TypeInfo& info, const PythonLayout& layout) {
  if (info.layout == Layout::kStr) return of_text(object, layout);
  if (info.open != OpenRule::kNone) return of_resource(object, info.open);
  if (info.layout == Layout::kInt) return of_int(object, layout);
  if (info.layout == Layout::kMemoryView) return of_memory_view(object);
  return info.size == SizeRule::kNumpyArray ? of_numpy_array(object) : Content{};
}

}  // namespace hoop::snapshot
