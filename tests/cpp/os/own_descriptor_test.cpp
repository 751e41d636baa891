// SPDX-License-Identifier: Apache-2.0
#include "os/own_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hoop::os {
namespace {

int make_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

TEST(OwnDescriptor, LeavesLowNumbersToTheProgram) {
  const int before = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(before);
  OwnDescriptor own;
  own.take(make_socket());
  EXPECT_TRUE(own.is_ours());
  EXPECT_GT(own.number(), before);
  const int after = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(after, before);
  EXPECT_NE(::fcntl(own.number(), F_GETFD) & FD_CLOEXEC, 0);
  ::close(after);
  own.close();
  EXPECT_FALSE(own.is_ours());
}

TEST(OwnDescriptor, NoticesThatItWasClosed) {
  OwnDescriptor own;
  own.take(make_socket());
  ::close(own.number());
  EXPECT_FALSE(own.is_ours());
  EXPECT_EQ(own.number(), -1);
  own.close();
}

TEST(OwnDescriptor, LeavesAloneWhatHasItsNumberNow) {
  OwnDescriptor own;
  own.take(make_socket());
  const int number = own.number();
  const int other = make_socket();
  ASSERT_EQ(::dup3(other, number, O_CLOEXEC), number);
  EXPECT_FALSE(own.is_ours());
  own.close();
  EXPECT_GE(::fcntl(number, F_GETFD), 0);
  ::close(number);
  ::close(other);
}

TEST(OwnDescriptor, MayBeNone) {
  OwnDescriptor own;
  own.take(-1);
  EXPECT_FALSE(own.is_ours());
  own.close();
}

}  // namespace
}  // namespace hoop::os
