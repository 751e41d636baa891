// SPDX-License-Identifier: Apache-2.0
// Empty bases by which a type asks for more. They cost no space.
#pragma once

#include <cstddef>

namespace hoop {

// Blocks of this type are kept for its next object instead of going back to the heap, up to
// kPoolCapacity of them (redefine it in your type), until a full collection or Heap::trim().
struct Pooled {
  static constexpr std::size_t kPoolCapacity = 256;
};

// The type has a copy constructor that hoop::copy() and hoop::deep_copy() may use.
struct Copyable {};

}  // namespace hoop
