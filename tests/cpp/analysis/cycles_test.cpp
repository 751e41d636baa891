// SPDX-License-Identifier: Apache-2.0
// Snapshot::cycles.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/columns.h"
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

// Rings of a book and its shelf, which refer to each other. Where a search enters one that nobody
// holds depends on which of the two lies first.
class CyclesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    interpreter_ = builder_.add_type("<interpreter>", Layout::kInterpreter, "");
    book_ = builder_.add_type("Book", Layout::kOther, "shop");
    shelf_ = builder_.add_type("Shelf", Layout::kOther, "shop");
    builder_.add({.type = interpreter_, .bytes = 0, .flags = snapshot::kPseudo});
    builder_.roots = {0};
  }

  void add_ring(bool book_first) {
    const auto first = static_cast<ObjectId>(builder_.objects.size());
    const ObjectId book = book_first ? first : first + 1;
    const ObjectId shelf = book_first ? first + 1 : first;
    for (const ObjectId object : {first, first + 1}) {
      BuiltObject built{.type = object == book ? book_ : shelf_, .bytes = 10};
      if (object == book) built.edges.push_back({shelf, EdgeKind::kAttribute, "shelf"});
      if (object == shelf) built.edges.push_back({book, EdgeKind::kAttribute, "book"});
      builder_.add(built);
    }
  }
  void hold(ObjectId object) {
    builder_.objects[0].edges.push_back({object, EdgeKind::kAttribute, "kept"});
  }
  std::vector<CycleGroup> cycles() {
    builder_.write(scratch_.file("heap.hoop"));
    return Snapshot(scratch_.file("heap.hoop"), IndexUse::kNever).cycles(CyclesOf::kSmall);
  }

  testing::ScratchDirectory scratch_;
  SnapshotBuilder builder_;
  std::uint32_t interpreter_ = 0, book_ = 0, shelf_ = 0;
};

TEST_F(CyclesTest, GarbageIsOfOneKindWhereverItIsEntered) {
  for (const bool book_first : {true, false, false}) add_ring(book_first);
  const std::vector<CycleGroup> groups = cycles();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].components, 3u);
  EXPECT_EQ(groups[0].held, 0u);
  EXPECT_EQ(groups[0].bytes, 60u);
  EXPECT_EQ(groups[0].cycle, "shop.Book.shelf -> shop.Shelf.book -> shop.Book");
}

TEST_F(CyclesTest, TheOneThatIsHeldIsToldFromWhereItIsHeld) {
  add_ring(true);
  add_ring(true);
  hold(4);  // the second shelf
  const std::vector<CycleGroup> groups = cycles();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].components, 2u);
  EXPECT_EQ(groups[0].held, 1u);
  EXPECT_EQ(groups[0].cycle, "shop.Shelf.book -> shop.Book.shelf -> shop.Shelf");
  EXPECT_EQ(groups[0].closing, "shop.Book.shelf");
}

}  // namespace
}  // namespace hoop::analysis
