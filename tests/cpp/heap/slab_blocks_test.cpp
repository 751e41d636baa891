// SPDX-License-Identifier: Apache-2.0
// The blocks of a slab against a model that knows the state of each block and page, for every size
// class.
#include "heap/slab_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

#include "cpp/support/random.h"
#include "os/pages.h"

namespace hoop::heap {
namespace {

using testing::Random;

enum class BlockState : std::uint8_t { kUntouched, kFree, kLive };

// What a slab should be, block by block and page by page.
class NaiveSlab {
 public:
  explicit NaiveSlab(const ClassInfo& info)
      : info_(info), blocks_(info.capacity, BlockState::kUntouched), virgin_(page_count(), true) {}

  [[nodiscard]] unsigned page_count() const {
    return static_cast<unsigned>((info_.capacity * info_.block_bytes + kPageBytes - 1) /
                                 kPageBytes);
  }
  [[nodiscard]] bool overlaps(unsigned block, unsigned page) const {
    const std::size_t begin = std::size_t{block} * info_.block_bytes;
    return begin < (page + 1) * kPageBytes && begin + info_.block_bytes > page * kPageBytes;
  }
  [[nodiscard]] bool touches_virgin(unsigned block) const {
    for (unsigned page = 0; page < page_count(); ++page) {
      if (virgin_[page] && overlaps(block, page)) return true;
    }
    return false;
  }
  [[nodiscard]] BlockState state(unsigned block) const { return blocks_[block]; }
  [[nodiscard]] const std::deque<unsigned>& free_list() const { return free_list_; }
  [[nodiscard]] bool is_virgin(unsigned page) const { return virgin_[page]; }
  [[nodiscard]] std::vector<unsigned> live_blocks() const {
    std::vector<unsigned> live;
    for (unsigned block = 0; block < info_.capacity; ++block) {
      if (blocks_[block] == BlockState::kLive) live.push_back(block);
    }
    return live;
  }
  [[nodiscard]] unsigned live_on(unsigned page) const {
    unsigned live = 0;
    for (unsigned block = 0; block < info_.capacity; ++block) {
      live += blocks_[block] == BlockState::kLive && overlaps(block, page) ? 1 : 0;
    }
    return live;
  }
  [[nodiscard]] std::uint16_t idle_pages() const {
    unsigned idle = 0;
    for (unsigned page = 0; page < page_count(); ++page) {
      if (!virgin_[page] && live_on(page) == 0) idle |= 1u << page;
    }
    return static_cast<std::uint16_t>(idle);
  }
  [[nodiscard]] unsigned fewest_live_on_a_page() const {
    unsigned fewest = info_.capacity;
    for (unsigned page = 0; page < page_count(); ++page) {
      if (!virgin_[page] && live_on(page) > 0) fewest = std::min(fewest, live_on(page));
    }
    return fewest;
  }

  bool carve() {
    unsigned lowest = 0;
    while (lowest < page_count() && !virgin_[lowest]) ++lowest;
    if (lowest == page_count()) return false;
    unsigned anchor = 0;
    while (!overlaps(anchor, lowest)) ++anchor;
    for (unsigned page = 0; page < page_count(); ++page) {
      if (overlaps(anchor, page)) virgin_[page] = false;
    }
    std::deque<unsigned> fresh;
    for (unsigned block = 0; block < info_.capacity; ++block) {
      if (blocks_[block] != BlockState::kUntouched || touches_virgin(block)) continue;
      blocks_[block] = BlockState::kFree;
      fresh.push_back(block);
    }
    free_list_.insert(free_list_.begin(), fresh.begin(), fresh.end());
    return true;
  }
  unsigned pop() {
    const unsigned block = free_list_.front();
    free_list_.pop_front();
    blocks_[block] = BlockState::kLive;
    return block;
  }
  void push(unsigned block) {
    free_list_.push_front(block);
    blocks_[block] = BlockState::kFree;
  }
  void retire(std::uint16_t pages) {
    for (unsigned page = 0; page < page_count(); ++page) {
      if ((pages >> page & 1) != 0) virgin_[page] = true;
    }
    for (unsigned block = 0; block < info_.capacity; ++block) {
      if (blocks_[block] == BlockState::kFree && touches_virgin(block))
        blocks_[block] = BlockState::kUntouched;
    }
    std::erase_if(free_list_, [&](unsigned block) { return blocks_[block] != BlockState::kFree; });
  }

