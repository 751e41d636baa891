// SPDX-License-Identifier: Apache-2.0
// Section STRINGS: texts of the process, numbered as they are met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/units.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/sections.h"
#include "snapshot/table.h"

namespace hoop::snapshot {

using StringNumber = std::uint32_t;  // 0: none

class Strings {
 public:
  Strings(Sections& sections, const PythonLayout& layout, bool with_values)
      : sections_(sections), layout_(layout), with_values_(with_values) {}

  // A new number each time.
  StringNumber add(std::string_view text);
  // A C string of the process; the same number for the same address.
  StringNumber of_c_string(Address text);
  // A text of this program; the same number each time.
  StringNumber of_constant(const char* text) {
    return of_c_string(reinterpret_cast<Address>(text));
  }
  // What is code, not data: names of functions, modules, files. 0: it is no str.
  StringNumber of_name(Address object);
  // What may be data: identifiers of up to 32 characters, all of it with values. 0: not shown.
  StringNumber of_key(Address object);
  [[nodiscard]] bool shows_values() const { return with_values_; }

 private:
  StringNumber add_characters(const Characters& characters);
  void put_utf8(const Characters& characters);
  [[nodiscard]] bool may_be_shown(const Characters& characters) const;

  static constexpr std::size_t kLongestKey = 32;
  static constexpr std::size_t kLongestText = 4096;

  Sections& sections_;
  const PythonLayout& layout_;
  bool with_values_;
  StringNumber count_ = 0;
  AddressNumbers names_;  // of any length
  AddressNumbers keys_;   // interned, and may be shown
};

}  // namespace hoop::snapshot
