// SPDX-License-Identifier: Apache-2.0
#include "os/file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>

#include "cpp/support/child.h"
#include "cpp/support/random.h"
#include "cpp/support/scratch_directory.h"

namespace hoop::os {
namespace {

using testing::content_of;
using testing::ScratchDirectory;

bool write_all(const std::string& path, const std::string& content) {
  FileWriter writer(path.c_str());
  writer.write(content.data(), content.size());
  return writer.finish();
}

std::size_t files_in(const ScratchDirectory& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path()))
    ++count;
  return count;
}

TEST(FileWriter, WritesWhatItIsGiven) {
  const ScratchDirectory directory;
  const std::string path = directory.file("a.json");
  ASSERT_TRUE(write_all(path, "{\"format\":1}\n"));
  EXPECT_EQ(content_of(path), "{\"format\":1}\n");
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(FileWriter, WritesAnEmptyFile) {
  const ScratchDirectory directory;
  ASSERT_TRUE(write_all(directory.file("empty"), ""));
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(FileWriter, JoinsPiecesOfEverySizeAroundItsBuffer) {
  const ScratchDirectory directory;
  testing::Random random = testing::seeded_random();
  std::string expected;
  FileWriter writer(directory.file("pieces").c_str());
  for (const std::size_t length : {0, 1, 8191, 8192, 8193, 1, 20'000, 3}) {
    std::string piece;
    for (std::size_t i = 0; i < length; ++i) piece.push_back(static_cast<char>(random.next()));
    writer.write(piece.data(), piece.size());
    expected += piece;
  }
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(content_of(directory.file("pieces")), expected);
}

TEST(FileWriter, ShowsNothingBeforeItHasFinished) {
  const ScratchDirectory directory;
  const std::string path = directory.file("late");
  FileWriter writer(path.c_str());
  writer.write("text", 4);
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(writer.finish());
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(FileWriter, LeavesNothingBehindWhenItIsAbandoned) {
  const ScratchDirectory directory;
  {
    FileWriter writer(directory.file("never").c_str());
    writer.write("text", 4);
  }
  EXPECT_EQ(files_in(directory), 0u);
}

TEST(FileWriter, ReplacesAnOlderFileAsAWhole) {
  const ScratchDirectory directory;
  const std::string path = directory.file("again");
  ASSERT_TRUE(write_all(path, "a long first version"));
  ASSERT_TRUE(write_all(path, "second"));
  EXPECT_EQ(content_of(path), "second");
}

TEST(FileWriter, IsForItsOwnerOnly) {
  const ScratchDirectory directory;
  const std::string path = directory.file("private");
  ASSERT_TRUE(write_all(path, "x"));
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0600u);
}

TEST(FileWriter, FailsWhereNoFileCanBe) {
  EXPECT_FALSE(write_all("/nowhere/at/all", "x"));
  EXPECT_FALSE(write_all("", "x"));
}

TEST(FileWriter, DoesNotFollowALinkPlantedForIt) {
  const ScratchDirectory directory;
  const std::string victim = directory.file("victim");
  testing::write_file(victim, "precious");
  ASSERT_EQ(::symlink(victim.c_str(), directory.file("target.part").c_str()), 0);
  EXPECT_FALSE(write_all(directory.file("target"), "x"));
  EXPECT_EQ(content_of(victim), "precious");
}

TEST(FileWriter, ReportsAFullDisk) {
  // A limit on file size stands for it.
  EXPECT_TRUE(testing::passes_in_child([] {
    const ScratchDirectory directory;
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    EXPECT_FALSE(write_all(directory.file("large"), std::string(200'000, 'x')));
    EXPECT_EQ(files_in(directory), 0u);
  }));
}

TEST(FileWriter, CannotFinishTwice) {
  const ScratchDirectory directory;
  FileWriter writer(directory.file("once").c_str());
  EXPECT_TRUE(writer.finish());
  EXPECT_FALSE(writer.finish());
}

// Better no file than one under another name.
TEST(FileWriter, NeverWritesUnderAnotherNameThanItWasGiven) {
  const ScratchDirectory directory;
  for (const std::size_t length : {400, 500, 505, 506, 507, 510, 511, 512, 513, 515, 600, 700}) {
    std::string path = directory.path();
    while (path.size() + 202 < length) {
      path += '/';
      path.append(200, 'd');
      std::filesystem::create_directory(path);
    }
    path += '/';
    path.append(length - path.size(), 'f');
    ASSERT_EQ(path.size(), length);
    if (write_all(path, "x")) {
      EXPECT_EQ(content_of(path), "x") << length;
    } else {
      EXPECT_FALSE(std::filesystem::exists(path)) << length;
    }
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path())) {
    if (!entry.is_directory()) std::filesystem::remove(entry.path());
  }
}

TEST(MapNewFile, IsZeroAtFirstAndOutlivesTheMapping) {
  const ScratchDirectory directory;
  const std::string path = directory.file("live");
  auto* const mapped = static_cast<char*>(map_new_file(path.c_str(), 10'000));
  ASSERT_NE(mapped, nullptr);
  for (std::size_t i = 0; i < 10'000; ++i) ASSERT_EQ(mapped[i], 0);
  std::memcpy(mapped + 9'000, "here", 4);
  ASSERT_EQ(::munmap(mapped, 10'000), 0);
  EXPECT_EQ(content_of(path).size(), 10'000u);
  EXPECT_EQ(content_of(path).substr(9'000, 4), "here");
}

TEST(MapNewFile, OutlivesAKilledProcess) {
  const ScratchDirectory directory;
  const std::string path = directory.file("live");
  const pid_t child = ::fork();
  if (child == 0) {
    auto* const mapped = static_cast<char*>(map_new_file(path.c_str(), 4096));
    std::memcpy(mapped, "last words", 10);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(content_of(path).substr(0, 10), "last words");
}

TEST(MapNewFile, RefusesAFileThatExistsAndALink) {
  const ScratchDirectory directory;
  const std::string path = directory.file("taken");
  testing::write_file(path, "precious");
  EXPECT_EQ(map_new_file(path.c_str(), 4096), nullptr);
  EXPECT_EQ(content_of(path), "precious");
  ASSERT_EQ(::symlink(directory.file("elsewhere").c_str(), directory.file("link").c_str()), 0);
  EXPECT_EQ(map_new_file(directory.file("link").c_str(), 4096), nullptr);
  EXPECT_FALSE(std::filesystem::exists(directory.file("elsewhere")));
}

TEST(MapCommonFile, IsTheSameForAll) {
  const ScratchDirectory directory;
  const std::string path = directory.file("count");
  auto* const mine = static_cast<char*>(map_common_file(path.c_str(), 8));
  auto* const other = static_cast<char*>(map_common_file(path.c_str(), 8));
  ASSERT_NE(mine, nullptr);
  ASSERT_NE(other, nullptr);
  mine[3] = 'x';
  EXPECT_EQ(other[3], 'x');
  EXPECT_EQ(content_of(path).size(), 8u);
}

TEST(MapNewFile, KeepsErrnoAndLeavesNoDescriptorOpen) {
  const ScratchDirectory directory;
  const int before = ::dup(0);
  ::close(before);
  errno = 77;
  EXPECT_NE(map_new_file(directory.file("live").c_str(), 4096), nullptr);
  EXPECT_EQ(map_new_file("/nowhere/at/all", 4096), nullptr);
  EXPECT_EQ(errno, 77);
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace hoop::os
