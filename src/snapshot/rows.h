// SPDX-License-Identifier: Apache-2.0
// The columns that have one entry for each object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/units.h"
#include "snapshot/collector_lists.h"
#include "snapshot/content.h"
#include "snapshot/frames.h"
#include "snapshot/keyed_hash.h"
#include "snapshot/python_layout.h"
#include "snapshot/sections.h"
#include "snapshot/sizes.h"
#include "snapshot/strings.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

// What section LABELS says of an object.
struct Label {
  StringNumber name = 0;
  StringNumber qualified_name = 0;
  StringNumber place = 0;
  std::uint32_t line = 0;
  std::uint64_t number = 0;

  [[nodiscard]] bool is_empty() const {
    return (name | qualified_name | place | line) == 0 && number == 0;
  }
};

class Rows {
 public:
  Rows(Sections& sections, Strings& strings, const PythonLayout& layout, const HashKey& key,
       const Generations& generations)
      : sections_(sections),
        strings_(strings),
        layout_(layout),
        hash_(key),
        generations_(generations) {}

  // Reads all that is needed before it writes: a fault leaves the columns as they were.
  void add(Address object, const TypeInfo& info, std::size_t edges, bool is_tracked);
  // One whose memory could not be read to the end.
  void add_damaged(Address object, std::uint32_t type_row, std::size_t edges);
  // What is no object of Python's; `address` only tells them apart.
  void add_pseudo(Address address, std::uint32_t type_row, std::size_t edges, const Label& label);

  [[nodiscard]] Label label_of_frame(const FrameView& frame);
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  struct Common {
    std::uint32_t type_row;
    std::size_t size;
    std::uint64_t count;
    std::uint8_t flags;
    std::size_t edges;
  };
  struct Text {
    std::size_t length;
    std::uint8_t width;
    StringNumber text;
    std::uint32_t hash;
  };

  void add_common(Address address, const Common& row);
  void add_label(const Label& label);
  void add_text(const Text& text);
  void add_buffer(std::size_t bytes);
  void add_content(const Content& content);
  [[nodiscard]] std::uint64_t coded_count(Address object) const;
  [[nodiscard]] Text text_of(Address object, const TypeInfo& info);
  [[nodiscard]] Label label_of(Address object, const TypeInfo& info);
  [[nodiscard]] Label label_of_code(Address code);
  [[nodiscard]] Label label_of_module(Address module);

  Sections& sections_;
  Strings& strings_;
  const PythonLayout& layout_;
  KeyedHash hash_;
  const Generations& generations_;
  std::size_t count_ = 0;
  Address last_address_ = 0;
  std::size_t last_labelled_ = 0;
  std::size_t last_with_buffer_ = 0;
  std::size_t last_with_content_ = 0;
};

}  // namespace hoop::snapshot
