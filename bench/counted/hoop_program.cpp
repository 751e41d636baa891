// SPDX-License-Identifier: Apache-2.0
// hoop::ref on a hoop::Heap with its automatic collections.
#include <array>
#include <cstddef>
#include <functional>
#include <utility>

#include "hoop/hoop.h"
#include "program.h"

namespace {

using namespace hoop::bench;

template <class Kit>
struct PooledNode : Node<Kit>, hoop::Pooled {
  using Node<Kit>::Node;
};

template <class T>
struct Kit {
  using Tally = T;
  using Visitor = hoop::Visitor;
  template <class>
  using Base = hoop::Object;
  template <class>
  using Watched = hoop::Object;
  template <class U>
  using Ref = hoop::ref<U>;
  template <class U>
  using Weak = hoop::weak<U>;
  template <class U>
  using Vector = hoop::vector<U>;
  static constexpr std::size_t kHeaderBytes = sizeof(hoop::Object);
  static constexpr Cycles kCycles = Cycles::kCollected;
  static constexpr bool kDropsByRecursion = false;
  static constexpr bool kEndsAll = true;
  static constexpr bool kHasWeak = true;

  template <class U, class... Args>
  hoop::ref<U> make(Args&&... args) {
    return heap.make<U>(std::forward<Args>(args)...);
  }
  template <class U>
  Vector<U> vector() {
    return Vector<U>(heap);
  }
  template <class U, class F>
  hoop::weak<U> watch(const hoop::ref<U>& object, F callback) {
    return hoop::weak<U>(object, std::move(callback));
  }
  void finish() { heap.collect(); }

  auto collections() {
    struct Collection {
      const char* name;
      std::function<void()> collect;
    };
    return std::array{Collection{"young", [this] { heap.collect(0); }},
                      Collection{"full", [this] { heap.collect(hoop::kOldest); }}};
  }

  static Figures pooled_pair(Kit& kit, std::size_t pairs) {
    Figures result;
    const double time = timed_warm([&] { result.checksum = run_pairs<PooledNode>(kit, pairs); });
    result.figures = {{"pooled", each(time, 2 * pairs)}};
    return result;
  }

  hoop::Heap heap;
};

static_assert(sizeof(Node<Kit<NoTally>>) == kNodeBytes);

}  // namespace

int main(int argc, char** argv) { return run_program<Kit>(argc, argv); }
