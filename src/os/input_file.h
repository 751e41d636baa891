// SPDX-License-Identifier: Apache-2.0
// A file that is read at any place, or mapped.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hoop::os {

struct FileState {
  std::uint64_t bytes = 0;
  std::uint64_t modified = 0;  // ns since 1970
  bool is_regular = false;
  bool is_ours = false;  // of this user
};

class InputFile {
 public:
  InputFile() = default;
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // 0, or errno.
  [[nodiscard]] int open(const char* path) noexcept;
  [[nodiscard]] FileState state() const noexcept;
  // False where there are not so many bytes, or they cannot be read.
  [[nodiscard]] bool read_at(std::uint64_t offset, void* to, std::size_t bytes) const noexcept;
  // The whole file, for reading. nullptr: it cannot be mapped.
  [[nodiscard]] const void* map(std::size_t bytes) const noexcept;

 private:
  int descriptor_ = -1;
};

// A new file under a temporary name beside `path`, of mode 0600; it becomes `path` at finish().
class OutputFile {
 public:
  OutputFile() = default;
  ~OutputFile();  // without finish(): removes what was written
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  // 0, or errno.
  [[nodiscard]] int create(const char* path) noexcept;
  [[nodiscard]] int write(const void* data, std::size_t bytes) noexcept;
  [[nodiscard]] int finish() noexcept;

 private:
  static constexpr std::size_t kMostPath = 4096;

  int descriptor_ = -1;
  char path_[kMostPath] = {};
  char temporary_[kMostPath + 16] = {};
};

}  // namespace hoop::os
