// SPDX-License-Identifier: Apache-2.0
// zstd, where this build has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hoop::analysis {

// A block that claims to be larger is none of ours.
inline constexpr std::uint64_t kMostBlockBytes = std::uint64_t{64} << 20;

bool has_zstd();
// False: these bytes are no frame of exactly to.size() bytes.
bool unpack(const std::vector<std::uint8_t>& from, std::vector<std::uint8_t>& to);
// False: they do not get smaller.
bool pack(const std::vector<std::uint8_t>& from, std::vector<std::uint8_t>& to);

}  // namespace hoop::analysis
