// SPDX-License-Identifier: Apache-2.0
// Text built in a caller's buffer: no allocation, no locale, no stdio. Used where malloc may not be
// called.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hoop {

// Appends to a fixed buffer and cuts what does not fit; always NUL-terminated.
class TextBuffer {
 public:
  // REQUIRES: capacity >= 1.
  TextBuffer(char* data, std::size_t capacity) : data_(data), capacity_(capacity) { data_[0] = 0; }

  void clear() {
    size_ = 0;
    data_[0] = 0;
    truncated_ = false;
  }
  TextBuffer& add(const char* text);
  TextBuffer& add(const char* text, std::size_t length);
  TextBuffer& add_char(char c);
  TextBuffer& add_decimal(std::uint64_t value);
  TextBuffer& add_hex(std::uint64_t value);

  [[nodiscard]] const char* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool truncated() const { return truncated_; }

 private:
  char* data_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  bool truncated_ = false;
};

// A TextBuffer with its own storage.
template <std::size_t kCapacity>
class FixedText : public TextBuffer {
 public:
  FixedText() : TextBuffer(storage_, kCapacity) {}
  FixedText(const FixedText&) = delete;
  FixedText& operator=(const FixedText&) = delete;

 private:
  char storage_[kCapacity];
};

// Reads a decimal number at `text`, moves `text` past it; 0 where no digit is.
std::uint64_t parse_decimal(const char*& text);

}  // namespace hoop
