// SPDX-License-Identifier: Apache-2.0
#include "analysis/heap_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "analysis/file_error.h"
#include "analysis/packing.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::BlockHeader;
using snapshot::DirectoryEntry;
using snapshot::Section;

namespace {

constexpr const char* kNames[snapshot::kSectionCount] = {
    "END",         "STRINGS",      "TYPES",        "OBJECT_ADDRESS", "OBJECT_TYPE",
    "OBJECT_SIZE", "OBJECT_COUNT", "OBJECT_FLAGS", "OBJECT_EDGES",   "EDGE_KIND",
    "EDGE_NAME",   "EDGE_TARGET",  "TEXT",         "CAPACITY",       "BUFFERS",
    "LABELS",      "ROOTS",        "MEMORY",       "META",           "CONTENT"};

bool same(const char* bytes, const char* magic) {
  return std::memcmp(bytes, magic, snapshot::kMagicBytes) == 0;
}

}  // namespace

const char* name_of(Section section) {
  const auto number = static_cast<std::size_t>(section);
  return number < snapshot::kSectionCount ? kNames[number] : "?";
}

HeapFile::HeapFile(std::string path) : path_(std::move(path)) {
  const int error = file_.open(path_.c_str());
  if (error != 0) throw FileError(path_ + ": cannot be opened: " + std::strerror(error));
  state_ = file_.state();
  if (!state_.is_regular) throw FileError(path_ + ": is no regular file; name a snapshot file");
  read_header();
  read_directory();
}

void HeapFile::fail(const std::string& what) const { throw FileError(path_ + ": " + what); }

void HeapFile::fail_at(std::uint64_t offset, const std::string& what) const {
  fail("damaged at offset " + std::to_string(offset) + ": " + what +
       "; copy the file again, or take the snapshot again");
}

void HeapFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  if (!file_.read_at(offset, to, bytes)) fail_at(offset, "it cannot be read");
}

void HeapFile::read_header() {
  char magic[snapshot::kMagicBytes] = {};
  const bool has_magic = state_.bytes >= sizeof magic && file_.read_at(0, magic, sizeof magic) &&
                         same(magic, snapshot::kMagic);
  if (!has_magic && state_.bytes > 0) fail("is no snapshot of a heap");
  if (state_.bytes < sizeof header_) fail_as_half();
  read(0, &header_, sizeof header_);
  if (header_.version != snapshot::kVersion)
    fail("has format version " + std::to_string(header_.version) + ", and this hoop reads " +
         std::to_string(snapshot::kVersion) + "; use the hoop that took it, or a newer one");
  if (header_.header_bytes < sizeof header_ || header_.header_bytes > state_.bytes)
    fail_at(12, "a header of " + std::to_string(header_.header_bytes) + " bytes");
}

void HeapFile::fail_as_half() const {
  // Where the last whole block ends.
  std::uint64_t at = std::min<std::uint64_t>(header_.header_bytes, state_.bytes);
  BlockHeader block{};
  while (state_.bytes - at >= sizeof block && file_.read_at(at, &block, sizeof block) &&
         block.stored_bytes <= state_.bytes - at - sizeof block)
    at += sizeof block + block.stored_bytes;
  fail("is half a snapshot: it breaks off at offset " + std::to_string(at) +
       ", before its end was written (the writer was killed, or the disk was full); take it again");
}

void HeapFile::read_directory() {
  snapshot::Trailer trailer{};
  const std::uint64_t least = header_.header_bytes + sizeof(BlockHeader) + sizeof trailer;
  if (state_.bytes < least) fail_as_half();
  const std::uint64_t trailer_offset = state_.bytes - sizeof trailer;
  read(trailer_offset, &trailer, sizeof trailer);
  if (!same(trailer.magic, snapshot::kEndMagic)) fail_as_half();
  BlockHeader end{};
  if (trailer.end_offset < header_.header_bytes || trailer.end_offset > trailer_offset - sizeof end)
    fail_at(trailer_offset, "the directory lies outside the file");
  read(trailer.end_offset, &end, sizeof end);
  const std::uint64_t room = trailer_offset - trailer.end_offset - sizeof end;
  if (end.section != 0 || end.flags != 0 || end.stored_bytes != room || end.raw_bytes != room ||
      room % sizeof(DirectoryEntry) != 0)
    fail_at(trailer.end_offset, "no directory here");
  blocks_.resize(room / sizeof(DirectoryEntry));
  if (!blocks_.empty()) read(trailer.end_offset + sizeof end, blocks_.data(), room);
  check_blocks(trailer.end_offset);
}