 private:
  const ClassInfo& info_;
  std::vector<BlockState> blocks_;
  std::vector<bool> virgin_;
  std::deque<unsigned> free_list_;
};

// A fresh slab of a class in memory of its own.
class OneSlab {
 public:
  explicit OneSlab(unsigned size_class) : start_(reinterpret_cast<Address>(os::map(kBytes))) {
    slab_.size_class = static_cast<SizeClass>(size_class);
    slab_.virgin_pages = slab_.info().pages;
    slab_.state = UnitState::kCurrent;
  }
  ~OneSlab() { os::unmap(reinterpret_cast<void*>(start_), kBytes); }
  OneSlab(const OneSlab&) = delete;
  OneSlab& operator=(const OneSlab&) = delete;

  [[nodiscard]] Slab& slab() { return slab_; }
  [[nodiscard]] const ClassInfo& info() const { return slab_.info(); }
  [[nodiscard]] SlabBlocks blocks() { return {slab_, start_}; }
  [[nodiscard]] Address start() const { return start_; }
  [[nodiscard]] void* block(unsigned index) {
    return reinterpret_cast<void*>(blocks().address_of(index));
  }

  void* pop() {
    FreeBlock* const head = slab_.free;
    slab_.free = head->next;
    // What a program does with it.
    std::memset(static_cast<void*>(head), 0xAB, info().block_bytes);
    return head;
  }
  std::vector<void*> pop_all() {
    std::vector<void*> taken;
    while (slab_.free != nullptr || blocks().carve()) taken.push_back(pop());
    return taken;
  }
  // Retires pages as the trimmer does: the memory goes too.
  void retire(std::uint16_t pages) {
    blocks().retire_pages(pages);
    for (unsigned page = 0; page < kMaxPagesPerSlab; ++page) {
      if ((pages >> page & 1) == 0) continue;
      os::give_back(reinterpret_cast<void*>(start_ + page * kPageBytes), kPageBytes);
    }
  }

