// SPDX-License-Identifier: Apache-2.0
// How this layer says that something did not work: nothing, or one line for a person.
#pragma once

#include <string>
#include <utility>

namespace hoop::remote {

// The line says what is the matter and, where somebody can do something about it, what.
class [[nodiscard]] Trouble {
 public:
  Trouble() = default;
  explicit Trouble(std::string line) : line_(std::move(line)) {}

  explicit operator bool() const { return !line_.empty(); }
  [[nodiscard]] const std::string& line() const { return line_; }

 private:
  std::string line_;
};

// "what: No such file or directory"; `error` is errno's value, or its negative.
Trouble system_trouble(const std::string& what, long error);

}  // namespace hoop::remote
