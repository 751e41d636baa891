// SPDX-License-Identifier: Apache-2.0
// From text to values.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "value.h"

namespace lisp {

class Interpreter;

// The text ends inside of a list or a string: more of it may help.
class Incomplete : public Error {
 public:
  using Error::Error;
};

class Reader {
 public:
  Reader(Interpreter& interpreter, std::string_view text)
      : interpreter_(interpreter), text_(text) {}

  // The next expression; nothing at the end. Throws Error.
  std::optional<Value> next();

 private:
  void skip_space();
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  Value read();  // throws Incomplete at the end
  Value read_list();
  Value read_string();
  Value read_quoted();
  Value read_atom();
  std::string_view word();

  Interpreter& interpreter_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace lisp
