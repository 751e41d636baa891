// SPDX-License-Identifier: Apache-2.0
// The header of an object, in words: its flags, and its address as a number.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "hoop/object.h"

namespace hoop::counted {

using detail::Access;
using Flags = std::uint16_t;

inline bool has(const Object* object, unsigned flags) noexcept {
  return (Access::flags(object) & flags) != 0;
}
inline void set(const Object* object, unsigned flags) noexcept {
  Access::flags(object) = static_cast<Flags>(Access::flags(object) | flags);
}
inline void unset(const Object* object, unsigned flags) noexcept {
  Access::flags(object) = static_cast<Flags>(Access::flags(object) & ~flags);
}

// 0 to kOldest, or detail::kFrozen.
inline unsigned generation_of(const Object* object) noexcept {
  return Access::flags(object) & detail::kGeneration;
}
inline bool is_frozen(const Object* object) noexcept {
  return generation_of(object) == detail::kFrozen;
}

inline Address address_of(const Object* object) noexcept {
  return reinterpret_cast<Address>(object);
}
inline const Object* object_at(Address address) noexcept {
  return reinterpret_cast<const Object*>(address);
}

}  // namespace hoop::counted
