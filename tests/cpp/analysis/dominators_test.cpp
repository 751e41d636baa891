// SPDX-License-Identifier: Apache-2.0
// Against the definition: what cannot be reached any more once an object is taken away is what the
// object dominates.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/snapshot.h"
#include "cpp/support/random.h"
#include "cpp/support/scratch_directory.h"
#include "cpp/support/snapshot_builder.h"

namespace hoop::analysis {
namespace {

using snapshot::EdgeKind;
using testing::BuiltEdge;
using testing::BuiltObject;
using testing::SnapshotBuilder;

// What can be reached from the roots; without `gone`, if it is an object.
std::vector<bool> reachable(const Graph& graph, ObjectId gone) {
  std::vector<bool> found(graph.columns.objects());
  std::vector<ObjectId> waiting;
  const auto reach = [&](ObjectId object) {
    if (object == gone || found[object]) return;
    found[object] = true;
    waiting.push_back(object);
  };
  for (ObjectId i = 0; i < graph.columns.objects(); ++i)
    if (graph.root[i] != 0) reach(i);
  while (!waiting.empty()) {
    const ObjectId at = waiting.back();
    waiting.pop_back();
    for (EdgeId edge = graph.columns.first_edge[at]; edge < graph.columns.first_edge[at + 1];
         ++edge)
      if (!graph.columns.is_weak(edge)) reach(graph.columns.target[edge]);
  }
  return found;
}

SnapshotBuilder random_heap(testing::Random& random) {
  SnapshotBuilder builder;
  builder.add_type("object", snapshot::Layout::kOther);
  builder.add_type("<interpreter>", snapshot::Layout::kInterpreter);
  const std::uint64_t count = random.between(1, 40);
  for (std::uint64_t i = 0; i < count; ++i) {
    BuiltObject object;
    object.bytes = random.between(16, 4000);
    object.extra_count = random.percent(5) ? 1 : 0;
    object.immortal = random.percent(3);
    const std::uint64_t edges = random.below(4);
    for (std::uint64_t n = 0; n < edges; ++n) {
      BuiltEdge edge{static_cast<std::uint32_t>(random.below(count))};
      if (random.percent(10)) edge.kind = EdgeKind::kWeak;
      if (random.percent(5)) edge.target = BuiltEdge::kNowhere;
      object.edges.push_back(edge);
    }
    builder.add(object);
  }
  builder.objects[0].type = 1;
  builder.objects[0].flags = snapshot::kPseudo;
  builder.roots = {0};
  builder.block_bytes = random.between(1, 64);
  return builder;
}

void expect_dominators(const Graph& graph) {
  const std::size_t count = graph.columns.objects();
  const std::vector<bool> all = reachable(graph, kNone);
  std::vector<std::vector<bool>> without;
  for (ObjectId i = 0; i < count; ++i) without.push_back(reachable(graph, i));
  const auto dominates = [&](ObjectId a, ObjectId b) { return a == b || !without[a][b]; };
  for (ObjectId i = 0; i < count; ++i) {
    ASSERT_TRUE(all[i]) << "object " << i << " hangs on no root";
    std::uint64_t bytes = 0;
    for (ObjectId other = 0; other < count; ++other)
      if (dominates(i, other)) bytes += graph.columns.bytes_of(other);
    ASSERT_EQ(graph.retained[i], bytes) << "object " << i;
    // The dominator is the one that all other dominators dominate.
    const ObjectId dominator = graph.dominator[i];
    for (ObjectId other = 0; other < count; ++other) {
      if (other == i || !dominates(other, i)) continue;
      ASSERT_NE(dominator, kNone);
      ASSERT_TRUE(dominates(other, dominator));
    }
    if (dominator != kNone) {
      ASSERT_TRUE(dominates(dominator, i));
    }
  }
}

TEST(Dominators, AreThoseOfTheDefinitionOnRandomGraphs) {
  testing::Random random = testing::seeded_random();
  testing::ScratchDirectory scratch;
  const std::string path = scratch.file("random.hoop");
  for (int round = 0; round < 300; ++round) {
    random_heap(random).write(path);
    const Snapshot snapshot(path, IndexUse::kNever);
    expect_dominators(snapshot.graph());
    if (HasFatalFailure()) return;
  }
}

TEST(Dominators, RetainedSizesOfAllRootsAddUp) {
  testing::Random random = testing::seeded_random();
  testing::ScratchDirectory scratch;
  const std::string path = scratch.file("random.hoop");
  for (int round = 0; round < 50; ++round) {
    random_heap(random).write(path);
    Snapshot snapshot(path, IndexUse::kNever);
    std::uint64_t bytes = 0;
    for (ObjectId i = 0; i < snapshot.columns().objects(); ++i)
      bytes += snapshot.columns().bytes_of(i);
    std::uint64_t retained = 0;
    for (const ObjectId child : snapshot.children(kNone, 1000))
      retained += snapshot.graph().retained[child];
    EXPECT_EQ(retained, bytes);
  }
}

TEST(Dominators, OfAMillionObjectsInOneListNeedNoStack) {
  testing::ScratchDirectory scratch;
  SnapshotBuilder builder;
  builder.add_type("Node", snapshot::Layout::kInstance, "app");
  constexpr std::uint32_t count = 1'000'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    BuiltObject node;
    if (i + 1 < count) node.edges = {{i + 1, EdgeKind::kAttribute, "next"}};
    builder.add(node);
  }
  builder.objects[0].extra_count = 1;
  builder.write(scratch.file("list.hoop"));
  Snapshot snapshot(scratch.file("list.hoop"), IndexUse::kNever);
  EXPECT_EQ(snapshot.graph().retained[0], std::uint64_t{64} * count);
  EXPECT_EQ(snapshot.graph().dominator[count - 1], count - 2);
  EXPECT_EQ(snapshot.names().name_of(count - 1, Detail::kShape),
            "held by C code: <app.Node>(.next)*");
  const Holders holders = snapshot.holders(snapshot.objects_of_type(0));
  ASSERT_EQ(holders.groups.size(), 3u);
  EXPECT_EQ(holders.retained, std::uint64_t{64} * count);
  EXPECT_EQ(holders.groups[0].total.retained, std::uint64_t{64} * count);
}

}  // namespace
}  // namespace hoop::analysis
