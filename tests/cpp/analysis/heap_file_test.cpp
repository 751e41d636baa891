// SPDX-License-Identifier: Apache-2.0
#include "analysis/heap_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "analysis/snapshot.h"
#include "cpp/support/random.h"
#include "cpp/support/scratch_directory.h"
#include "cpp/support/snapshot_builder.h"

namespace hoop::analysis {
namespace {

using snapshot::EdgeKind;
using snapshot::Layout;
using testing::BuiltEdge;
using testing::BuiltObject;
using testing::SnapshotBuilder;

class HeapFileTest : public ::testing::Test {
 protected:
  std::string write(const std::string& content) {
    std::string path = scratch_.file("heap.hoop");
    testing::write_file(path, content);
    return path;
  }
  // What opening it says; empty: nothing is wrong.
  std::string error_of(const std::string& content) {
    try {
      const Snapshot snapshot(write(content), IndexUse::kNever);
      return "";
    } catch (const FileError& error) {
      return error.what();
    }
  }

  testing::ScratchDirectory scratch_;
};

SnapshotBuilder small_heap() {
  SnapshotBuilder builder;
  const auto interpreter = builder.add_type("<interpreter>", Layout::kInterpreter, "");
  const auto list = builder.add_type("list", Layout::kList);
  const auto text = builder.add_type("str", Layout::kStr);
  BuiltObject root;
  root.type = interpreter;
  root.flags = snapshot::kPseudo;
  root.edges = {{1, EdgeKind::kAttribute, "kept"}};
  builder.add(root);
  BuiltObject items;
  items.type = list;
  items.bytes = 300;
  items.buffer = std::uint64_t{6} << 30;
  items.edges = {{2, EdgeKind::kItem, "", 0},
                 {BuiltEdge::kNowhere, EdgeKind::kItem, "", 1},
                 {2, EdgeKind::kItem, "", 700}};
  builder.add(items);
  BuiltObject word;
  word.type = text;
  word.text = "word";
  word.address = 0x10;  // out of order
  builder.add(word);
  builder.roots = {0};
  return builder;
}

TEST_F(HeapFileTest, IsReadAsItWasWritten) {
  SnapshotBuilder builder = small_heap();
  builder.block_bytes = 1;  // every number straddles
  const Snapshot snapshot(write(builder.build()), IndexUse::kNever);
  const Columns& columns = snapshot.columns();
  ASSERT_EQ(columns.objects(), 3u);
  EXPECT_EQ(columns.edges(), 3u);
  EXPECT_EQ(columns.dropped_edges, 1u);
  EXPECT_EQ(columns.find(0x10 >> 3), 2u);
  EXPECT_EQ(columns.find(0x18 >> 3), kNone);
  EXPECT_EQ(columns.string(columns.text_of(2)->string), "word");
  EXPECT_EQ(columns.capacity_of(1)->allocated, 5u);
  EXPECT_EQ(columns.edge_name[2], 700u);
  EXPECT_EQ(columns.bytes_of(1), (std::uint64_t{6} << 30) + 300);
  EXPECT_EQ(columns.buffer_bytes_of(1), std::uint64_t{6} << 30);
  EXPECT_EQ(snapshot.graph().retained[0], (std::uint64_t{6} << 30) + 300 + 64 + 64);
  EXPECT_EQ(snapshot.graph().held_by_c(2), 0u);
}

TEST_F(HeapFileTest, EveryHalfIsAnError) {
  const std::string whole = small_heap().build();
  EXPECT_EQ(error_of(whole), "");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(error_of(whole.substr(0, length)), "") << length;
  EXPECT_NE(error_of(whole.substr(0, whole.size() - 1)).find("take it again"), std::string::npos);
}

TEST_F(HeapFileTest, AnyDamagedByteIsReadOrRefused) {
  SnapshotBuilder builder = small_heap();
  builder.block_bytes = 16;
  const std::string whole = builder.build();
  for (std::size_t place = 0; place < whole.size(); ++place) {
    for (const int flip : {1, 0x40, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[place] = static_cast<char>(damaged[place] ^ flip);
      static_cast<void>(error_of(damaged));
    }
  }
}

TEST_F(HeapFileTest, PackedItIsTheSame) {
  if (!can_compress()) GTEST_SKIP() << "no zstd";
  SnapshotBuilder builder = small_heap();
  for (std::uint32_t i = 1000; i < 3000; ++i)
    builder.objects[1].edges.push_back({2, EdgeKind::kItem, "", i});
  const std::string path = write(builder.build());
  const std::uint64_t before = HeapFile(path).state().bytes;
  const std::uint64_t saved = compress(path);
  EXPECT_EQ(HeapFile(path).state().bytes, before - saved);
  EXPECT_GT(saved, 0u);
  const Snapshot snapshot(path, IndexUse::kNever);
  EXPECT_EQ(snapshot.columns().edges(), 2003u);
  EXPECT_EQ(snapshot.columns().edge_name[2002], 2999u);
  // Cut short, its frames are damaged or its end is missing.
  const std::string whole = testing::content_of(path);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(error_of(whole.substr(0, length)), "");
}

TEST_F(HeapFileTest, AnIndexIsUsedOnlyForItsFile) {
  const std::string path = write(small_heap().build());
  EXPECT_TRUE(Snapshot(path, IndexUse::kAlways).has_index());
  EXPECT_TRUE(Snapshot(path, IndexUse::kAuto).has_index());
  EXPECT_FALSE(Snapshot(path, IndexUse::kNever).has_index());
  SnapshotBuilder other = small_heap();
  other.objects[1].bytes = 301;
  other.block_bytes = 7;
  write(other.build());
  EXPECT_FALSE(Snapshot(path, IndexUse::kAuto).has_index());
}

TEST_F(HeapFileTest, ADamagedIndexIsNotBelieved) {
  const std::string path = write(small_heap().build());
  ASSERT_TRUE(Snapshot(path, IndexUse::kAlways).has_index());
  const std::string whole = testing::content_of(path + ".index");
  testing::Random random = testing::seeded_random();
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    if (random.percent(20)) damaged.resize(random.below(damaged.size()));
    testing::write_file(path + ".index", damaged);
    try {
      Snapshot snapshot(path, IndexUse::kAuto);
      for (ObjectId i = 0; i < snapshot.columns().objects(); ++i)
        static_cast<void>(snapshot.names().name_of(i, Detail::kExact));
      snapshot.by_module();
      snapshot.cycles(CyclesOf::kAll);
    } catch (const FileError&) {
    }
  }
}

}  // namespace
}  // namespace hoop::analysis
