// SPDX-License-Identifier: Apache-2.0
// The Boehm-Demers-Weiser collector: plain pointers, nothing is dropped but by collections.
#include <gc/gc.h>
#include <gc/gc_allocator.h>

#include <array>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "program.h"

namespace {

using namespace hoop::bench;

struct Nothing {};

template <class T>
struct Kit {
  using Tally = T;
  using Visitor = NoVisitor;
  template <class>
  using Base = Nothing;
  template <class U>
  using Ref = U*;
  template <class U>
  using Vector = std::vector<U, gc_allocator<U>>;
  static constexpr std::size_t kHeaderBytes = 0;
  static constexpr Cycles kCycles = Cycles::kCollected;
  static constexpr bool kDropsByRecursion = false;
  static constexpr bool kEndsAll = false;
  static constexpr bool kHasWeak = false;

  Kit() { GC_INIT(); }

  template <class U, class... Args>
  U* make(Args&&... args) {
    return ::new (GC_MALLOC(sizeof(U))) U(std::forward<Args>(args)...);
  }
  template <class U>
  Vector<U> vector() {
    return {};
  }
  void finish() { GC_gcollect(); }

  auto collections() {
    struct Collection {
      const char* name;
      void (*collect)();
    };
    return std::array{Collection{"full", [] { GC_gcollect(); }}};
  }
};

static_assert(sizeof(Node<Kit<NoTally>>) == kNodeBytes);

}  // namespace

int main(int argc, char** argv) { return run_program<Kit>(argc, argv); }
