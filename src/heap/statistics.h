// SPDX-License-Identifier: Apache-2.0
// Figures of a heap at one moment. Gathered on request by walking the records; allocation and
// freeing count nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "heap/geometry.h"

namespace hoop::heap {

struct ClassStatistics {
  std::size_t block_bytes = 0;
  std::size_t live_blocks = 0;
  std::size_t free_blocks = 0;  // on pages that hold memory
  std::size_t slabs = 0;
};

struct DomainStatistics {
  std::size_t live_blocks = 0;
  std::size_t live_bytes = 0;  // whole blocks, slack of the size class included
  std::array<ClassStatistics, kClassCount> classes{};
  std::size_t runs = 0;
  std::size_t run_bytes = 0;
  std::size_t direct_blocks = 0;
  std::size_t direct_bytes = 0;
};

struct Statistics {
  std::array<DomainStatistics, kDomainCount> domains{};
  std::size_t reserved_bytes = 0;   // address space
  std::size_t committed_bytes = 0;  // chunks in use, resident or not
  std::size_t touched_bytes =
      0;  // pages of the chunks that blocks were carved from and that were not given back
  std::size_t metadata_bytes = 0;
  std::size_t kept_direct_bytes = 0;  // freed mappings kept for a moment
  std::size_t huge_chunks = 0;
  std::size_t split_chunks = 0;
  std::size_t given_back_bytes = 0;  // ever; of pages that nobody had written to as well
  Nanoseconds trim_time = 0;         // ever

  [[nodiscard]] std::size_t live_blocks() const {
    return domains[0].live_blocks + domains[1].live_blocks;
  }
  [[nodiscard]] std::size_t live_bytes() const {
    return domains[0].live_bytes + domains[1].live_bytes;
  }
};

}  // namespace hoop::heap
