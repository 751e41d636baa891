// SPDX-License-Identifier: Apache-2.0
// Writes the frame of a snapshot file: sections that grow side by side, in blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "snapshot/format.h"
#include "snapshot/table.h"

namespace hoop::snapshot {

class Sections {
 public:
  // `file`: where to; a pipe will do.
  explicit Sections(int file) : file_(file) {}

  // False: no memory.
  [[nodiscard]] bool open(const FileHeader& header);
  // Writes what is left, the directory and the end. Returns ok().
  bool close();

  void number(Section section, std::uint64_t value) {
    Buffer& buffer = room_in(section, kMostVarintBytes);
    std::uint8_t* to = buffer.bytes + buffer.size;
    while (value >= 0x80) {
      *to++ = static_cast<std::uint8_t>(value) | 0x80;
      value >>= 7;
    }
    *to++ = static_cast<std::uint8_t>(value);
    buffer.size = static_cast<std::size_t>(to - buffer.bytes);
  }
  void signed_number(Section section, std::int64_t value) { number(section, zigzag(value)); }
  void byte(Section section, std::uint8_t value) {
    Buffer& buffer = room_in(section, 1);
    buffer.bytes[buffer.size++] = value;
  }
  void bytes(Section section, const void* data, std::size_t size);

  // False once something could not be written: nothing is written after that. error(): errno, or 0.
  [[nodiscard]] bool ok() const { return error_ == 0; }
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] std::uint64_t written() const { return offset_; }

 private:
  static constexpr std::size_t kBlockBytes = 256 * kKiB;
  static constexpr std::size_t kMostVarintBytes = 10;

  struct Buffer {
    std::uint8_t* bytes;
    std::size_t size;
  };

  Buffer& room_in(Section section, std::size_t bytes) {
    Buffer& buffer = buffers_[static_cast<std::size_t>(section)];
    if (buffer.size + bytes > kBlockBytes) [[unlikely]]
      flush(section);
    return buffer;
  }
  void flush(Section section);
  void write_block(Section section, const void* data, std::size_t bytes);
  void write(const void* data, std::size_t bytes);

  int file_;
  int error_ = 0;
  std::uint64_t offset_ = 0;
  std::uint8_t* memory_ = nullptr;
  std::array<Buffer, kSectionCount> buffers_{};
  GrowingArray<DirectoryEntry> directory_;
};

}  // namespace hoop::snapshot
