// SPDX-License-Identifier: Apache-2.0
#include "heap/fault.h"

#include <gtest/gtest.h>

#include <csignal>
#include <set>
#include <string>

namespace hoop::heap {
namespace {

std::string sentence_of(const FaultReport& report) {
  FixedText<256> text;
  describe(report, text);
  EXPECT_FALSE(text.truncated());
  return text.data();
}

TEST(FaultReport, NamesBlockAndClass) {
  EXPECT_EQ(sentence_of({Fault::kDoubleFree, 0x1230, 48, 0}),
            "double free: the block is free already: block 0x1230, size class 48");
}

TEST(FaultReport, NamesTheLinkThatWasFound) {
  EXPECT_EQ(sentence_of({Fault::kClobberedLink, 0x1230, 64, 0xdeadbeef}),
            "a free block was written to after it was freed: block 0x1230, size class 64, link "
            "0xdeadbeef");
}

TEST(FaultReport, LeavesAnUnknownClassOut) {
  EXPECT_EQ(sentence_of({Fault::kForeignFree, 0x10, 0, 0}),
            "freed an address that this heap never gave out: block 0x10");
}

TEST(FaultReport, HasASentenceOfItsOwnForEveryFault) {
  std::set<std::string> sentences;
  for (int fault = 0; fault <= static_cast<int>(Fault::kBadRecord); ++fault) {
    const std::string sentence = sentence_of({static_cast<Fault>(fault), 0x10, 16, 0});
    EXPECT_EQ(sentence.find("unknown"), std::string::npos);
    sentences.insert(sentence);
  }
  EXPECT_EQ(sentences.size(), static_cast<std::size_t>(Fault::kBadRecord) + 1);
}

TEST(FaultReportDeathTest, FitsOneLineAtItsLongest) {
  const FaultReport report{Fault::kClobberedLink, UINT64_MAX, SIZE_MAX, UINT64_MAX};
  EXPECT_EXIT(die(report), ::testing::KilledBySignal(SIGABRT),
              "^hoopsnake: heap: a free block was .* link 0xffffffffffffffff\n");
}

}  // namespace
}  // namespace hoop::heap
