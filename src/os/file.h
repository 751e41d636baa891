// SPDX-License-Identifier: Apache-2.0
// Files, by system calls: a buffered writer, and a file mapped so that its content outlives the
// process.
#pragma once

#include <cstddef>

namespace hoop::os {

// Writes a new file under a temporary name and renames it at finish(): readers see all of it or
// nothing. Allocates nothing. Mode 0600.
class FileWriter {
 public:
  explicit FileWriter(const char* path) noexcept;
  ~FileWriter();  // without finish(): removes what was written
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(const char* data, std::size_t length) noexcept;
  // False when anything could not be written.
  bool finish() noexcept;

 private:
  void flush() noexcept;

  int descriptor_ = -1;
  bool failed_ = false;
  std::size_t used_ = 0;
  char path_[512];
  char temporary_[520];
  char buffer_[8192];
};

// Creates `path` with `bytes` zero bytes and maps it shared; no descriptor stays open. nullptr on
// failure.
void* map_new_file(const char* path, std::size_t bytes) noexcept;

// The same for a file of several processes: creates it or opens what is there, made larger if need
// be.
void* map_common_file(const char* path, std::size_t bytes) noexcept;

}  // namespace hoop::os
