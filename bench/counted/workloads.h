// SPDX-License-Identifier: Apache-2.0
// What every contestant does. Each workload is called as workload(kit, size) and returns its
// figures; job.py does the same in Python.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <utility>
#include <vector>

#include "nodes.h"

namespace hoop::bench {

struct Figure {
  const char* name;
  double value;
};

// Times are CPU time: what else the machine does is not counted.
struct Figures {
  std::vector<Figure> figures;
  std::int64_t checksum = 0;  // the same for all contestants
};

// The object is made as it is written: the compiler may not know what becomes of it.
template <class T>
void escape(const T& reference) {
  __asm__ volatile("" : : "r"(&*reference) : "memory");
}

// Small numbers, which CPython need not make.
inline std::int64_t small(std::size_t i) { return static_cast<std::int64_t>(i & 0xff); }

inline double cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

template <class F>
double timed(F&& run) {
  const double start = cpu_nanoseconds();
  run();
  return cpu_nanoseconds() - start;
}

inline double resident_bytes() {
  long total = 0;
  long resident = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%ld %ld", &total, &resident) != 2) resident = 0;
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

inline double each(double total, std::size_t count) { return total / static_cast<double>(count); }

// The first run warms up: caches, page tables, the heap's size.
template <class F>
double timed_warm(F&& run) {
  run();
  return timed(run);
}

template <template <class> class NodeType, class Kit>
std::int64_t run_pairs(Kit& kit, std::size_t pairs) {
  using Pointed = NodeType<Kit>;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    auto first = kit.template make<Pointed>(small(i));
    first->next = kit.template make<Pointed>(small(i));
    escape(first);
    sum += first->next->payload[0];
  }
  kit.finish();
  return sum;
}

template <class Kit>
Figures pair(Kit& kit, std::size_t pairs) {
  Figures result;
  const double time = timed_warm([&] { result.checksum = run_pairs<Node>(kit, pairs); });
  result.figures = {{"pair", each(time, 2 * pairs)}};
  return result;
}

template <class Kit>
Figures held(Kit& kit, std::size_t nodes) {
  using Ref = typename Kit::template Ref<Node<Kit>>;
  auto list = kit.template vector<Ref>();
  list.resize(nodes);
  Figures result;
  const auto make = [&] {
    for (std::size_t i = 0; i < nodes; ++i) list[i] = kit.template make<Node<Kit>>(small(i));
  };
  const auto drop = [&] {
    std::fill(list.begin(), list.end(), Ref{});
    kit.finish();
  };
  const double before = resident_bytes();
  make();
  const double bytes = resident_bytes() - before;
  drop();
  const double time = timed([&] {
    make();
    for (const Ref& node : list) result.checksum += node->payload[0];
    drop();
  });
  result.figures = {{"held", each(time, nodes)}, {"bytes", each(bytes, nodes)}};
  return result;
}

template <class Kit>
std::int64_t make_cycles(Kit& kit, std::size_t cycles) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < cycles; ++i) {
    auto first = kit.template make<Node<Kit>>(small(i));
    first->next = kit.template make<Node<Kit>>(small(i));
    first->next->next = first;
    escape(first);
    sum += first->next->payload[0];
  }
  return sum;
}

template <class Kit>
Figures cycle(Kit& kit, std::size_t cycles) {
  Figures result;
  const double time = timed_warm([&] {
    result.checksum = make_cycles(kit, cycles);
    kit.finish();
  });
  result.figures = {{"cycle", each(time, 2 * cycles)}};
  return result;
}

template <class Kit>
Figures list(Kit& kit, std::size_t nodes) {
  using Ref = typename Kit::template Ref<Node<Kit>>;
  Figures result;
  const double time = timed_warm([&] {
    Ref head{};
    for (std::size_t i = 0; i < nodes; ++i) {
      Ref node = kit.template make<Node<Kit>>(small(i));
      node->next = std::move(head);
      head = std::move(node);
    }
    escape(head);
    result.checksum = head->payload[0];
    if constexpr (Kit::kDropsByRecursion) {
      while (head != nullptr) head = Ref(std::move(head->next));
    }
    head = nullptr;
    kit.finish();
  });
  result.figures = {{"list", each(time, nodes)}};
  return result;
}

// --- trees -----------------------------------------------------------------------------

inline constexpr std::size_t kBranches = 16;

template <class Kit>
typename Kit::template Ref<Branch<Kit>> make_branch(Kit& kit, std::size_t levels) {
  using Ref = typename Kit::template Ref<Branch<Kit>>;
  auto children = kit.template vector<Ref>();
  if (levels > 0) {
    children.reserve(kBranches);
    for (std::size_t i = 0; i < kBranches; ++i) children.push_back(make_branch(kit, levels - 1));
  }
  return kit.template make<Branch<Kit>>(std::move(children));
}