void HeapFile::check_blocks(std::uint64_t end_offset) {
  std::uint64_t at = header_.header_bytes;
  for (const DirectoryEntry& entry : blocks_) {
    if (entry.offset != at || end_offset - at < sizeof(BlockHeader) ||
        entry.stored_bytes > end_offset - at - sizeof(BlockHeader))
      fail_at(at, "the directory has another block here");
    BlockHeader block{};
    read(at, &block, sizeof block);
    if (block.section != entry.section || block.flags != entry.flags ||
        block.stored_bytes != entry.stored_bytes || block.raw_bytes != entry.raw_bytes)
      fail_at(at, "the block is not what the directory says");
    if (block.section == 0) fail_at(at, "a second end");
    const bool packed = (block.flags & snapshot::kCompressed) != 0;
    if (packed ? block.raw_bytes > kMostBlockBytes : block.raw_bytes != block.stored_bytes)
      fail_at(at + 16, "a block of " + std::to_string(block.raw_bytes) + " bytes");
    at += sizeof block + block.stored_bytes;
  }
  if (at != end_offset) fail_at(at, "bytes that belong to no block");
}

std::uint64_t HeapFile::raw_bytes(Section section) const {
  std::uint64_t sum = 0;
  for (const DirectoryEntry& block : blocks_)
    if (block.section == static_cast<std::uint32_t>(section)) sum += block.raw_bytes;
  return sum;
}

void HeapFile::read_stored(const DirectoryEntry& block, std::vector<std::uint8_t>& to) const {
  to.resize(block.stored_bytes);
  read(block.offset + sizeof(BlockHeader), to.data(), to.size());
}

void HeapFile::read_block(const DirectoryEntry& block, std::vector<std::uint8_t>& to) const {
  if ((block.flags & snapshot::kCompressed) == 0) {
    read_stored(block, to);
    return;
  }
  if (!has_zstd())
    fail(
        "is packed with zstd, which this build of Hoopsnake lacks; install libzstd's headers "
        "(libzstd-dev) and build it again");
  std::vector<std::uint8_t> packed;
  read_stored(block, packed);
  to.resize(block.raw_bytes);
  if (!unpack(packed, to)) fail_at(block.offset, "its zstd frame cannot be unpacked");
}

SectionReader::SectionReader(const HeapFile& file, Section section)
    : file_(file), section_(section) {}

void SectionReader::fail(const std::string& what) const {
  const std::string where = std::string("in ") + name_of(section_) + ", ";
  if (current_ >= file_.blocks().size()) file_.fail("damaged: " + where + what);
  const DirectoryEntry& block = file_.blocks()[current_];
  const auto left = static_cast<std::uint64_t>(end_ - at_);
  const bool packed = (block.flags & snapshot::kCompressed) != 0;
  const std::uint64_t inside = packed ? 0 : sizeof(BlockHeader) + block.raw_bytes - left;
  file_.fail_at(block.offset + inside, where + what);
}

bool SectionReader::at_end() {
  while (at_ == end_) {
    const auto& blocks = file_.blocks();
    while (next_ < blocks.size() && blocks[next_].section != static_cast<std::uint32_t>(section_))
      ++next_;
    if (next_ == blocks.size()) return true;
    current_ = next_++;
    file_.read_block(blocks[current_], buffer_);
    at_ = buffer_.data();
    end_ = at_ + buffer_.size();
  }
  return false;
}

void SectionReader::next_block() {
  if (at_end()) fail("it ends too early");
}

std::uint64_t SectionReader::rest_of_number(std::uint64_t value) {
  for (unsigned shift = 7; shift < 64; shift += 7) {
    const std::uint64_t next = *at_++;
    value |= (next & 0x7F) << shift;
    if (next < 0x80) return value;
  }
  fail("a number without an end");
}

std::uint64_t SectionReader::number_slow() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t next = byte();
    value |= (next & 0x7F) << shift;
    if (next < 0x80) return value;
  }
  fail("a number without an end");
}

void SectionReader::bytes(void* to, std::size_t count) {
  auto* out = static_cast<std::uint8_t*>(to);
  while (count > 0) {
    if (at_ == end_) next_block();
    const std::size_t here = std::min(count, static_cast<std::size_t>(end_ - at_));
    std::memcpy(out, at_, here);
    out += here;
    at_ += here;
    count -= here;
  }
}

}  // namespace hoop::analysis
