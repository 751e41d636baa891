// SPDX-License-Identifier: Apache-2.0
#include "snapshot/sections.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "snapshot/format.h"

namespace hoop::snapshot {
namespace {

class SectionsTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = ::memfd_create("snapshot", MFD_CLOEXEC);
    ASSERT_GE(file_, 0);
  }
  void TearDown() override { ::close(file_); }

  [[nodiscard]] std::string content() const {
    const auto size = static_cast<std::size_t>(::lseek(file_, 0, SEEK_END));
    std::string bytes(size, '\0');
    EXPECT_EQ(::pread(file_, bytes.data(), size, 0), static_cast<ssize_t>(size));
    return bytes;
  }
  // All blocks of a section, one behind the other, by the directory.
  [[nodiscard]] static std::string section(const std::string& bytes, Section which) {
    Trailer trailer{};
    std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof trailer, sizeof trailer);
    BlockHeader end{};
    std::memcpy(&end, bytes.data() + trailer.end_offset, sizeof end);
    std::string found;
    for (std::size_t at = 0; at < end.raw_bytes; at += sizeof(DirectoryEntry)) {
      DirectoryEntry entry{};
      std::memcpy(&entry, bytes.data() + trailer.end_offset + sizeof end + at, sizeof entry);
      if (entry.section == static_cast<std::uint32_t>(which))
        found += bytes.substr(entry.offset + sizeof(BlockHeader), entry.stored_bytes);
    }
    return found;
  }

  int file_ = -1;
};

TEST_F(SectionsTest, SectionsThatGrowSideBySideComeOutWhole) {
  Sections sections(file_);
  ASSERT_TRUE(sections.open({}));
  std::string numbers;
  std::string bytes;
  for (int i = 0; i < 1'000'000; ++i) {  // several blocks of each
    sections.number(Section::kObjectSize, static_cast<std::uint64_t>(i % 100));
    numbers += static_cast<char>(i % 100);
    if (i % 3 != 0) continue;
    sections.byte(Section::kObjectFlags, static_cast<std::uint8_t>(i));
    bytes += static_cast<char>(i);
  }
  ASSERT_TRUE(sections.close());
  const std::string file = content();
  EXPECT_EQ(file.size(), sections.written());
  EXPECT_EQ(section(file, Section::kObjectSize), numbers);
  EXPECT_EQ(section(file, Section::kObjectFlags), bytes);
  EXPECT_EQ(section(file, Section::kTypes), "");
  EXPECT_EQ(file.substr(file.size() - kMagicBytes), kEndMagic);
}

TEST_F(SectionsTest, NumbersHaveAsFewBytesAsTheyNeed) {
  Sections sections(file_);
  ASSERT_TRUE(sections.open({}));
  sections.number(Section::kRoots, 127);
  sections.number(Section::kRoots, 128);
  sections.number(Section::kRoots, UINT64_MAX);
  sections.signed_number(Section::kRoots, -1);
  sections.signed_number(Section::kRoots, 1);
  ASSERT_TRUE(sections.close());
  EXPECT_EQ(section(content(), Section::kRoots),
            std::string("\x7F\x80\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x01\x02"));
}

TEST_F(SectionsTest, BytesMayBeMoreThanABlockHasRoomFor) {
  Sections sections(file_);
  ASSERT_TRUE(sections.open({}));
  std::string text(1'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 26);
  sections.bytes(Section::kStrings, text.data(), text.size());
  ASSERT_TRUE(sections.close());
  EXPECT_EQ(section(content(), Section::kStrings), text);
}

TEST(Sections, SayWhyNothingCouldBeWritten) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  Sections sections(full);
  EXPECT_FALSE(sections.open({}));
  EXPECT_EQ(sections.error(), ENOSPC);
  sections.number(Section::kRoots, 1);
  EXPECT_FALSE(sections.close());
  EXPECT_EQ(sections.written(), 0u);
  ::close(full);
}

TEST(Sections, GoIntoAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Sections sections(ends[1]);
  ASSERT_TRUE(sections.open({}));
  ASSERT_TRUE(sections.close());
  ::close(ends[1]);
  std::vector<char> read(4096);
  EXPECT_EQ(::read(ends[0], read.data(), read.size()), static_cast<ssize_t>(sections.written()));
  ::close(ends[0]);
}

}  // namespace
}  // namespace hoop::snapshot
