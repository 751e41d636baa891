// SPDX-License-Identifier: Apache-2.0
// boost::intrusive_ptr, with a count that is not atomic and without a virtual destructor.
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <utility>
#include <vector>

#include "program.h"

namespace {

using namespace hoop::bench;

template <class T>
struct Kit {
  using Tally = T;
  using Visitor = NoVisitor;
  template <class U>
  using Base = boost::intrusive_ref_counter<U, boost::thread_unsafe_counter>;
  template <class U>
  using Ref = boost::intrusive_ptr<U>;
  template <class U>
  using Vector = std::vector<U>;
  static constexpr std::size_t kHeaderBytes = 8;
  static constexpr Cycles kCycles = Cycles::kLeak;
  static constexpr bool kDropsByRecursion = true;
  static constexpr bool kEndsAll = true;
  static constexpr bool kHasWeak = false;

  template <class U, class... Args>
  boost::intrusive_ptr<U> make(Args&&... args) {
    return boost::intrusive_ptr<U>(new U(std::forward<Args>(args)...));
  }
  template <class U>
  std::vector<U> vector() {
    return {};
  }
  void finish() {}
};

static_assert(sizeof(Node<Kit<NoTally>>) == kNodeBytes);

}  // namespace

int main(int argc, char** argv) { return run_program<Kit>(argc, argv); }
