// SPDX-License-Identifier: Apache-2.0
#include "cpp/counted/rule.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hoop::testing::rules {

namespace {

constexpr std::size_t kIndent = 2;

Words words_of(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

// The lines from `at` on that are indented to `depth` at least.
Program parse(const Words& lines, std::size_t& at, std::size_t depth) {
  Program program;
  while (at < lines.size() && lines[at].find_first_not_of(' ') >= depth) {
    const Words words = words_of(lines[at++]);
    program.push_back({words, parse(lines, at, depth + kIndent)});
  }
  return program;
}

// The lines of the file's fields, by their names; a field of one line is a list of one.
class Fields {
 public:
  void begin(const std::string& line) {
    const std::size_t colon = line.find(':');
    fields_.emplace_back(line.substr(0, colon), Words());
    if (colon + kIndent < line.size()) add(line.substr(colon + kIndent));
  }
  void add(const std::string& line) { fields_.back().second.push_back(line); }
  [[nodiscard]] Words get(std::string_view name) const {
    for (const auto& [field, lines] : fields_) {
      if (field == name) return lines;
    }
    return {};
  }
  [[nodiscard]] Rule rule() const {
    std::size_t at = 0;
    return {get("rule").at(0), get("says").at(0), parse(get("do"), at, 0), get("log")};
  }

 private:
  std::vector<std::pair<std::string, Words>> fields_;
};

Words events_of(const std::string& line) {
  constexpr std::string_view kGroup = "any order: ";
  constexpr std::string_view kBetween = "; ";
  if (!line.starts_with(kGroup)) return {line};
  Words events;
  for (std::size_t at = kGroup.size(); at < line.size();) {
    const std::size_t end = std::min(line.find(kBetween, at), line.size());
    events.push_back(line.substr(at, end - at));
    at = end + kBetween.size();
  }
  return events;
}

std::string quoted(const Words& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "\"" : ", \"") + line + '"';
  return text.empty() ? "nothing" : text;
}

}  // namespace

std::vector<Rule> read_rules() {
  std::ifstream in(std::filesystem::path(__FILE__).parent_path() / "../../rules/rules.txt");
  std::vector<Fields> rules;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with(' ')) {
      rules.back().add(line.substr(kIndent));
      continue;
    }
    if (line.starts_with("rule:")) rules.emplace_back();
    rules.back().begin(line);
  }
  std::vector<Rule> read;
  for (const Fields& rule : rules) read.push_back(rule.rule());
  return read;
}

std::string difference(const Words& expected, const Words& log) {
  auto at = log.begin();
  for (const std::string& line : expected) {
    Words events = events_of(line);
    const auto left = static_cast<std::size_t>(log.end() - at);
    Words found(at, at + static_cast<std::ptrdiff_t>(std::min(events.size(), left)));
    at += static_cast<std::ptrdiff_t>(found.size());
    std::sort(events.begin(), events.end());
    std::sort(found.begin(), found.end());
    if (found != events) return "expected \"" + line + "\", got " + quoted(found);
  }
  return at == log.end() ? "" : "not expected: " + quoted(Words(at, log.end()));
}

}  // namespace hoop::testing::rules
