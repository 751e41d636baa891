// SPDX-License-Identifier: Apache-2.0
#include "snapshot/strings.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/units.h"
#include "snapshot/format.h"
#include "snapshot/objects.h"
#include "snapshot/sections.h"

namespace hoop::snapshot {
namespace {

std::uint32_t unit_at(const Characters& characters, std::size_t i) {
  switch (characters.width) {
    case 1:
      return static_cast<const std::uint8_t*>(characters.data)[i];
    case 2:
      return static_cast<const std::uint16_t*>(characters.data)[i];
    default:
      return static_cast<const std::uint32_t*>(characters.data)[i];
  }
}

// UTF-8 has no surrogates; Python's strings may.
std::uint32_t code_point(const Characters& characters, std::size_t i) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  const std::uint32_t unit = unit_at(characters, i);
  return unit >> 11 == 0x1B ? kReplacement : unit;
}

std::size_t utf8_bytes(std::uint32_t point) {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}

void put(Sections& sections, std::uint32_t point) {
  const std::size_t bytes = utf8_bytes(point);
  if (bytes == 1) return sections.byte(Section::kStrings, static_cast<std::uint8_t>(point));
  constexpr std::uint8_t kFirst[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (std::size_t left = bytes; left > 0; --left) {
    const std::uint32_t bits = point >> 6 * (left - 1);
    const std::uint32_t byte = left == bytes ? kFirst[bytes] | bits : 0x80 | (bits & 0x3F);
    sections.byte(Section::kStrings, static_cast<std::uint8_t>(byte));
  }
}

bool is_identifier(const char* text, std::size_t length) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (length == 0 || !is_letter(text[0])) return false;
  return std::all_of(text, text + length,
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

StringNumber Strings::add(std::string_view text) {
  sections_.number(Section::kStrings, text.size());
  sections_.bytes(Section::kStrings, text.data(), text.size());
  return ++count_;
}

StringNumber Strings::of_c_string(Address text) {
  if (text == 0) return 0;
  StringNumber* const known = names_.find_or_add(text);
  if (known == nullptr) return 0;
  const auto* const start = reinterpret_cast<const char*>(text);
  if (*known == 0) *known = add({start, std::min(std::strlen(start), kLongestText)});
  return *known;
}

StringNumber Strings::of_name(Address object) {
  if (object == 0 || !is_str(object)) return 0;
  const Characters characters = characters_of(object, layout_);
  StringNumber* const known = names_.find_or_add(object);
  if (known == nullptr) return 0;
  if (*known == 0) *known = add_characters(characters);
  return *known;
}

StringNumber Strings::of_key(Address object) {
  const StringNumber before = keys_.find(object);
  if (before != 0) return before;
  if (!is_str(object)) return 0;
  const Characters characters = characters_of(object, layout_);
  if (!may_be_shown(characters)) return 0;
  if (!characters.is_interned) return add_characters(characters);
  StringNumber* const known = keys_.find_or_add(object);
  if (known != nullptr) *known = add_characters(characters);
  return known != nullptr ? *known : 0;
}

bool Strings::may_be_shown(const Characters& characters) const {
  if (characters.width == 0) return false;
  if (with_values_) return true;
  return characters.is_ascii && characters.length <= kLongestKey &&
         is_identifier(static_cast<const char*>(characters.data), characters.length);
}

StringNumber Strings::add_characters(const Characters& characters) {
  if (characters.width == 0) return add({});
  put_utf8(characters);
  return ++count_;
}

void Strings::put_utf8(const Characters& characters) {
  const std::size_t length = std::min(characters.length, kLongestText);
  if (characters.is_ascii) {
    sections_.number(Section::kStrings, length);
    return sections_.bytes(Section::kStrings, characters.data, length);
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < length; ++i) bytes += utf8_bytes(code_point(characters, i));
  sections_.number(Section::kStrings, bytes);
  for (std::size_t i = 0; i < length; ++i) put(sections_, code_point(characters, i));
}

}  // namespace hoop::snapshot
