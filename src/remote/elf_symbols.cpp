// SPDX-License-Identifier: Apache-2.0
#include "remote/elf_symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "remote/proc_files.h"

namespace hoop::remote {
namespace {

constexpr std::size_t kMostHeaders = 128;
constexpr std::size_t kMostChain = 1 << 20;  // symbols in one bucket: a damaged table ends

struct Image {
  Address shift = 0;  // added to the addresses that the file says
  Address dynamic = 0;
};

bool is_known_elf(const Elf64_Ehdr& header) {
  return std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_phentsize == sizeof(Elf64_Phdr) &&
         header.e_phnum > 0 && header.e_phnum <= kMostHeaders;
}

std::optional<Image> read_image(const TargetMemory& memory, Address base) {
  const auto header = memory.value<Elf64_Ehdr>(base);
  if (!header || !is_known_elf(*header)) return std::nullopt;
  std::vector<Elf64_Phdr> parts(header->e_phnum);
  if (!memory.read(base + header->e_phoff, parts.data(), parts.size() * sizeof parts[0]))
    return std::nullopt;
  Image image;
  Address lowest = ~Address{0};
  for (const Elf64_Phdr& part : parts) {
    if (part.p_type == PT_LOAD && part.p_vaddr < lowest) lowest = part.p_vaddr;
    if (part.p_type == PT_DYNAMIC) image.dynamic = part.p_vaddr;
  }
  if (lowest == ~Address{0}) return std::nullopt;
  image.shift = base - round_down(lowest, 4 * kKiB);
  if (image.dynamic != 0) image.dynamic += image.shift;
  return image;
}

struct DynamicTable {
  Address symbols = 0;
  Address strings = 0;
  Address gnu_hash = 0;
  Address hash = 0;
};

// The dynamic linker of glibc has put addresses in place of what the file says; others leave it.
Address placed(Address value, const Image& image) {
  return value >= image.shift ? value : value + image.shift;
}

std::optional<DynamicTable> read_dynamic(const TargetMemory& memory, const Image& image) {
  DynamicTable table;
  constexpr std::size_t kMostEntries = 512;
  for (std::size_t i = 0; i < kMostEntries; ++i) {
    const auto entry = memory.value<Elf64_Dyn>(image.dynamic + i * sizeof(Elf64_Dyn));
    if (!entry) return std::nullopt;
    const Address at = placed(entry->d_un.d_ptr, image);
    if (entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_SYMTAB) table.symbols = at;
    if (entry->d_tag == DT_STRTAB) table.strings = at;
    if (entry->d_tag == DT_GNU_HASH) table.gnu_hash = at;
    if (entry->d_tag == DT_HASH) table.hash = at;
  }
  if (table.symbols == 0 || table.strings == 0) return std::nullopt;
  return table;
}

// Whether symbol `index` is the one, and where it is then.
std::optional<Address> symbol_if(const TargetMemory& memory, const DynamicTable& table,
                                 const Image& image, std::uint32_t index, const std::string& name) {
  const auto symbol = memory.value<Elf64_Sym>(table.symbols + index * sizeof(Elf64_Sym));
  if (!symbol || symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0) return std::nullopt;
  if (memory.text(table.strings + symbol->st_name, name.size() + 1) != name) return std::nullopt;
  return symbol->st_value + image.shift;
}

std::uint32_t gnu_hash_of(const std::string& name) {
  std::uint32_t hash = 5381;
  for (const char c : name) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

std::optional<Address> find_by_gnu_hash(const TargetMemory& memory, const DynamicTable& table,
                                        const Image& image, const std::string& name) {
  struct Header {
    std::uint32_t buckets, first_symbol, bloom_words, bloom_shift;
  };
  const auto header = memory.value<Header>(table.gnu_hash);
  if (!header || header->buckets == 0) return std::nullopt;
  const Address buckets = table.gnu_hash + sizeof(Header) + Address{header->bloom_words} * 8;
  const Address chains = buckets + Address{header->buckets} * 4;
  const std::uint32_t hash = gnu_hash_of(name);
  const auto first = memory.value<std::uint32_t>(buckets + Address{hash % header->buckets} * 4);
  if (!first || *first < header->first_symbol) return std::nullopt;
  for (std::uint32_t i = *first; i - *first < kMostChain; ++i) {
    const auto link = memory.value<std::uint32_t>(chains + Address{i - header->first_symbol} * 4);
    if (!link) break;
    if ((*link | 1) == (hash | 1)) {
      const auto found = symbol_if(memory, table, image, i, name);
      if (found) return found;
    }
    if ((*link & 1) != 0) break;
  }
  return std::nullopt;
}

// The old table's second word is the number of symbols.
std::optional<Address> find_one_by_one(const TargetMemory& memory, const DynamicTable& table,
                                       const Image& image, const std::string& name) {
  const auto count = memory.value<std::uint32_t>(table.hash + 4);
  for (std::uint32_t i = 0; count && i < *count && i < kMostChain; ++i) {
    const auto found = symbol_if(memory, table, image, i, name);
    if (found) return found;
  }
  return std::nullopt;
}

// A file, mapped to be read. Its content is not trusted.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    struct stat facts {};
    if (::fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
      const auto size = static_cast<std::size_t>(facts.st_size);
      void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (at != MAP_FAILED) bytes_ = {static_cast<const unsigned char*>(at), size};
    }
    ::close(file);
  }
  ~MappedFile() {
    if (!bytes_.empty())
      ::munmap(const_cast<unsigned char*>(bytes_.data()), bytes_.size());  // NOLINT
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  template <class T>
  bool read(std::uint64_t offset, T& to) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return false;
    std::memcpy(&to, bytes_.data() + offset, sizeof(T));
    return true;
  }
  [[nodiscard]] bool holds_text(std::uint64_t offset, const std::string& text) const {
    return offset < bytes_.size() && bytes_.size() - offset > text.size() &&
           std::memcmp(bytes_.data() + offset, text.c_str(), text.size() + 1) == 0;
  }

 private:
  std::span<const unsigned char> bytes_;
};

}  // namespace

std::optional<Address> find_exported(const TargetMemory& memory, Address base,
                                     const std::string& name) {
  const auto image = read_image(memory, base);
  if (!image || image->dynamic == 0) return std::nullopt;
  const auto table = read_dynamic(memory, *image);
  if (!table) return std::nullopt;
  if (table->gnu_hash != 0) return find_by_gnu_hash(memory, *table, *image, name);
  if (table->hash != 0) return find_one_by_one(memory, *table, *image, name);
  return std::nullopt;
}

std::optional<Address> find_in_file(const TargetMemory& memory, Address base,
                                    const std::string& path, const std::string& name) {
  const auto image = read_image(memory, base);
  const MappedFile file(path);
  Elf64_Ehdr header{};
  if (!image || !file.read(0, header) || !is_known_elf(header)) return std::nullopt;
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr symbols{};
    Elf64_Shdr strings{};
    if (!file.read(header.e_shoff + i * sizeof symbols, symbols)) break;
    if (symbols.sh_type != SHT_SYMTAB) continue;
    if (!file.read(header.e_shoff + symbols.sh_link * sizeof strings, strings)) break;
    for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= symbols.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol{};
      if (!file.read(symbols.sh_offset + at, symbol)) break;
      if (symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0 &&
          file.holds_text(strings.sh_offset + symbol.st_name, name))
        return symbol.st_value + image->shift;
    }
  }
  return std::nullopt;
}

}  // namespace hoop::remote
