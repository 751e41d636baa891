// SPDX-License-Identifier: Apache-2.0
#include "remote/blob.h"

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "remote/registers.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr std::size_t kPage = 4 * kKiB;
constexpr std::size_t kMostBytes = 64 * kMiB;

Trouble no_blob(const char* why) {
  return Trouble(std::string("the code for the copy cannot be loaded: ") + why);
}

template <class T>
bool copy_out(std::span<const std::byte> from, std::uint64_t at, T& to) {
  if (at > from.size() || from.size() - at < sizeof(T)) return false;
  std::memcpy(&to, from.data() + at, sizeof(T));
  return true;
}

}  // namespace

template <class T>
bool Blob::value(std::uint64_t at, T& to) const {
  return copy_out(std::span<const std::byte>(content_), at, to);
}

Trouble Blob::read_relocations(Address dynamic, std::size_t bytes) {
  std::uint64_t table = 0;
  std::uint64_t table_bytes = 0;
  for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= bytes; at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry{};
    if (!value(dynamic + at, entry)) return no_blob("a table lies outside of it");
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_RELA) table = entry.d_un.d_ptr;
    if (entry.d_tag == DT_RELASZ) table_bytes = entry.d_un.d_val;
    if (entry.d_tag == DT_NEEDED) return no_blob("it needs a library");
    if (entry.d_tag == DT_JMPREL || entry.d_tag == DT_REL || entry.d_tag == 36 /* DT_RELR */)
      return no_blob("it has relocations of an unknown kind");
  }
  for (std::uint64_t at = 0; at + sizeof(Elf64_Rela) <= table_bytes; at += sizeof(Elf64_Rela)) {
    Elf64_Rela one{};
    std::uint64_t slot = 0;
    if (!value(table + at, one) || !value(one.r_offset, slot))
      return no_blob("a relocation lies outside of it");
    if (ELF64_R_TYPE(one.r_info) != kElfRelative) return no_blob("it leans on symbols of others");
    relocations_.push_back({one.r_offset, static_cast<Address>(one.r_addend)});
  }
  return {};
}

Trouble Blob::read_parts(std::span<const std::byte> file) {
  Elf64_Ehdr header{};
  if (!copy_out(file, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_type != ET_DYN || header.e_machine != kElfMachine)
    return no_blob("it is no shared object for this processor");
  entry_ = header.e_entry;
  Elf64_Phdr dynamic{};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    if (!copy_out(file, header.e_phoff + i * sizeof part, part)) return no_blob("it is cut off");
    if (part.p_type == PT_TLS) return no_blob("it has thread-local variables");
    if (part.p_type == PT_DYNAMIC) dynamic = part;
    if (part.p_type != PT_LOAD) continue;
    if (part.p_vaddr > kMostBytes || part.p_memsz > kMostBytes || part.p_filesz > part.p_memsz ||
        part.p_offset > file.size() || file.size() - part.p_offset < part.p_filesz)
      return no_blob("it is cut off");
    const std::size_t begin = round_down(part.p_vaddr, kPage);
    const std::size_t end = round_up(part.p_vaddr + part.p_memsz, kPage);
    if (end > content_.size()) content_.resize(end);
    std::memcpy(content_.data() + part.p_vaddr, file.data() + part.p_offset, part.p_filesz);
    parts_.push_back({begin, end - begin, (part.p_flags & PF_X) != 0});
  }
  if (entry_ == 0 || entry_ >= content_.size()) return no_blob("it has no entry");
  return read_relocations(dynamic.p_vaddr, dynamic.p_memsz);
}

Trouble Blob::read(std::span<const std::byte> file) {
  content_.clear();
  parts_.clear();
  relocations_.clear();
  return read_parts(file);
}

std::vector<std::byte> Blob::placed_at(Address base) const {
  std::vector<std::byte> placed = content_;
  for (const Relocation& one : relocations_) {
    const Address value = base + one.addend;
    std::memcpy(placed.data() + one.offset, &value, sizeof value);
  }
  return placed;
}

}  // namespace hoop::remote
