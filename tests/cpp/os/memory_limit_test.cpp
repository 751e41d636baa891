// SPDX-License-Identifier: Apache-2.0
#include "os/memory_limit.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/units.h"
#include "cpp/support/scratch_directory.h"

namespace hoop::os {
namespace {

using testing::ScratchDirectory;
using testing::write_file;

constexpr const char* kNumberForNoLimit = "9223372036854771712";

// A directory with a /proc and a /sys of its own.
class MemoryLimit : public ::testing::Test {
 protected:
  void be_in(const std::string& lines) {
    std::filesystem::create_directories(root_.file("proc/self"));
    write_file(root_.file("proc/self/cgroup"), lines);
  }
  // Where the unified layout has a group; "" is the outermost.
  void set_group(const std::string& group, const std::string& limit, const std::string& usage,
                 const std::string& statistics = "") {
    const std::string folder = make_folder("sys/fs/cgroup" + group);
    write_file(folder + "/memory.max", limit + "\n");
    write_file(folder + "/memory.current", usage + "\n");
    if (!statistics.empty()) write_file(folder + "/memory.stat", statistics);
  }
  // The same where memory has a hierarchy of its own.
  void set_old_group(const std::string& group, const std::string& limit, const std::string& usage,
                     const std::string& statistics = "") {
    const std::string folder = make_folder("sys/fs/cgroup/memory" + group);
    write_file(folder + "/memory.limit_in_bytes", limit + "\n");
    write_file(folder + "/memory.usage_in_bytes", usage + "\n");
    if (!statistics.empty()) write_file(folder + "/memory.stat", statistics);
  }
  std::string make_folder(const std::string& name) {
    std::filesystem::create_directories(root_.file(name));
    return root_.file(name);
  }
  [[nodiscard]] std::size_t left() const { return memory_left_in_group(root_.path().c_str()); }

  ScratchDirectory root_;
};

TEST(MemoryLimitHere, IsNoneOrAPlausibleFigure) {
  const std::size_t left = memory_left_in_group();
  if (left != SIZE_MAX) {
    EXPECT_LT(left, std::size_t{1} << 50);
    EXPECT_GT(left, 0U) << "but this test runs";
  }
}

TEST_F(MemoryLimit, IsNoneWhereNothingCanBeRead) {
  EXPECT_EQ(left(), SIZE_MAX);
  be_in("0::/a\n");
  EXPECT_EQ(left(), SIZE_MAX);
  make_folder("sys/fs/cgroup/a");
  EXPECT_EQ(left(), SIZE_MAX);
}

TEST_F(MemoryLimit, IsWhatTheGroupHasNotUsed) {
  be_in("0::/a\n");
  set_group("/a", "1000000", "400000");
  EXPECT_EQ(left(), 600'000U);
}

TEST_F(MemoryLimit, CountsFilePagesThatCanBeDroppedAsFree) {
  be_in("0::/a\n");
  set_group("/a", "1000000", "400000",
            "anon 300000\nfile 100000\nactive_file 7\ninactive_file 90000\nslab 5\n");
  EXPECT_EQ(left(), 690'000U);
}

TEST_F(MemoryLimit, IsNeverMoreThanTheWholeOfIt) {
  be_in("0::/a\n");
  set_group("/a", "1000000", "400000", "anon 0\ninactive_file 500000\n");
  EXPECT_EQ(left(), 1'000'000U);
}

TEST_F(MemoryLimit, IsNothingWhereMoreIsUsedThanAllowed) {
  be_in("0::/a\n");
  set_group("/a", "1000000", "1000001");
  EXPECT_EQ(left(), 0U);
  set_group("/a", "0", "0");
  EXPECT_EQ(left(), 0U);
}

TEST_F(MemoryLimit, IsTheTightestOfAllGroupsAround) {
  be_in("0::/outer/middle/inner\n");
  set_group("/outer/middle/inner", "9000", "1000");
  EXPECT_EQ(left(), 8000U);
  set_group("/outer/middle", "20000", "13000");
  EXPECT_EQ(left(), 7000U);
  set_group("/outer", "90000", "89990");
  EXPECT_EQ(left(), 10U);
  set_group("", "100000", "99995");
  EXPECT_EQ(left(), 5U);
}

TEST_F(MemoryLimit, LooksAtNoOtherGroup) {
  be_in("0::/a/b\n");
  set_group("/a/b", "max", "1");
  set_group("/a/other", "10", "10");
  set_group("/b", "10", "10");
  EXPECT_EQ(left(), SIZE_MAX);
}

TEST_F(MemoryLimit, IsNoneWhereItIsTheWordMax) {
  be_in("0::/a\n");
  set_group("/a", "max", "400000");
  EXPECT_EQ(left(), SIZE_MAX);
}

TEST_F(MemoryLimit, IsNoneWhereUseCannotBeRead) {
  be_in("0::/a\n");
  set_group("/a", "1000", "");
  EXPECT_EQ(left(), SIZE_MAX);
}

// A container sees its own group as the outermost.
TEST_F(MemoryLimit, OfAContainerIsTheOutermostGroups) {
  be_in("0::/\n");
  set_group("", "5000", "2000");
  EXPECT_EQ(left(), 3000U);
}

TEST_F(MemoryLimit, IsFoundThoughNamesOfOuterGroupsLeadNowhere) {
  be_in("0::/machine/7f3a/payload\n");
  set_group("", "5000", "2000");
  EXPECT_EQ(left(), 3000U);
  be_in("0::/../../elsewhere\n");
  EXPECT_EQ(left(), 3000U);
}

TEST_F(MemoryLimit, IsReadInTheOldLayout) {
  be_in("5:cpu,cpuacct:/x\n4:memory:/a/b\n1:name=systemd:/x\n0::/x\n");
  set_old_group("/a/b", "1000000", "400000",
                "cache 1\ninactive_file 1\nhierarchical_memory_limit 5\ntotal_inactive_file 500\n");
  EXPECT_EQ(left(), 600'500U);
  set_old_group("/a", "500000", "450000");
  EXPECT_EQ(left(), 50'000U);
}

TEST_F(MemoryLimit, IsNoneWhereTheOldLayoutWritesALargeNumber) {
  be_in("4:memory:/a\n");
  set_old_group("/a", kNumberForNoLimit, "400000");
  EXPECT_EQ(left(), SIZE_MAX);
}

TEST_F(MemoryLimit, IsTheTighterOneWhereThereAreBothLayouts) {
  be_in("4:memory:/a\n0::/a\n");
  set_old_group("/a", "3000", "1000");
  set_group("/a", "5000", "1000");
  EXPECT_EQ(left(), 2000U);
  set_group("/a", "1500", "1000");
  EXPECT_EQ(left(), 500U);
}

// As under Kubernetes: a dozen lines, each with a name of 200 characters.
TEST_F(MemoryLimit, IsFoundBehindManyLongLines) {
  const std::string name = "/kubepods.slice/" + std::string(200, 'p') + "/" + std::string(64, 'c');
  std::string lines;
  for (const char* const controller : {"name=systemd", "pids", "blkio", "freezer", "devices",
                                       "rdma", "hugetlb", "perf_event", "cpuset", "cpu,cpuacct"})
    lines.append("9:").append(controller).append(":").append(name).append("\n");
  be_in(lines + "2:memory:" + name + "\n0::" + name + "\n");
  set_old_group(name, "3000", "1000");
  EXPECT_EQ(left(), 2000U);
  set_group(name, "1500", "1000");
  EXPECT_EQ(left(), 500U);
}

}  // namespace
}  // namespace hoop::os
