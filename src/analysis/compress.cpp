// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "analysis/file_error.h"
#include "analysis/heap_file.h"
#include "analysis/packing.h"
#include "os/input_file.h"
#include "snapshot/format.h"

namespace hoop::analysis {

namespace {

using snapshot::BlockHeader;
using snapshot::DirectoryEntry;

// Small blocks of one section are joined: they pack better.
constexpr std::uint64_t kJoinedBytes = std::uint64_t{1} << 20;

class Rewriter {
 public:
  explicit Rewriter(const HeapFile& file) : file_(file) { check(out_.create(file.path().c_str())); }

  std::uint64_t run() {
    snapshot::FileHeader header = file_.header();
    header.header_bytes = sizeof header;
    put(&header, sizeof header);
    std::vector<std::vector<std::uint8_t>> joined(snapshot::kSectionCount);
    for (const DirectoryEntry& block : file_.blocks()) {
      file_.read_block(block, payload_);
      if (block.section >= snapshot::kSectionCount) {
        put_block(block.section, payload_);
        continue;
      }
      auto& waiting = joined[block.section];
      waiting.insert(waiting.end(), payload_.begin(), payload_.end());
      if (waiting.size() >= kJoinedBytes) flush(block.section, waiting);
    }
    for (std::uint32_t section = 1; section < snapshot::kSectionCount; ++section)
      flush(section, joined[section]);
    put_end();
    check(out_.finish());
    return offset_;
  }

 private:
  void flush(std::uint32_t section, std::vector<std::uint8_t>& waiting) {
    if (!waiting.empty()) put_block(section, waiting);
    waiting.clear();
  }
  void put_block(std::uint32_t section, const std::vector<std::uint8_t>& raw) {
    const bool smaller = raw.size() <= kMostBlockBytes && pack(raw, packed_);
    const std::vector<std::uint8_t>& stored = smaller ? packed_ : raw;
    const std::uint32_t flags = smaller ? snapshot::kCompressed : 0;
    directory_.push_back({section, flags, offset_, stored.size(), raw.size()});
    const BlockHeader header{section, flags, stored.size(), raw.size()};
    put(&header, sizeof header);
    put(stored.data(), stored.size());
  }
  void put_end() {
    const std::uint64_t bytes = directory_.size() * sizeof(DirectoryEntry);
    snapshot::Trailer trailer{offset_, {}};
    std::memcpy(trailer.magic, snapshot::kEndMagic, snapshot::kMagicBytes);
    const BlockHeader header{0, 0, bytes, bytes};
    put(&header, sizeof header);
    put(directory_.data(), bytes);
    put(&trailer, sizeof trailer);
  }
  void put(const void* data, std::uint64_t bytes) {
    check(out_.write(data, bytes));
    offset_ += bytes;
  }
  void check(int error) const {
    if (error != 0)
      file_.fail(std::string("cannot be packed: ") + std::strerror(error) + "; it stays as it was");
  }

  const HeapFile& file_;
  os::OutputFile out_;
  std::uint64_t offset_ = 0;
  std::vector<DirectoryEntry> directory_;
  std::vector<std::uint8_t> payload_, packed_;
};

}  // namespace

bool can_compress() { return has_zstd(); }

std::uint64_t compress(const std::string& path) {
  if (!has_zstd())
    throw FileError(
        "this build of Hoopsnake lacks zstd; install libzstd's headers "
        "(libzstd-dev) and build it again");
  const HeapFile file(path);
  const std::uint64_t before = file.state().bytes;
  const std::uint64_t after = Rewriter(file).run();
  return before > after ? before - after : 0;
}

}  // namespace hoop::analysis
