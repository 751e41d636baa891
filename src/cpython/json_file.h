// SPDX-License-Identifier: Apache-2.0
// Writes one JSON document to a file, without allocating.
#pragma once

#include <cstdint>

#include "os/file.h"

namespace hoop::cpython {

class JsonFile {
 public:
  explicit JsonFile(const char* path) noexcept : file_(path) {}

  JsonFile& begin_object(const char* key = nullptr) noexcept { return open(key, '{'); }
  JsonFile& begin_array(const char* key = nullptr) noexcept { return open(key, '['); }
  JsonFile& end_object() noexcept { return close('}'); }
  JsonFile& end_array() noexcept { return close(']'); }

  // `key` is nullptr inside an array.
  JsonFile& number(const char* key, std::uint64_t value) noexcept;
  // part / whole, four digits; 0 of 0 is 0.
  JsonFile& fraction(const char* key, std::uint64_t part, std::uint64_t whole) noexcept;
  JsonFile& boolean(const char* key, bool value) noexcept;
  JsonFile& string(const char* key, const char* value) noexcept;  // nullptr becomes null
  JsonFile& null(const char* key) noexcept { return string(key, nullptr); }

  bool finish() noexcept { return file_.finish(); }

 private:
  JsonFile& open(const char* key, char bracket) noexcept;
  JsonFile& close(char bracket) noexcept;
  void begin_item(const char* key) noexcept;
  void raw(const char* text) noexcept;
  void quoted(const char* text) noexcept;

  os::FileWriter file_;
  bool first_ = true;
};

}  // namespace hoop::cpython
