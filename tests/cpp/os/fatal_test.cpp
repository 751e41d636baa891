// SPDX-License-Identifier: Apache-2.0
#include "os/fatal.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace hoop::os {
namespace {

TEST(FatalDeathTest, WritesOneLineAndAborts) {
  EXPECT_EXIT(fatal("the sky fell"), ::testing::KilledBySignal(SIGABRT),
              "^hoopsnake: the sky fell\n");
}

TEST(FatalDeathTest, CutsALongMessage) {
  const std::string message(5000, 'x');
  EXPECT_EXIT(fatal(message.c_str()), ::testing::KilledBySignal(SIGABRT), "^hoopsnake: x");
}

TEST(FatalDeathTest, EndsEvenACutMessageWithANewline) {
  const std::string message(5000, 'x');
  EXPECT_EXIT(fatal(message.c_str()), ::testing::KilledBySignal(SIGABRT), "xxx\n");
}

TEST(CheckDeathTest, DiesWithItsMessage) {
  EXPECT_EXIT(HOOP_CHECK(1 + 1 == 3, "sums"), ::testing::KilledBySignal(SIGABRT),
              "^hoopsnake: sums\n");
}

TEST(Check, PassesSilentlyAndEvaluatesOnce) {
  int evaluated = 0;
  HOOP_CHECK(++evaluated == 1, "evaluated twice");
  EXPECT_EQ(evaluated, 1);
}

#ifdef NDEBUG
TEST(Assert, IsNotEvaluatedInRelease) {
  int evaluated = 0;
  HOOP_ASSERT(++evaluated == 99);
  EXPECT_EQ(evaluated, 0);
}
#else
TEST(AssertDeathTest, NamesItsConditionInDebug) {
  EXPECT_EXIT(HOOP_ASSERT(1 > 2), ::testing::KilledBySignal(SIGABRT),
              "^hoopsnake: assertion failed: 1 > 2\n");
}
#endif

}  // namespace
}  // namespace hoop::os