template <class Kit>
std::int64_t count(const Branch<Kit>& branch) {
  std::int64_t nodes = 1;
  for (const auto& child : branch.children) nodes += count(*child);
  return nodes;
}

template <class Kit>
Figures tree(Kit& kit, std::size_t levels) {
  Figures result;
  const double time = timed_warm([&] {
    auto root = make_branch(kit, levels);
    result.checksum = count(*root);
    root = nullptr;
    kit.finish();
  });
  result.figures = {{"tree", each(time, static_cast<std::size_t>(result.checksum))}};
  return result;
}

// John Ellis, Pete Kovac, Hans Boehm: "An artificial garbage collection benchmark".
template <class Kit>
class GcBench {
 public:
  GcBench(Kit& kit, std::size_t max_depth) : kit_(kit), max_depth_(max_depth) {}

  Figures run() {
    const double time = timed([&] {
      auto stretch = make_tree(max_depth_ + 2);
      escape(stretch);
      stretch = nullptr;
      live_through_it();
      kit_.finish();
    });
    result_.figures = {{"gcbench", each(time, made_)}};
    return std::move(result_);
  }

 private:
  using Tree = TreeNode<Kit>;
  using Ref = typename Kit::template Ref<Tree>;
  static constexpr std::size_t kLeastDepth = 4;
  static constexpr std::size_t kNumbers = 500000;

  void live_through_it() {
    Ref long_lived = make();
    populate(*long_lived, max_depth_);
    auto numbers = kit_.template vector<double>();
    numbers.resize(kNumbers);
    for (std::size_t i = 1; i < kNumbers / 2; ++i) numbers[i] = 1.0 / static_cast<double>(i);
    for (std::size_t depth = kLeastDepth; depth <= max_depth_; depth += 2) make_trees(depth);
    escape(long_lived);
    result_.checksum = size(*long_lived) + static_cast<std::int64_t>(1 / numbers[1000]);
  }

  void make_trees(std::size_t depth) {
    const std::size_t times = 2 * tree_size(max_depth_ + 2) / tree_size(depth);
    for (std::size_t i = 0; i < times; ++i) {
      Ref top_down = make();
      populate(*top_down, depth);
      escape(top_down);
    }
    for (std::size_t i = 0; i < times; ++i) {
      const Ref bottom_up = make_tree(depth);
      escape(bottom_up);
    }
  }

  template <class... Args>
  Ref make(Args&&... args) {
    ++made_;
    return kit_.template make<Tree>(std::forward<Args>(args)...);
  }

  void populate(Tree& node, std::size_t depth) {
    if (depth == 0) return;
    node.left = make();
    node.right = make();
    populate(*node.left, depth - 1);
    populate(*node.right, depth - 1);
  }

  Ref make_tree(std::size_t depth) {
    if (depth == 0) return make();
    Ref left = make_tree(depth - 1);
    Ref right = make_tree(depth - 1);
    return make(std::move(left), std::move(right));
  }

  static std::size_t tree_size(std::size_t depth) { return (std::size_t{1} << (depth + 1)) - 1; }
  static std::int64_t size(const Tree& node) {
    return node.left == nullptr ? 1 : 1 + size(*node.left) + size(*node.right);
  }

  Kit& kit_;
  std::size_t max_depth_;
  std::size_t made_ = 0;
  Figures result_;
};

template <class Kit>
Figures gcbench(Kit& kit, std::size_t max_depth) {
  return GcBench<Kit>(kit, max_depth).run();
}

// --- collections amid many live objects ---------------------------------------------------

inline constexpr std::size_t kFewCycles = 1000;

template <class F, class G>
double median_time(F&& prepare, G&& run) {
  std::array<double, 5> times{};
  for (double& time : times) {
    prepare();
    time = timed(run);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// kit.collections: names of kinds of collections, and how to ask for one.
template <class Kit>
Figures live(Kit& kit, std::size_t nodes) {
  using Ref = typename Kit::template Ref<Node<Kit>>;
  auto list = kit.template vector<Ref>();
  list.reserve(nodes);
  for (std::size_t i = 0; i < nodes; ++i) {
    list.push_back(kit.template make<Node<Kit>>(small(i)));
    if (i > 0) list[i]->next = list[i * 7919 % i];
  }
  // Each of them loses a reference, and so is looked at until it is old.
  for (std::size_t i = 0; i < nodes; ++i) {
    const Ref once_more = list[i];
    escape(once_more);
  }
  kit.finish();
  Figures result;
  for (const auto& [name, collect] : kit.collections()) {
    const double time = median_time([&] { make_cycles(kit, kFewCycles); }, collect);
    result.figures.push_back({name, time});
  }
  for (const Ref& node : list) result.checksum += node->payload[0];
  return result;
}

}  // namespace hoop::bench
