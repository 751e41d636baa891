// SPDX-License-Identifier: Apache-2.0
// Snapshot::shapes.
#include <gtest/gtest.h>

#include <algorithm>
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
using testing::BuiltObject;
using testing::SnapshotBuilder;

// interpreter.kept is a list of five: three orders, which have a value each, and two notes.
class ShapesTest : public ::testing::Test {
 protected:
  enum : ObjectId { kInterpreter, kList, kFirst, kFirstValue = kFirst + 5 };

  void SetUp() override {
    const auto interpreter = builder_.add_type("<interpreter>", Layout::kInterpreter, "");
    const auto list = builder_.add_type("list", Layout::kList);
    order_ = builder_.add_type("Order", Layout::kOther, "shop");
    note_ = builder_.add_type("Note", Layout::kOther, "shop");
    const auto value = builder_.add_type("Value", Layout::kOther, "shop");
    add({.type = interpreter, .bytes = 0, .flags = snapshot::kPseudo}, {{kList, "kept"}});
    add({.type = list, .bytes = 100}, {});
    for (std::uint32_t i = 0; i < 5; ++i) {
      builder_.objects[kList].edges.push_back({kFirst + i, EdgeKind::kItem, "", i});
      const bool is_order = i % 2 == 0;
      if (is_order) {
        add({.type = order_, .bytes = 10}, {{kFirstValue + i / 2, "value"}});
      } else {
        add({.type = note_, .bytes = 10}, {});
      }
    }
    for (std::uint32_t i = 0; i < 3; ++i) add({.type = value, .bytes = i == 1 ? 900u : 90u}, {});
    builder_.roots = {kInterpreter};
    builder_.write(scratch_.file("heap.hoop"));
  }

  void add(BuiltObject object, const std::vector<std::pair<ObjectId, const char*>>& attributes) {
    for (const auto& [target, name] : attributes)
      object.edges.push_back({target, EdgeKind::kAttribute, name});
    builder_.add(std::move(object));
  }
  Snapshot open() { return Snapshot(scratch_.file("heap.hoop"), IndexUse::kNever); }
  static ShapeRow row_of(Snapshot& heap, ObjectId object) {
    const std::vector<ShapeRow> rows = heap.shapes(0, 0);
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const ShapeRow& row) {
      return row.shape == heap.names().shape_of(object);
    });
    return found != rows.end() ? *found : ShapeRow{};
  }

  testing::ScratchDirectory scratch_;
  SnapshotBuilder builder_;
  std::uint32_t order_ = 0, note_ = 0;
};

TEST_F(ShapesTest, PutObjectsTogetherWhosePathsDifferInAnIndex) {
  Snapshot heap = open();
  EXPECT_EQ(heap.shapes(0, 0).size(), 4u);
  const ShapeRow items = row_of(heap, kFirst);
  EXPECT_EQ(items.total.count, 5u);
  EXPECT_EQ(items.total.bytes, 50u);
  EXPECT_EQ(items.total.retained, 50u + 90 + 900 + 90);
  const ShapeRow values = row_of(heap, kFirstValue);
  EXPECT_EQ(values.total.count, 3u);
  EXPECT_EQ(values.total.retained, 90u + 900 + 90);
}

TEST_F(ShapesTest, HaveTheTypeOfMostAndTheExampleThatRetainsMost) {
  Snapshot heap = open();
  const ShapeRow items = row_of(heap, kFirst);
  EXPECT_EQ(items.type, order_);
  EXPECT_EQ(items.example, kFirst + 2u);
  EXPECT_EQ(row_of(heap, kFirstValue).example, kFirstValue + 1u);
}

TEST_F(ShapesTest, SayHowManyOfTheShapeAboveThereAre) {
  Snapshot heap = open();
  const ShapeRow items = row_of(heap, kFirst);
  EXPECT_EQ(items.above, heap.names().shape_of(kList));
  EXPECT_EQ(items.holders, 1u);
  const ShapeRow values = row_of(heap, kFirstValue);
  EXPECT_EQ(values.above, items.shape);
  EXPECT_EQ(values.holders, 5u);
  const ShapeRow root = row_of(heap, kInterpreter);
  EXPECT_EQ(root.above, 0u);
  EXPECT_EQ(root.holders, 0u);
}

TEST_F(ShapesTest, AreLeftOutWhereTheyAreSmallAndFew) {
  Snapshot heap = open();
  EXPECT_EQ(heap.shapes(UINT64_MAX, 3).size(), 2u);
  EXPECT_EQ(heap.shapes(UINT64_MAX, 4).size(), 1u);
  EXPECT_EQ(heap.shapes(1130, UINT64_MAX).size(), 3u);
  EXPECT_TRUE(heap.shapes(UINT64_MAX, UINT64_MAX).empty());
}

TEST_F(ShapesTest, FullestContainersComeFirst) {
  const auto set = builder_.add_type("set", Layout::kSet);
  const auto full = static_cast<ObjectId>(builder_.objects.size());
  add({.type = set, .bytes = 100}, {});
  for (std::uint32_t i = 0; i < 3; ++i)
    builder_.objects[full].edges.push_back({kFirst + i, EdgeKind::kSetMember, ""});
  builder_.objects[kInterpreter].edges.push_back({full, EdgeKind::kAttribute, "full"});
  const auto unfinished = static_cast<ObjectId>(builder_.objects.size());
  add({.type = set, .bytes = 100}, {{kFirst, "first"}, {kList, "list"}});
  builder_.objects[kInterpreter].edges.push_back({unfinished, EdgeKind::kStack, ""});
  builder_.write(scratch_.file("heap.hoop"));
  const Snapshot heap = open();
  EXPECT_EQ(heap.fullest(1, 10), (std::vector<ObjectId>{kList, full}));
  EXPECT_EQ(heap.fullest(4, 10), (std::vector<ObjectId>{kList}));
  EXPECT_EQ(heap.fullest(1, 1), (std::vector<ObjectId>{kList}));
}

}  // namespace
}  // namespace hoop::analysis
