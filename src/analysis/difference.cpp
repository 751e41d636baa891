// SPDX-License-Identifier: Apache-2.0
// What appeared between snapshots and stayed. An object is the same if its address and its type
// are: an address that was used anew for another object of the same type is taken for the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "analysis/columns.h"
#include "analysis/snapshot.h"

namespace hoop::analysis {

namespace {

// Rows of one file's types in another's. kNone: it has no such type.
std::vector<std::uint32_t> translate_types(const Columns& from, const Columns& to) {
  std::unordered_map<std::string, std::uint32_t> rows;
  for (std::size_t i = 0; i < to.types.size(); ++i)
    rows.emplace(to.type_name(static_cast<std::uint32_t>(i)), static_cast<std::uint32_t>(i));
  std::vector<std::uint32_t> translated(from.types.size(), kNone);
  for (std::size_t i = 0; i < from.types.size(); ++i) {
    const auto row = rows.find(from.type_name(static_cast<std::uint32_t>(i)));
    if (row != rows.end()) translated[i] = row->second;
  }
  return translated;
}

class Other {
 public:
  Other(const Columns& last, const Columns& other)
      : last_(last),
        other_(other),
        rows_(translate_types(last, other)),
        own_rows_(translate_types(other, other)) {}

  [[nodiscard]] bool has(ObjectId object) const {
    const ObjectId there = other_.find(last_.address[object]);
    return there != kNone && own_rows_[other_.type[there]] == rows_[last_.type[object]];
  }

 private:
  const Columns& last_;
  const Columns& other_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> own_rows_;  // types of one name are one
};

}  // namespace

std::vector<ObjectId> appeared(const Columns& first, const Columns& middle, const Columns& last) {
  const Other before(last, first);
  const Other between(last, middle);
  std::vector<ObjectId> found;
  for (std::size_t i = 0; i < last.objects(); ++i) {
    const auto object = static_cast<ObjectId>(i);
    if (!before.has(object) && (&middle == &last || between.has(object))) found.push_back(object);
  }
  return found;
}

}  // namespace hoop::analysis
