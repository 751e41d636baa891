// SPDX-License-Identifier: Apache-2.0
#include "reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "interpreter.h"

namespace lisp {

namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kEndsWord = " \t\r\n()'\";";

}  // namespace

std::optional<Value> Reader::next() {
  skip_space();
  if (at_end()) return std::nullopt;
  return read();
}

void Reader::skip_space() {
  for (; !at_end(); ++at_) {
    if (text_[at_] == ';') {
      at_ = std::min(text_.find('\n', at_), text_.size());
      if (at_end()) return;
    } else if (kSpace.find(text_[at_]) == std::string_view::npos) {
      return;
    }
  }
}

Value Reader::read() {
  skip_space();
  if (at_end()) throw Incomplete("the text ends in the middle of something");
  switch (text_[at_]) {
    case '(':
      ++at_;
      return read_list();
    case ')':
      throw Error("a ) too many");
    case '\'':
      ++at_;
      return read_quoted();
    case '"':
      ++at_;
      return read_string();
    default:
      return read_atom();
  }
}

Value Reader::read_list() {
  std::vector<Value> elements;
  Value rest;
  for (;;) {
    skip_space();
    if (!at_end() && text_[at_] == ')') {
      ++at_;
      return make_list(interpreter_.heap(), elements, std::move(rest));
    }
    if (text_.substr(at_).starts_with(". ")) {
      ++at_;
      rest = read();
    } else {
      elements.push_back(read());
    }
  }
}

Value Reader::read_string() {
  const std::size_t end = text_.find('"', at_);
  if (end == std::string_view::npos) throw Incomplete("a string without an end");
  const std::string_view content = text_.substr(at_, end - at_);
  at_ = end + 1;
  return interpreter_.heap().make<String>(std::string(content));
}

Value Reader::read_quoted() {
  const std::array<Value, 2> form = {interpreter_.symbol("quote"), read()};
  return make_list(interpreter_.heap(), form);
}

Value Reader::read_atom() {
  const std::string_view word = this->word();
  if (word == "nil") return Nil();
  if (word == "true") return true;
  if (word == "false") return false;
  double number = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  if (error == std::errc() && stop == end) return number;
  return interpreter_.symbol(word);
}

std::string_view Reader::word() {
  const std::size_t end = std::min(text_.find_first_of(kEndsWord, at_), text_.size());
  const std::string_view word = text_.substr(at_, end - at_);
  at_ = end;
  return word;
}

}  // namespace lisp
