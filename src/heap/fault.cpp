// SPDX-License-Identifier: Apache-2.0
#include "heap/fault.h"

#include "base/text.h"
#include "os/fatal.h"

namespace hoop::heap {
namespace {

const char* sentence(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "no fault";
    case Fault::kForeignFree:
      return "freed an address that this heap never gave out";
    case Fault::kDoubleFree:
      return "double free: the block is free already";
    case Fault::kInteriorPointer:
      return "freed an address inside a block, not its start";
    case Fault::kFreeIntoNothing:
      return "freed an address where no block is (double free of a released block?)";
    case Fault::kClobberedLink:
      return "a free block was written to after it was freed";
    case Fault::kFreeListLoop:
      return "double free: the block is twice in its free list";
    case Fault::kLostBlocks:
      return "free blocks are missing from the free list (written to after free?)";
    case Fault::kBadRecord:
      return "the record of a slab contradicts itself";
  }
  return "unknown fault";
}

}  // namespace

void describe(const FaultReport& report, TextBuffer& text) noexcept {
  text.add(sentence(report.fault)).add(": block ").add_hex(report.block);
  if (report.block_bytes != 0) text.add(", size class ").add_decimal(report.block_bytes);
  if (report.fault == Fault::kClobberedLink) text.add(", link ").add_hex(report.link);
}

void die(const FaultReport& report) noexcept {
  FixedText<256> text;
  text.add("heap: ");
  describe(report, text);
  os::fatal(text.data());
}

}  // namespace hoop::heap
