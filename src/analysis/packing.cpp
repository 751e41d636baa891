// SPDX-License-Identifier: Apache-2.0
#include "analysis/packing.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#if HOOP_HAVE_ZSTD
#include <zstd.h>
#endif

namespace hoop::analysis {

#if HOOP_HAVE_ZSTD

bool has_zstd() { return true; }

bool unpack(const std::vector<std::uint8_t>& from, std::vector<std::uint8_t>& to) {
  return ZSTD_decompress(to.data(), to.size(), from.data(), from.size()) == to.size();
}

bool pack(const std::vector<std::uint8_t>& from, std::vector<std::uint8_t>& to) {
  constexpr int kLevel = 3;
  to.resize(ZSTD_compressBound(from.size()));
  const std::size_t packed = ZSTD_compress(to.data(), to.size(), from.data(), from.size(), kLevel);
  if (ZSTD_isError(packed) != 0 || packed >= from.size()) return false;
  to.resize(packed);
  return true;
}

#else

bool has_zstd() { return false; }
bool unpack(const std::vector<std::uint8_t>& /*from*/, std::vector<std::uint8_t>& /*to*/) {
  return false;
}
bool pack(const std::vector<std::uint8_t>& /*from*/, std::vector<std::uint8_t>& /*to*/) {
  return false;
}

#endif

}  // namespace hoop::analysis
