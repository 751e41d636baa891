// SPDX-License-Identifier: Apache-2.0
// What the writer makes of a heap that looks like a small Python's, as the analysis reads it.
#include "snapshot/writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/snapshot.h"
#include "base/units.h"
#include "cpp/support/child.h"
#include "cpp/support/scratch_directory.h"
#include "cycles/object_map.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {
namespace {

constexpr std::uint32_t kVersion312 = 0x030C01F0;
constexpr std::size_t kCollectorHeader = 16;

// Types, objects and blocks of memory, laid out as CPython 3.12 does. The collector knows `list`,
// which has one item.
class SmallHeap {
 public:
  SmallHeap() : memory_(static_cast<char*>(std::aligned_alloc(kBytes, kBytes)), &std::free) {
    std::memset(memory_.get(), 0, kBytes);
    type = take(kTypeBytes);
    fill_type(type, "type", type_flag::kCollected | type_flag::kType, kTypeBytes);
    float_type = add_type("float", 0, 24);
    list_type = add_type("list", type_flag::kCollected | type_flag::kList, 40);
    set_type = add_type("set", type_flag::kCollected, 200);
    item = add_block(24, 1, float_type);
    list = add_list(1);
    items_[0] = item;
    put(list + at::kSize, 1);
    put(list + at::kListItems, reinterpret_cast<Address>(items_));
    put(list + at::kListAllocated, 1);
  }

  // A block that begins like an object.
  Address add_block(std::size_t bytes, std::uint64_t count, Address of_type) {
    const Address start = take(bytes);
    put(start + at::kCount, count);
    put(start + at::kType, of_type);
    blocks_.push_back(start);
    return start;
  }
  // An empty list, behind the collector's header.
  Address add_list(std::uint64_t count) {
    const Address start = add_block(kCollectorHeader + 40, 0, 0);
    put(start + kCollectorHeader + at::kCount, count);
    put(start + kCollectorHeader + at::kType, list_type);
    return start + kCollectorHeader;
  }
  Address add_type(const char* name, std::uint64_t flags, std::uint64_t bytes) {
    const Address address = take(kTypeBytes);
    fill_type(address, name, flags, bytes);
    return address;
  }

  [[nodiscard]] Subject subject(bool with_blocks = true) {
    Subject subject;
    subject.version = kVersion312;
    subject.layout = layout_of(kVersion312);
    subject.heap_base = reinterpret_cast<Address>(memory_.get());
    subject.heap_bytes = kBytes;
    subject.context = this;
    subject.enter_objects = [](void* context, cycles::ObjectMap& map) {
      map.add(static_cast<SmallHeap*>(context)->list);
    };
    if (!with_blocks) return subject;
    subject.for_each_block = [](void* context, void (*visit)(void*, Address), void* to) {
      for (const Address start : static_cast<SmallHeap*>(context)->blocks_) visit(to, start);
    };
    return subject;
  }

  Address type = 0, float_type = 0, list_type = 0, set_type = 0;
  Address list = 0, item = 0;

 private:
  static constexpr std::size_t kBytes = 2 * kMiB;
  static constexpr std::size_t kTypeBytes = 416;

  static void put(Address address, std::uint64_t word) {
    std::memcpy(reinterpret_cast<void*>(address), &word, sizeof word);
  }
  Address take(std::size_t bytes) {
    const Address start = reinterpret_cast<Address>(memory_.get()) + used_;
    used_ += (bytes + 15) / 16 * 16;
    return start;
  }
  void fill_type(Address address, const char* name, std::uint64_t flags, std::uint64_t bytes) {
    put(address + at::kCount, 10);
    put(address + at::kType, type);
    put(address + at::kTypeName, reinterpret_cast<Address>(name));
    put(address + at::kTypeFlags, flags);
    put(address + at::kTypeBasicSize, bytes);
  }

  std::unique_ptr<char, decltype(&std::free)> memory_;
  std::size_t used_ = 0;
  std::vector<Address> blocks_;
  Address items_[1] = {};
};

class WriterTest : public ::testing::Test {
 protected:
  // In a child, whose handlers of signals the writer may take.
  analysis::Snapshot written(const Subject& subject) {
    const std::string path = scratch_.file("heap.hoop");
    EXPECT_TRUE(testing::passes_in_child([&] {
      Order order;
      order.file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      order.account = [](void*) { return Account{}; };
      const Outcome outcome = write_snapshot(subject, order);
      EXPECT_EQ(outcome.error, 0);
      EXPECT_EQ(outcome.damaged, 0u);
      ::close(order.file);
    }));
    return analysis::Snapshot(path, analysis::IndexUse::kNever);
  }
  static bool has(const analysis::Snapshot& snapshot, Address object) {
    return snapshot.columns().find(object >> 3) != analysis::kNone;
  }
  static analysis::RootKind root_of(const analysis::Snapshot& snapshot, Address object) {
    return snapshot.graph().root_of(snapshot.columns().find(object >> 3));
  }

  SmallHeap heap_;
  testing::ScratchDirectory scratch_;
};

TEST_F(WriterTest, WritesWhatTheCollectorKnowsAndWhatThatRefersTo) {
  const analysis::Snapshot snapshot = written(heap_.subject());
  for (const Address object :
       {heap_.list, heap_.item, heap_.list_type, heap_.float_type, heap_.type})
    EXPECT_TRUE(has(snapshot, object));
  EXPECT_EQ(snapshot.columns().objects(), 5u);
  EXPECT_EQ(root_of(snapshot, heap_.item), analysis::RootKind::kNone);
}

TEST_F(WriterTest, AnObjectThatNothingRefersToIsHeldByC) {
  const Address plain = heap_.add_block(24, 1, heap_.float_type);
  const Address untracked = heap_.add_list(2);
  const analysis::Snapshot snapshot = written(heap_.subject());
  EXPECT_EQ(snapshot.columns().objects(), 7u);
  for (const Address object : {plain, untracked}) {
    ASSERT_TRUE(has(snapshot, object));
    EXPECT_EQ(root_of(snapshot, object), analysis::RootKind::kHeldByC);
  }
}

TEST_F(WriterTest, WithoutTheBlocksOfAHeapThereAreNoSuchObjects) {
  const Address plain = heap_.add_block(24, 1, heap_.float_type);
  EXPECT_FALSE(has(written(heap_.subject(false)), plain));
}

TEST_F(WriterTest, ABlockThatLooksALittleLikeAnObjectIsNone) {
  const std::vector<Address> blocks = {
      heap_.add_block(24, 0, heap_.float_type),                       // let go of
      heap_.add_block(24, std::uint64_t{1} << 31, heap_.float_type),  // no such count
      heap_.add_block(24, UINT64_MAX, heap_.float_type),
      heap_.add_block(24, 1, heap_.float_type + 4),
      heap_.add_block(24, 1, heap_.item),      // an object, and no type
      heap_.add_block(24, 1, heap_.set_type),  // a type of which there is nothing else
      heap_.add_block(24, 1, 8),
      heap_.add_block(40, 1, heap_.list_type),  // no room for the collector's header
  };
  const analysis::Snapshot snapshot = written(heap_.subject());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_FALSE(has(snapshot, blocks[i])) << i;
    EXPECT_FALSE(has(snapshot, blocks[i] + kCollectorHeader)) << i;
  }
  EXPECT_EQ(snapshot.columns().objects(), 5u);
}

}  // namespace
}  // namespace hoop::snapshot
