// SPDX-License-Identifier: Apache-2.0
// The stream that the recorder writes: records of one line, fields parted by tabs, the parts of a
// field by 0x1F. One write() for each step, so that what was recorded outlives the process.
//
//   H version python                      first line
//   F file path                           a file has a number from here on
//   T object type immortal block origin text   an object is seen for the first time
//   O object size count tracked generation flags text edge...   its state, where it changed
//   R object...                           not shown any more
//   N scope kind title thread name...     a scope, where it changed
//   S scope:line...                       the scopes of the step, innermost last
//   D object by memory finalized          an object died
//   C generation collected uncollectable  a collection ended
//   M sign owner role count bytes         memory taken (+) or given back (-)
//   P bytes bytes                         so much was written to stdout and stderr so far
//   E kind file line thread extra         the step ends
//   X reason                              a limit, or the end of the recording
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpython/life/address_table.h"
#include "os/own_descriptor.h"

namespace hoop::cpython::life {

inline constexpr char kPart = '\x1f';

// Text that grows.
class Text {
 public:
  Text& add_char(char c) {
    bytes_.push(c);
    return *this;
  }
  Text& add(std::string_view text) {
    for (const char c : text) bytes_.push(c);
    return *this;
  }
  Text& add_number(std::uint64_t value);
  Text& add_signed(std::int64_t value);
  // What could be taken for an end of a field is replaced.
  Text& add_clean(std::string_view text);
  void remove_at(std::size_t place) {
    for (std::size_t i = place; i + 1 < bytes_.size(); ++i) bytes_[i] = bytes_[i + 1];
    bytes_.resize_down(bytes_.size() - 1);
  }
  void resize_down(std::size_t size) { bytes_.resize_down(size); }
  void clear() { bytes_.clear(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  Sequence<char> bytes_;
};

class Stream {
 public:
  // False: there is no such file.
  bool open(const char* path) noexcept;
  Text& text() { return text_; }
  Text& begin(char kind) {
    text_.add_char(kind);
    return text_;
  }
  Text& field() { return text_.add_char('\t'); }
  void end() { text_.add_char('\n'); }
  void flush() noexcept;

 private:
  Text text_;
  os::OwnDescriptor file_;
};

}  // namespace hoop::cpython::life