 private:
  static constexpr std::size_t kBytes = kUnitsPerMediumSlab * kUnitBytes;
  Slab slab_;
  Address start_;
};

// Calls check(slab) with a fresh slab of each class, up to the first fatal failure.
template <class F>
void in_every_class(F&& check) {
  for (unsigned size_class = 0; size_class < kClassCount; ++size_class) {
    SCOPED_TRACE(::testing::Message()
                 << "blocks of " << kClasses[size_class].block_bytes << " bytes");
    OneSlab real(size_class);
    check(real);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

void expect_like(OneSlab& real, const NaiveSlab& naive) {
  std::vector<Address> list;
  for (const FreeBlock* link = real.slab().free; link != nullptr; link = link->next) {
    list.push_back(reinterpret_cast<Address>(link));
    ASSERT_LE(list.size(), real.info().capacity);
  }
  ASSERT_EQ(list.size(), naive.free_list().size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    ASSERT_EQ(list[i], real.blocks().address_of(naive.free_list()[i]));
  }
  BlockSet free;
  FaultReport report;
  ASSERT_TRUE(real.blocks().collect_free(free, report));
  for (unsigned block = 0; block < real.info().capacity; ++block) {
    ASSERT_EQ(free.test(block), naive.state(block) == BlockState::kFree) << block;
    ASSERT_EQ(real.blocks().is_untouched(block), naive.state(block) == BlockState::kUntouched)
        << block;
  }
  ASSERT_EQ(free.count(), naive.free_list().size());
  ASSERT_EQ(real.blocks().count_live(free), naive.live_blocks().size());
  ASSERT_EQ(real.blocks().idle_pages(free), naive.idle_pages());
  ASSERT_EQ(real.blocks().fewest_live_on_a_page(free), naive.fewest_live_on_a_page());
}

// Takes many or frees many, so that slabs fill, drain and lose pages.
void random_step(OneSlab& real, NaiveSlab& naive, Random& random) {
  const std::uint64_t choice = random.below(8);
  if (choice == 0) {
    ASSERT_EQ(real.blocks().carve(), naive.carve());
  } else if (choice <= 3) {
    for (std::uint64_t n = random.between(1, real.info().capacity);
         n > 0 && !naive.free_list().empty(); --n) {
      const unsigned block = naive.pop();
      ASSERT_EQ(real.pop(), real.block(block));
    }
  } else if (choice <= 6) {
    std::vector<unsigned> live = naive.live_blocks();
    // Neighbours are freed together: whole pages fall idle.
    const std::uint64_t first = random.below(live.size() + 1);
    const std::uint64_t count =
        std::min<std::uint64_t>(live.size() - first, random.below(live.size() + 1));
    for (std::uint64_t i = first; i < first + count; ++i) {
      naive.push(live[i]);
      real.slab().push(real.block(live[i]));
    }
  } else {
    const std::uint16_t idle = naive.idle_pages();
    const auto chosen =
        static_cast<std::uint16_t>(random.percent(50) ? idle : idle & random.next());
    naive.retire(chosen);
    real.retire(chosen);
  }
}

TEST(SlabBlocks, BehaveLikeANaiveSlab) {
  Random random = testing::seeded_random();
  in_every_class([&](OneSlab& real) {
    NaiveSlab naive(real.info());
    for (int step = 0; step < 120; ++step) {
      ASSERT_NO_FATAL_FAILURE(random_step(real, naive, random)) << "step " << step;
      ASSERT_NO_FATAL_FAILURE(expect_like(real, naive)) << "step " << step;
    }
  });
}

TEST(SlabBlocks, AreCarvedInAddressOrderUntilTheSlabIsFull) {
  in_every_class([](OneSlab& real) {
    const std::vector<void*> taken = real.pop_all();
    ASSERT_EQ(taken.size(), real.info().capacity);
    for (unsigned block = 0; block < taken.size(); ++block)
      ASSERT_EQ(taken[block], real.block(block));
    EXPECT_FALSE(real.blocks().carve());
  });
}

TEST(SlabBlocks, GiveEachBlockOutOnceAgainAfterAllPagesWereRetired) {
  in_every_class([](OneSlab& real) {
    for (void* const block : real.pop_all()) real.slab().push(block);
    BlockSet free;
    FaultReport report;
    ASSERT_TRUE(real.blocks().collect_free(free, report));
    ASSERT_EQ(real.blocks().idle_pages(free), real.info().pages);
    real.retire(real.info().pages);
    EXPECT_EQ(real.slab().free, nullptr);
    std::vector<void*> again = real.pop_all();
    std::sort(again.begin(), again.end());
    ASSERT_EQ(again.size(), real.info().capacity);
    for (unsigned block = 0; block < again.size(); ++block)
      ASSERT_EQ(again[block], real.block(block));
  });
}

TEST(SlabBlocks, AreFoundOnlyAtTheirStart) {
  in_every_class([](OneSlab& real) {
    const ClassInfo& info = real.info();
    for (std::size_t offset = 0; offset < info.units * kUnitBytes; ++offset) {
      const std::size_t block = offset / info.block_bytes;
      const bool begins = offset % info.block_bytes == 0 && block < info.capacity;
      ASSERT_EQ(real.blocks().block_at(real.start() + offset),
                begins ? static_cast<int>(block) : -1)
          << offset;
    }
  });
}

TEST(SlabBlocks, ReportALinkOutOfTheSlab) {
  in_every_class([](OneSlab& real) {
    ASSERT_TRUE(real.blocks().carve());
    for (const Address link :
         {Address{1}, real.start() - 16, real.start() + real.info().units * kUnitBytes}) {
      FreeBlock* const holder = real.slab().free;
      FreeBlock* const saved = holder->next;
      holder->next = reinterpret_cast<FreeBlock*>(link);
      BlockSet free;
      FaultReport report;
      ASSERT_FALSE(real.blocks().collect_free(free, report));
      EXPECT_EQ(report.fault, Fault::kClobberedLink);
      EXPECT_EQ(report.block, reinterpret_cast<Address>(holder));
      EXPECT_EQ(report.link, link);
      EXPECT_EQ(report.block_bytes, real.info().block_bytes);
      holder->next = saved;
    }
  });
}

TEST(SlabBlocks, ReportALinkIntoTheMiddleOfABlock) {
  in_every_class([](OneSlab& real) {
    ASSERT_TRUE(real.blocks().carve());
    real.slab().free->next = reinterpret_cast<FreeBlock*>(real.start() + 8);
    BlockSet free;
    FaultReport report;
    ASSERT_FALSE(real.blocks().collect_free(free, report));
    EXPECT_EQ(report.fault, Fault::kClobberedLink);
  });
}

TEST(SlabBlocks, ReportALinkToABlockNeverCarved) {
  in_every_class([](OneSlab& real) {
    ASSERT_TRUE(real.blocks().carve());
    const unsigned last = real.info().capacity - 1u;
    if (!real.blocks().is_untouched(last)) return;  // one carving makes all blocks of this class
    real.slab().free->next = static_cast<FreeBlock*>(real.block(last));
    BlockSet free;
    FaultReport report;
    ASSERT_FALSE(real.blocks().collect_free(free, report));
    EXPECT_EQ(report.fault, Fault::kClobberedLink);
  });
}

TEST(SlabBlocks, ReportABlockThatIsTwiceInTheList) {
  in_every_class([](OneSlab& real) {
    const std::vector<void*> taken = real.pop_all();
    real.slab().push(taken[0]);
    real.slab().push(taken[1]);
    real.slab().push(taken[0]);
    BlockSet free;
    FaultReport report;
    ASSERT_FALSE(real.blocks().collect_free(free, report));
    EXPECT_EQ(report.fault, Fault::kFreeListLoop);
    EXPECT_EQ(report.block, reinterpret_cast<Address>(taken[0]));
  });
}

TEST(BlockSet, KnowsWhetherARangeIsWhole) {
  Random random = testing::seeded_random();
  for (int round = 0; round < 200; ++round) {
    std::vector<bool> naive(kMaxBlocksPerSlab);
    BlockSet set;
    const bool dense = random.percent(70);
    for (unsigned i = 0; i < kMaxBlocksPerSlab; ++i) {
      naive[i] = dense ? !random.percent(1) : random.percent(50);
      if (naive[i]) set.add(i);
    }
    ASSERT_EQ(set.count(), static_cast<unsigned>(std::count(naive.begin(), naive.end(), true)));
    for (int probe = 0; probe < 200; ++probe) {
      const auto first = static_cast<unsigned>(random.below(kMaxBlocksPerSlab));
      const auto last = static_cast<unsigned>(random.between(first, kMaxBlocksPerSlab - 1));
      const bool whole = std::all_of(naive.begin() + first, naive.begin() + last + 1,
                                     [](bool bit) { return bit; });
      ASSERT_EQ(set.has_all(first, last), whole) << first << ' ' << last;
    }
    set.clear();
    ASSERT_EQ(set.count(), 0u);
  }
}

TEST(Slab, CountsLiveBlocksDownFromWhenItWasArmed) {
  Slab slab;
  slab.arm(10, 4);
  EXPECT_EQ(slab.live(), 10);
  EXPECT_EQ(slab.countdown_seen, Slab::kUnseen);
  for (int frees = 1; frees < 4; ++frees) {
    ASSERT_GE(--slab.countdown, 0) << "the slow path looks at the fourth free only";
    EXPECT_EQ(slab.live(), 10 - frees);
  }
  EXPECT_LT(--slab.countdown, 0);
}

TEST(Slab, LooksAtTheFirstFreeWhenArmedForOne) {
  Slab slab;
  slab.arm(3, 1);
  EXPECT_LT(--slab.countdown, 0);
}

}  // namespace
}  // namespace hoop::heap
