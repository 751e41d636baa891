// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <cstddef>
#include <cstdint>

namespace hoop {

TextBuffer& TextBuffer::add_char(char c) {
  if (size_ + 1 >= capacity_) {
    truncated_ = true;
    return *this;
  }
  data_[size_++] = c;
  data_[size_] = 0;
  return *this;
}

TextBuffer& TextBuffer::add(const char* text, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) add_char(text[i]);
  return *this;
}

TextBuffer& TextBuffer::add(const char* text) {
  for (; *text != 0; ++text) add_char(*text);
  return *this;
}

TextBuffer& TextBuffer::add_decimal(std::uint64_t value) {
  char digits[20];
  std::size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) add_char(digits[--count]);
  return *this;
}

TextBuffer& TextBuffer::add_hex(std::uint64_t value) {
  add("0x");
  int shift = 60;
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) add_char("0123456789abcdef"[(value >> shift) & 15]);
  return *this;
}

std::uint64_t parse_decimal(const char*& text) {
  std::uint64_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text)
    value = value * 10 + static_cast<unsigned>(*text - '0');
  return value;
}

}  // namespace hoop
