// SPDX-License-Identifier: Apache-2.0
// Roots, and what C code holds by type.
#include <gtest/gtest.h>

#include <cstdint>
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
using testing::SnapshotBuilder;

class RootsTest : public ::testing::Test {
 protected:
  enum : ObjectId { kInterpreter, kList, kInList, kAlone, kInField, kForever, kFine };

  // Three things that C has references to, of which the interpreter's fields explain one.
  void SetUp() override {
    const auto interpreter = builder_.add_type("<interpreter>", Layout::kInterpreter, "");
    list_ = builder_.add_type("list", Layout::kList);
    thing_ = builder_.add_type("Thing", Layout::kOther, "shop");
    builder_.add({.type = interpreter,
                  .flags = snapshot::kPseudo,
                  .edges = {{kList, EdgeKind::kAttribute, "kept"},
                            {kInField, EdgeKind::kField, "", 0, false}}});
    builder_.add({.type = list_,
                  .edges = {{kInList, EdgeKind::kItem, "", 0}, {kFine, EdgeKind::kItem, "", 1}}});
    builder_.add({.type = thing_, .bytes = 10, .extra_count = 2});
    builder_.add({.type = thing_, .bytes = 20, .extra_count = 5});
    builder_.add({.type = thing_, .bytes = 40, .extra_count = 1});
    builder_.add({.type = thing_, .bytes = 80, .immortal = true});
    builder_.add({.type = thing_, .bytes = 160});
    builder_.roots = {kInterpreter};
    builder_.write(scratch_.file("heap.hoop"));
  }
  Snapshot open() { return Snapshot(scratch_.file("heap.hoop"), IndexUse::kNever); }

  testing::ScratchDirectory scratch_;
  SnapshotBuilder builder_;
  std::uint32_t list_ = 0, thing_ = 0;
};

TEST_F(RootsTest, AreWhatIsAliveByItself) {
  const Snapshot heap = open();
  const std::vector<RootKind> expected = {
      RootKind::kListed,  RootKind::kNone,     RootKind::kHeldByC, RootKind::kHeldByC,
      RootKind::kHeldByC, RootKind::kImmortal, RootKind::kNone};
  for (ObjectId i = 0; i < expected.size(); ++i)
    EXPECT_EQ(heap.graph().root_of(i), expected[i]) << i;
}

TEST_F(RootsTest, WhatCHoldsIsTotalledByType) {
  const Snapshot heap = open();
  const std::vector<HeldByC> totals = total_held_by_c(heap.graph());
  ASSERT_EQ(totals.size(), heap.columns().types.size());
  const HeldByC& things = totals[thing_];
  EXPECT_EQ(things.objects, 2u);
  EXPECT_EQ(things.references, 7u);
  EXPECT_EQ(things.retained, 30u);
  EXPECT_EQ(things.example, ObjectId{kAlone});
}

TEST_F(RootsTest, ATypeOfWhichCHoldsNothingHasNoExample) {
  const Snapshot heap = open();
  const HeldByC lists = total_held_by_c(heap.graph())[list_];
  EXPECT_EQ(lists.objects, 0u);
  EXPECT_EQ(lists.references, 0u);
  EXPECT_EQ(lists.example, kNone);
}

TEST_F(RootsTest, AFieldOfTheInterpreterAccountsForAReference) {
  const Snapshot heap = open();
  EXPECT_EQ(heap.graph().held_by_c(kInField), 1u);
  EXPECT_EQ(heap.graph().held_by_c(kAlone), 5u);
  // Once: the second such reference is held by C.
  builder_.objects[kInField].extra_count = 2;
  builder_.write(scratch_.file("heap.hoop"));
  EXPECT_EQ(total_held_by_c(open().graph())[thing_].objects, 3u);
}

}  // namespace
}  // namespace hoop::analysis
