// SPDX-License-Identifier: Apache-2.0
#include "os/standard_error.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "cpp/support/child.h"

namespace hoop::os {
namespace {

TEST(WriteToStandardError, Writes) {
  EXPECT_TRUE(testing::passes_in_child([] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::dup2(ends[1], 2);
    write_to_standard_error("line\n", 5);
    char text[16] = {};
    EXPECT_EQ(::read(ends[0], text, sizeof text), 5);
    EXPECT_EQ(std::string(text), "line\n");
  }));
}

TEST(WriteToStandardError, SurvivesAReaderThatIsGone) {
  EXPECT_TRUE(testing::passes_in_child([] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::dup2(ends[1], 2);
    ::close(ends[0]);
    ::signal(SIGPIPE, SIG_DFL);
    write_to_standard_error("line\n", 5);
    sigset_t pending;
    sigset_t blocked;
    ::sigpending(&pending);
    ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
    EXPECT_EQ(sigismember(&blocked, SIGPIPE), 0);
  }));
}

}  // namespace
}  // namespace hoop::os
