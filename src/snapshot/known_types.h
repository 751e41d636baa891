// SPDX-License-Identifier: Apache-2.0
// The types that are read by more than their tp_traverse and their members: by name.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "snapshot/format.h"
#include "snapshot/python_layout.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

struct KnownType {
  std::string_view name;  // tp_name
  Layout layout;
  Walk walk;
  SizeRule size;
  BufferRule buffer = BufferRule::kNone;
  OpenRule open = OpenRule::kNone;
};

// nullptr: nothing special.
const KnownType* known_type(std::string_view name);

// A reference at a fixed place. `offset` is kAbsent where the version has none.
struct KnownPart {
  Offset offset;
  std::string_view name;
  EdgeKind kind = EdgeKind::kAttribute;
};

class KnownParts {
 public:
  void add(Offset offset, std::string_view name, EdgeKind kind = EdgeKind::kAttribute) {
    if (offset != kAbsent && count_ < parts_.size()) parts_[count_++] = {offset, name, kind};
  }
  [[nodiscard]] const KnownPart* begin() const { return parts_.data(); }
  [[nodiscard]] const KnownPart* end() const { return parts_.data() + count_; }

 private:
  static constexpr std::size_t kMost = 24;

  std::array<KnownPart, kMost> parts_{};
  std::size_t count_ = 0;
};
void find_known_parts(const KnownType& type, const PythonLayout& layout, KnownParts& parts);

}  // namespace hoop::snapshot
