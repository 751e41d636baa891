// SPDX-License-Identifier: Apache-2.0
#include "snapshot/sections.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "os/bare.h"
#include "snapshot/format.h"

namespace hoop::snapshot {

bool Sections::open(const FileHeader& header) {
  memory_ = static_cast<std::uint8_t*>(os::bare::map(kSectionCount * kBlockBytes));
  if (memory_ == nullptr) {
    error_ = ENOMEM;
    return false;
  }
  for (std::size_t i = 0; i < kSectionCount; ++i) buffers_[i] = {memory_ + i * kBlockBytes, 0};
  write(&header, sizeof header);
  return ok();
}

void Sections::bytes(Section section, const void* data, std::size_t size) {
  const auto* from = static_cast<const std::uint8_t*>(data);
  while (size > 0) {
    Buffer& buffer = room_in(section, 1);
    const std::size_t part = std::min(size, kBlockBytes - buffer.size);
    std::memcpy(buffer.bytes + buffer.size, from, part);
    buffer.size += part;
    from += part;
    size -= part;
  }
}

void Sections::flush(Section section) {
  Buffer& buffer = buffers_[static_cast<std::size_t>(section)];
  if (buffer.size == 0) return;
  const std::uint64_t at = offset_;
  write_block(section, buffer.bytes, buffer.size);
  const DirectoryEntry entry{static_cast<std::uint32_t>(section), 0, at, buffer.size, buffer.size};
  if (!directory_.push(entry)) error_ = ENOMEM;
  buffer.size = 0;
}

bool Sections::close() {
  for (std::size_t i = 1; i < kSectionCount; ++i) flush(static_cast<Section>(i));
  Trailer trailer{offset_, {}};
  std::memcpy(trailer.magic, kEndMagic, sizeof trailer.magic);
  write_block(Section::kEnd, directory_.data(), directory_.size() * sizeof(DirectoryEntry));
  write(&trailer, sizeof trailer);
  os::bare::unmap(memory_, kSectionCount * kBlockBytes);
  return ok();
}

void Sections::write_block(Section section, const void* data, std::size_t bytes) {
  const BlockHeader header{static_cast<std::uint32_t>(section), 0, bytes, bytes};
  write(&header, sizeof header);
  write(data, bytes);
}

void Sections::write(const void* data, std::size_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0 && ok()) {
    const long written = os::bare::write(file_, from, bytes);
    if (written == -EINTR) continue;
    if (written <= 0) {
      error_ = written == 0 ? ENOSPC : static_cast<int>(-written);
      return;
    }
    from += written;
    bytes -= static_cast<std::size_t>(written);
    offset_ += static_cast<std::uint64_t>(written);
  }
}

}  // namespace hoop::snapshot
