// SPDX-License-Identifier: Apache-2.0
// A short delay line between finding an object's address and reading the object: by then it is in
// the cache. After Cher, Hosking, Vitek, "Software prefetching for mark-sweep garbage collection"
// (ASPLOS 2004).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/units.h"

namespace hoop::cycles {

class PrefetchRing {
 public:
  static constexpr std::size_t kLength = 16;

  // Puts an address in, and hands the one to `handle` that has waited longest, once there is one.
  template <class F>
  void push(Address object, F&& handle) {
    Address& slot = waiting_[next_++ % kLength];
    const Address due = slot;
    slot = object;
    if (due != 0) handle(due);
  }

  // Hands over what waits, oldest first. `handle` may push.
  template <class F>
  void flush(F&& handle) {
    for (std::size_t i = 0; i < kLength; ++i) {
      Address& slot = waiting_[next_++ % kLength];
      const Address due = slot;
      slot = 0;
      if (due != 0) handle(due);
    }
  }

  [[nodiscard]] bool is_empty() const {
    return std::all_of(waiting_.begin(), waiting_.end(), [](Address slot) { return slot == 0; });
  }

 private:
  std::array<Address, kLength> waiting_{};
  std::size_t next_ = 0;
};

}  // namespace hoop::cycles
