// SPDX-License-Identifier: Apache-2.0
// A heap whose memory is refused: requests fail, nothing is lost.
#include <gtest/gtest.h>

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "hoop/hoop.h"
#include "os/pages.h"

namespace hoop {
namespace {

struct Node : Object {
  void trace(Visitor& visitor) const override { visitor(next, watched); }
  ~Node() override { ++ended; }
  ref<Node> next;
  weak<Node> watched;
  static inline std::size_t ended = 0;
};

class MappingsFail {
 public:
  explicit MappingsFail(int from) { os::fail_mappings_from_for_testing(from); }
  ~MappingsFail() { os::fail_mappings_from_for_testing(0); }
  MappingsFail(const MappingsFail&) = delete;
  MappingsFail& operator=(const MappingsFail&) = delete;
};

void make_cycle(Heap& heap) {
  ref<Node> a = heap.make<Node>();
  a->next = heap.make<Node>();
  a->next->next = a;
  a->watched = a->next;
}

TEST(OutOfMemory, ACandidateWithoutASlotIsFoundByAFullCollection) {
  Heap heap;
  ref<Node> a = heap.make<Node>();
  a->next = heap.make<Node>();
  a->next->next = a;
  {
    const MappingsFail fail(1);
    a = nullptr;
  }
  EXPECT_EQ(heap.stats().candidates, 0U);
  EXPECT_EQ(heap.collect(), 2U);
}

TEST(OutOfMemory, ACollectionWithoutMemoryLosesNothing) {
  Heap heap;
  make_cycle(heap);
  {
    const MappingsFail fail(1);
    EXPECT_EQ(heap.collect(), 0U);
  }
  EXPECT_EQ(heap.collect(), 2U);
}

// For n = 1, 2, 3 ... until nothing fails any more.
TEST(OutOfMemory, WhateverMappingFailsAllObjectsEndOnce) {
  bool failed = true;
  for (int n = 1; failed; ++n) {
    ASSERT_LT(n, 1000);
    failed = false;
    std::size_t made = 0;
    Node::ended = 0;
    try {
      os::fail_mappings_from_for_testing(n);
      Heap heap;
      std::vector<ref<Object>> kept;
      for (int i = 0; i < 50'000; ++i) {
        kept.push_back(heap.make<Node>());
        ++made;
        if (i % 1000 == 0) kept.push_back(heap.make_array<long>(200'000));
        if (i % 100 == 0) {
          make_cycle(heap);
          made += 2;
        }
      }
      os::fail_mappings_from_for_testing(0);
      kept.clear();
      heap.collect();
    } catch (const std::bad_alloc&) {
      os::fail_mappings_from_for_testing(0);
      failed = true;
      continue;  // a cycle may have been half made
    }
    ASSERT_EQ(Node::ended, made) << n;
  }
}

}  // namespace
}  // namespace hoop
