// SPDX-License-Identifier: Apache-2.0
// Ends of objects within ends of others.
#include <gtest/gtest.h>

#include <cstddef>
#include <utility>

#include "hoop/hoop.h"

namespace hoop {
namespace {

constexpr int kMany = 100'000;

int alive = 0;
bool next_went_first = true;

// Lets go of the next one in its finalizer.
struct Link : Object {
  explicit Link(ref<Link> behind) : next(std::move(behind)) { ++alive; }
  ~Link() override { --alive; }
  void trace(Visitor& visitor) const override { visitor(next); }
  void finalize() override {
    const int before = alive;
    const bool has_next = next != nullptr;
    next.reset();
    next_went_first &= !has_next || alive < before;
  }
  ref<Link> next;
};

ref<Link> chain(Heap& heap, int count) {
  ref<Link> first;
  for (; count > 0; --count) first = heap.make<Link>(std::move(first));
  return first;
}

TEST(NestedEnds, FinalizersEndEachOtherAtOnce) {
  Heap heap;
  next_went_first = true;
  chain(heap, 10).reset();
  EXPECT_EQ(alive, 0);
  EXPECT_TRUE(next_went_first);
}

TEST(NestedEnds, AChainOfFinalizersTakesNoStack) {
  Heap heap;
  chain(heap, kMany).reset();
  EXPECT_EQ(alive, 0);
}

// Collects in its destructor.
struct Collector : Object {
  Collector(Heap& its_heap, std::size_t& result) : heap(its_heap), collected(result) {}
  ~Collector() override {
    collected = heap.collect();
    alive_after = alive;
  }
  Heap& heap;
  std::size_t& collected;
  inline static int alive_after = 0;
};

// `count` links on a cycle that nobody refers to.
void make_garbage(Heap& heap, int count) {
  const ref<Link> last = heap.make<Link>(nullptr);
  last->next = chain(heap, count - 1);
  ref<Link> first = last->next;
  while (first->next != nullptr) first = first->next;
  first->next = last;
}

TEST(NestedEnds, ACollectionInADestructorEndsAllThatItCounts) {
  Heap heap({.automatic = false});
  std::size_t collected = 0;
  ref<Collector> collector = heap.make<Collector>(heap, collected);
  make_garbage(heap, 10);
  EXPECT_EQ(alive, 10);
  collector.reset();
  EXPECT_EQ(collected, 10u);
  EXPECT_EQ(Collector::alive_after, 0);
}

}  // namespace
}  // namespace hoop
