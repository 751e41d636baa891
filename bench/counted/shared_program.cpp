// SPDX-License-Identifier: Apache-2.0
// std::shared_ptr of make_shared. libstdc++ counts without atomics as long as the program has not
// made a thread; HOOP_BENCH_THREAD=1 makes one first.
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "program.h"

namespace {

using namespace hoop::bench;

struct Nothing {};

// Tells one watcher of its end.
struct Watched {
  Watched() = default;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    if (on_end) on_end();
  }
  std::function<void()> on_end;
};

template <class T>
struct Kit {
  using Tally = T;
  using Visitor = NoVisitor;
  template <class>
  using Base = Nothing;
  template <class>
  using Watched = ::Watched;
  template <class U>
  using Ref = std::shared_ptr<U>;
  template <class U>
  using Weak = std::weak_ptr<U>;
  template <class U>
  using Vector = std::vector<U>;
  static constexpr std::size_t kHeaderBytes = 16;  // the control block
  static constexpr Cycles kCycles = Cycles::kLeak;
  static constexpr bool kDropsByRecursion = true;
  static constexpr bool kEndsAll = true;
  static constexpr bool kHasWeak = true;

  template <class U, class... Args>
  std::shared_ptr<U> make(Args&&... args) {
    return std::make_shared<U>(std::forward<Args>(args)...);
  }
  template <class U>
  std::vector<U> vector() {
    return {};
  }
  template <class U, class F>
  std::weak_ptr<U> watch(const std::shared_ptr<U>& object, F callback) {
    object->on_end = std::move(callback);
    return object;
  }
  void finish() {}
};

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv("HOOP_BENCH_THREAD") != nullptr) std::thread([] {}).join();
  return run_program<Kit>(argc, argv);
}
