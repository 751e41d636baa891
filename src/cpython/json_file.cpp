// SPDX-License-Identifier: Apache-2.0
#include "cpython/json_file.h"

#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace hoop::cpython {

void JsonFile::raw(const char* text) noexcept { file_.write(text, std::strlen(text)); }

// Bytes above 127 pass as they are: names and arguments of a UTF-8 system. The reader replaces what
// is no UTF-8.
void JsonFile::quoted(const char* text) noexcept {
  raw("\"");
  for (; *text != 0; ++text) {
    const auto byte = static_cast<unsigned char>(*text);
    if (byte == '"' || byte == '\\') raw("\\");
    if (byte >= 0x20) {
      file_.write(text, 1);
      continue;
    }
    constexpr char kDigits[] = "0123456789abcdef";
    const char escape[] = {'\\', 'u', '0', '0', kDigits[byte >> 4], kDigits[byte & 15], 0};
    raw(escape);
  }
  raw("\"");
}

void JsonFile::begin_item(const char* key) noexcept {
  if (!first_) raw(",");
  first_ = false;
  if (key == nullptr) return;
  quoted(key);
  raw(":");
}

JsonFile& JsonFile::open(const char* key, char bracket) noexcept {
  begin_item(key);
  file_.write(&bracket, 1);
  first_ = true;
  return *this;
}

JsonFile& JsonFile::close(char bracket) noexcept {
  file_.write(&bracket, 1);
  first_ = false;
  return *this;
}

JsonFile& JsonFile::number(const char* key, std::uint64_t value) noexcept {
  begin_item(key);
  FixedText<24> text;
  raw(text.add_decimal(value).data());
  return *this;
}

JsonFile& JsonFile::fraction(const char* key, std::uint64_t part, std::uint64_t whole) noexcept {
  begin_item(key);
  const std::uint64_t scaled = whole == 0 ? 0 : (part * 10000 + whole / 2) / whole;
  FixedText<24> text;
  text.add_decimal(scaled / 10000).add_char('.');
  for (std::uint64_t unit = 1000; unit > 0; unit /= 10) text.add_decimal(scaled / unit % 10);
  raw(text.data());
  return *this;
}

JsonFile& JsonFile::boolean(const char* key, bool value) noexcept {
  begin_item(key);
  raw(value ? "true" : "false");
  return *this;
}

JsonFile& JsonFile::string(const char* key, const char* value) noexcept {
  begin_item(key);
  if (value == nullptr) {
    raw("null");
  } else {
    quoted(value);
  }
  return *this;
}

}  // namespace hoop::cpython
