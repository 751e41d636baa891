// SPDX-License-Identifier: Apache-2.0
// Code that is loaded into a copy and run there: a shared object that needs no library.
//
// It is linked with `-shared -nostdlib -Wl,-e,<entry>` and has RELATIVE relocations only. Its entry
// is called once, on a stack of its own, and must not return:
//
//   void entry(const void* arguments, unsigned long argument_bytes, int output);
//
// `output` is the write end of a pipe, and the only descriptor. Every signal is blocked. The copy
// ends with exit_group(code). There is no C library, though the one of the process lies beside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/units.h"
#include "remote/trouble.h"

namespace hoop::remote {

class Blob {
 public:
  // Trouble: this is not such a file.
  Trouble read(std::span<const std::byte> file);

  struct Part {  // whole pages, from the blob's beginning
    std::size_t offset = 0;
    std::size_t bytes = 0;
    bool is_code = false;
  };
  [[nodiscard]] std::size_t bytes() const { return content_.size(); }  // whole pages
  [[nodiscard]] const std::vector<Part>& parts() const { return parts_; }
  [[nodiscard]] Address entry() const { return entry_; }  // from the beginning
  // What has to lie at `base`.
  [[nodiscard]] std::vector<std::byte> placed_at(Address base) const;

 private:
  struct Relocation {
    Address offset;
    Address addend;
  };
  template <class T>
  bool value(std::uint64_t at, T& to) const;
  Trouble read_parts(std::span<const std::byte> file);
  Trouble read_relocations(Address dynamic, std::size_t bytes);

  std::vector<std::byte> content_;
  std::vector<Part> parts_;
  std::vector<Relocation> relocations_;
  Address entry_ = 0;
};

}  // namespace hoop::remote
