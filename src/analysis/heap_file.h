// SPDX-License-Identifier: Apache-2.0
// A snapshot file: its frame, checked, and its sections as streams of numbers. What is wrong with
// it is a FileError with the offset. docs/format/snapshot.md says what the bytes mean.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "os/input_file.h"
#include "snapshot/format.h"

namespace hoop::analysis {

class HeapFile {
 public:
  explicit HeapFile(std::string path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const snapshot::FileHeader& header() const { return header_; }
  [[nodiscard]] os::FileState state() const { return state_; }
  // Of all its blocks, unpacked.
  [[nodiscard]] std::uint64_t raw_bytes(snapshot::Section section) const;
  // In the file's order; those of unknown sections too.
  [[nodiscard]] const std::vector<snapshot::DirectoryEntry>& blocks() const { return blocks_; }
  // The payload, unpacked.
  void read_block(const snapshot::DirectoryEntry& block, std::vector<std::uint8_t>& to) const;
  // The payload as it lies in the file.
  void read_stored(const snapshot::DirectoryEntry& block, std::vector<std::uint8_t>& to) const;

  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_at(std::uint64_t offset, const std::string& what) const;

 private:
  void read_header();
  void read_directory();
  void check_blocks(std::uint64_t end_offset);
  [[noreturn]] void fail_as_half() const;
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;

  std::string path_;
  os::InputFile file_;
  os::FileState state_;
  snapshot::FileHeader header_{};
  std::vector<snapshot::DirectoryEntry> blocks_;
};

// One section from its begin to its end.
class SectionReader {
 public:
  SectionReader(const HeapFile& file, snapshot::Section section);

  [[nodiscard]] bool at_end();
  std::uint64_t number() {
    // The longest number fits: no look at the end of the block for each byte.
    if (end_ - at_ >= kMostVarintBytes) [[likely]] {
      std::uint64_t value = *at_++;
      if (value < 0x80) [[likely]]
        return value;
      return rest_of_number(value & 0x7F);
    }
    return number_slow();
  }
  std::int64_t signed_number() { return snapshot::unzigzag(number()); }
  std::uint8_t byte() {
    if (at_ == end_) [[unlikely]]
      next_block();
    return *at_++;
  }
  void bytes(void* to, std::size_t count);
  // A number that has to be below `limit`.
  std::uint64_t number_below(std::uint64_t limit, const char* what) {
    const std::uint64_t value = number();
    if (value >= limit) [[unlikely]]
      fail(what);
    return value;
  }

  // Where in the file reading stands, for messages.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  static constexpr std::ptrdiff_t kMostVarintBytes = 10;

  std::uint64_t rest_of_number(std::uint64_t value);
  std::uint64_t number_slow();
  void next_block();

  const HeapFile& file_;
  snapshot::Section section_;
  std::size_t next_ = 0;  // the block to look at next
  std::size_t current_ = 0;
  std::vector<std::uint8_t> buffer_;
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
};

const char* name_of(snapshot::Section section);

// Rewrites a file with its blocks packed; what is packed already stays so. Bytes saved.
std::uint64_t compress(const std::string& path);
// False: this build has no zstd.
bool can_compress();

}  // namespace hoop::analysis
