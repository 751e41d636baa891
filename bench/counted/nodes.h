// SPDX-License-Identifier: Apache-2.0
// The objects of the workloads, the same for every contestant. A kit says how objects are made and
// referred to; each *_program.cpp has one:
//
//   Base<T>, Watched<T>   what an object derives from; the latter is told of its end, see watch()
//   Ref<T>, Weak<T>       references to it
//   Vector<T>             a vector, in objects too; vector<T>() gives an empty one
//   Visitor               what trace() takes; matters to hoop only
//   Tally                 counts objects made and ended when the bench checks itself
//   make<T>(...)          a new object
//   finish()              what is garbage now is found, by those who have to look for it
//   kHeaderBytes          of an object, its control block included
//   kCycles               are they collected, or do they leak?
//   kDropsByRecursion     a long list must be taken apart by hand
//   kEndsAll              every object's destructor is run
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace hoop::bench {

enum class Cycles : std::uint8_t { kCollected, kLeak };

// For kits that need no names of references.
struct NoVisitor {
  template <class... T>
  void operator()(const T&... /*references*/) const {}
};

// Nothing, in what is measured.
struct NoTally {
  static std::int64_t made() { return 0; }
  static std::int64_t ended() { return 0; }
};

class Tally {
 public:
  Tally() { ++made_; }
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally() { ++ended_; }
  static std::int64_t made() { return made_; }
  static std::int64_t ended() { return ended_; }

 private:
  static inline std::int64_t made_ = 0;
  static inline std::int64_t ended_ = 0;
};

// 40 bytes with its header, where 16 bytes of payload leave that much to the header.
inline constexpr std::size_t kNodeBytes = 40;
constexpr std::size_t payload_words(std::size_t header_bytes) {
  constexpr std::size_t kFewest = 2;
  const std::size_t taken = header_bytes + sizeof(void*) + kFewest * sizeof(std::int64_t);
  return kFewest + (taken < kNodeBytes ? (kNodeBytes - taken) / sizeof(std::int64_t) : 0);
}

template <class Kit>
struct Node : Kit::template Base<Node<Kit>> {
  explicit Node(std::int64_t value) : payload{value} {}
  void trace(typename Kit::Visitor& visitor) const { visitor(next); }

  typename Kit::template Ref<Node> next{};
  std::int64_t payload[payload_words(Kit::kHeaderBytes)];
  [[no_unique_address]] typename Kit::Tally tally;
};

// A node of Hans Boehm's GCBench.
template <class Kit>
struct TreeNode : Kit::template Base<TreeNode<Kit>> {
  using Ref = typename Kit::template Ref<TreeNode>;
  TreeNode() = default;
  TreeNode(Ref l, Ref r) : left(std::move(l)), right(std::move(r)) {}
  void trace(typename Kit::Visitor& visitor) const { visitor(left, right); }

  Ref left{};
  Ref right{};
  std::int32_t i = 0;
  std::int32_t j = 0;
  [[no_unique_address]] typename Kit::Tally tally;
};

// As many children as one likes.
template <class Kit>
struct Branch : Kit::template Base<Branch<Kit>> {
  using Children = typename Kit::template Vector<typename Kit::template Ref<Branch>>;
  explicit Branch(Children list) : children(std::move(list)) {}
  void trace(typename Kit::Visitor& visitor) const { visitor(children); }

  Children children;
  [[no_unique_address]] typename Kit::Tally tally;
};

}  // namespace hoop::bench
