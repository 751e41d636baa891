// SPDX-License-Identifier: Apache-2.0
// The rules of tests/rules/rules.txt, which says what it means, as they are read from the file.
#pragma once

#include <string>
#include <vector>

namespace hoop::testing::rules {

using Words = std::vector<std::string>;

// One line of a program, and the lines below it that are indented.
struct Statement {
  Words words;
  std::vector<Statement> body;
};
using Program = std::vector<Statement>;

struct Rule {
  std::string name;
  std::string says;
  Program program;
  Words log;  // lines
};

[[nodiscard]] std::vector<Rule> read_rules();

// What is wrong with a log; empty if nothing is.
[[nodiscard]] std::string difference(const Words& expected, const Words& log);

}  // namespace hoop::testing::rules
