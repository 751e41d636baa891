// SPDX-License-Identifier: Apache-2.0
// Python's rules for the dead, held by a hoop::Heap. CPython's own objects run the same file:
// tests/python/integration/test_rules.py.
#include <gtest/gtest.h>

#include <cctype>
#include <ostream>
#include <string>

#include "cpp/counted/rule.h"
#include "cpp/counted/rule_machine.h"

namespace hoop::testing::rules {

void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }

namespace {

// "a leaf is free" is Rules/Rules.ALeafIsFree.
std::string case_name(const ::testing::TestParamInfo<Rule>& info) {
  std::string name;
  bool is_start = true;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      name += is_start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    is_start = c == ' ';
  }
  return name;
}

class Rules : public ::testing::TestWithParam<Rule> {};

TEST_P(Rules, Hold) {
  RuleMachine machine;
  machine.run(GetParam().program);
  EXPECT_EQ(difference(GetParam().log, machine.logged()), "") << GetParam().says;
}

INSTANTIATE_TEST_SUITE_P(All, Rules, ::testing::ValuesIn(read_rules()), case_name);

}  // namespace
}  // namespace hoop::testing::rules
