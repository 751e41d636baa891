// SPDX-License-Identifier: Apache-2.0
#include "cpython/life/stream.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>

#include "cpp/support/scratch_directory.h"

namespace hoop::cpython::life {
namespace {

using testing::content_of;

TEST(Text, WritesNumbersToTheirEnds) {
  Text text;
  text.add_number(0).add_char(' ').add_number(std::numeric_limits<std::uint64_t>::max());
  text.add_char(' ').add_signed(-1).add_char(' ').add_signed(
      std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(text.view(), "0 18446744073709551615 -1 -9223372036854775808");
}

TEST(Text, WhatCouldEndAFieldIsReplaced) {
  Text text;
  text.add_clean("a\tb\nc\x1f\x7f\xc3\xa4");
  EXPECT_EQ(text.view(), "a?b?c??\xc3\xa4");
}

TEST(Text, CharactersCanBeTakenOut) {
  Text text;
  text.add("abc").remove_at(1);
  EXPECT_EQ(text.view(), "ac");
  text.resize_down(1);
  EXPECT_EQ(text.view(), "a");
}

TEST(Stream, WritesRecordsAtEachFlushBehindWhatIsThere) {
  const testing::ScratchDirectory folder;
  const std::string path = folder.file("stream");
  testing::write_file(path, "before\n");
  Stream stream;
  ASSERT_TRUE(stream.open(path.c_str()));
  stream.begin('D');
  stream.field().add_number(12);
  stream.end();
  EXPECT_EQ(content_of(path), "before\n");
  errno = EDOM;
  stream.flush();
  EXPECT_EQ(errno, EDOM);
  EXPECT_EQ(content_of(path), "before\nD\t12\n");
  stream.flush();  // nothing more
  EXPECT_EQ(content_of(path), "before\nD\t12\n");
}

TEST(Stream, WithoutAFileNothingIsLostButTheText) {
  Stream stream;
  EXPECT_FALSE(stream.open("/nonexistent/stream"));
  stream.begin('X');
  stream.flush();
  EXPECT_EQ(stream.text().size(), 0u);
}

}  // namespace
}  // namespace hoop::cpython::life
