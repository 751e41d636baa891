// SPDX-License-Identifier: Apache-2.0
// Which of several ways to an object is its path.
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/snapshot.h"
#include "cpp/support/scratch_directory.h"
#include "cpp/support/snapshot_builder.h"
#include "snapshot/format.h"

namespace hoop::analysis {
namespace {

using snapshot::EdgeKind;
using snapshot::Layout;
using testing::BuiltEdge;
using testing::SnapshotBuilder;

// The interpreter leads to a thread, whose frame has a list in a local. Two objects of the
// interpreter's lead there as well; a second list only the frame has.
class PathsTest : public ::testing::Test {
 protected:
  enum : ObjectId { kInterpreter, kThread, kFrame, kOuter, kInner, kList, kLocal };

  void SetUp() override {
    const auto interpreter = builder_.add_type("<interpreter>", Layout::kInterpreter, "");
    const auto thread = builder_.add_type("<thread>", Layout::kThread, "");
    const auto frame = builder_.add_type("<frame>", Layout::kRunningFrame, "");
    const auto list = builder_.add_type("list", Layout::kList);
    const auto holder = builder_.add_type("Holder", Layout::kOther, "shop");
    add_pseudo(interpreter, {{kThread, EdgeKind::kField}, {kOuter, EdgeKind::kAttribute, "outer"}});
    add_pseudo(thread, {{kFrame, EdgeKind::kFrame, "", 0}});
    add_pseudo(frame, {{kList, EdgeKind::kLocal, "orders"}, {kLocal, EdgeKind::kLocal, "today"}});
    builder_.add({.type = holder, .edges = {{kInner, EdgeKind::kAttribute, "inner"}}});
    builder_.add({.type = holder, .edges = {{kList, EdgeKind::kAttribute, "orders"}}});
    builder_.add({.type = list});
    builder_.add({.type = list});
    builder_.roots = {kInterpreter, kThread};
    builder_.write(scratch_.file("heap.hoop"));
  }

  void add_pseudo(std::uint32_t type, std::vector<BuiltEdge> edges) {
    builder_.add({.type = type, .bytes = 0, .flags = snapshot::kPseudo, .edges = std::move(edges)});
  }

  testing::ScratchDirectory scratch_;
  SnapshotBuilder builder_;
};

TEST_F(PathsTest, WhatLastsComesBeforeAVariableThatIsNearer) {
  const Snapshot heap(scratch_.file("heap.hoop"), IndexUse::kNever);
  EXPECT_EQ(heap.graph().path_parent[kList], kInner);
  EXPECT_EQ(heap.graph().path_parent[kInner], kOuter);
}

TEST_F(PathsTest, WhatOnlyAFrameHasIsNamedByItsThread) {
  const Snapshot heap(scratch_.file("heap.hoop"), IndexUse::kNever);
  EXPECT_EQ(heap.graph().path_parent[kLocal], kFrame);
  EXPECT_EQ(heap.graph().path_parent[kFrame], kThread);
  EXPECT_EQ(heap.graph().path_parent[kThread], kNone);
}

}  // namespace
}  // namespace hoop::analysis
