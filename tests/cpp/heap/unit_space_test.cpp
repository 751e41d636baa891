// SPDX-License-Identifier: Apache-2.0
// Units of the heap's address space against a model with one flag for each unit.
#include "heap/unit_space.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <optional>
#include <vector>

#include "cpp/support/build.h"
#include "cpp/support/child.h"
#include "cpp/support/random.h"
#include "heap/trimmer.h"
#include "os/proc.h"

namespace hoop::heap {
namespace {

using Placement = UnitSpace::Placement;
using testing::Random;

constexpr std::size_t kNeverHuge = SIZE_MAX;

class Space : public ::testing::Test {
 protected:
  void TearDown() override {
    os::fail_mappings_from_for_testing(0);
    space_.release();
  }
  // Takes a run as the heap does.
  Slab* take_run(unsigned units) {
    Slab* const run = space_.take(units, Placement::kAny);
    if (run == nullptr) return nullptr;
    run->state = UnitState::kRun;
    run->run_units = static_cast<std::uint16_t>(units);
    return run;
  }
  void* memory_of(const Slab* record) { return reinterpret_cast<void*>(space_.address_of(record)); }
  // Takes all units of so many new chunks.
  void fill_chunks(unsigned count) {
    for (unsigned i = 0; i < count * 2; ++i) ASSERT_NE(take_run(kUnitsPerChunk / 2), nullptr);
  }

  UnitSpace space_;
};

// --- what it holds at first ----------------------------------------------------------------------

TEST_F(Space, IsEmptyAndAlignedToChunksAfterInit) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  EXPECT_EQ(space_.base() % kChunkBytes, 0u);
  EXPECT_EQ(space_.reserved_bytes(), 64 * kMiB);
  EXPECT_EQ(space_.extent(), 0u);
  EXPECT_EQ(space_.chunk_count(), 0u);
  EXPECT_FALSE(space_.contains(space_.base()));
}

TEST_F(Space, ContainsNothingBeforeInit) {
  EXPECT_FALSE(space_.contains(0));
  EXPECT_FALSE(space_.contains(UINTPTR_MAX));
  EXPECT_EQ(space_.base(), 0u);
}

TEST_F(Space, ContainsExactlyItsChunks) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  fill_chunks(2);
  EXPECT_EQ(space_.extent(), 2 * kChunkBytes);
  EXPECT_TRUE(space_.contains(space_.base()));
  EXPECT_TRUE(space_.contains(space_.base() + 2 * kChunkBytes - 1));
  EXPECT_FALSE(space_.contains(space_.base() + 2 * kChunkBytes));
  EXPECT_FALSE(space_.contains(space_.base() - 1));
}

TEST_F(Space, RoundsASmallReservationUpToAChunk) {
  ASSERT_TRUE(space_.init(1, kNeverHuge));
  EXPECT_EQ(space_.reserved_bytes(), kChunkBytes);
}

TEST_F(Space, RefusesAnEmptyReservation) { EXPECT_FALSE(space_.init(0, kNeverHuge)); }

TEST_F(Space, FindsRecordsAndAddressesOfEachOther) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  fill_chunks(3);
  for (std::size_t unit = 0; unit < 3 * kUnitsPerChunk; ++unit) {
    const Address start = space_.base() + unit * kUnitBytes;
    Slab* const record = space_.record_of(start);
    ASSERT_EQ(space_.record_of(start + kUnitBytes - 1), record);
    ASSERT_EQ(space_.address_of(record), start);
    ASSERT_EQ(space_.chunk_of(record), unit / kUnitsPerChunk);
    ASSERT_EQ(space_.records_of_chunk(space_.chunk_of(record)) + unit % kUnitsPerChunk, record);
  }
}

// --- taking and giving ---------------------------------------------------------------------------

TEST_F(Space, MarksTheFurtherUnitsOfARunAsItsTail) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  Slab* const run = take_run(64);
  ASSERT_NE(run, nullptr);
  for (unsigned i = 1; i < 64; ++i) {
    EXPECT_EQ(run[i].state, UnitState::kTail);
    EXPECT_EQ(run[i].back, i);
    EXPECT_EQ(run[i].countdown, 0);
  }
  space_.give(run, 64);
  for (unsigned i = 0; i < 64; ++i) EXPECT_EQ(run[i].state, UnitState::kFree);
}

TEST_F(Space, PrefersUnitsThatHoldMemoryAlready) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  Slab* const first = take_run(4);
  Slab* const second = take_run(2);
  ASSERT_NE(take_run(1), nullptr);
  space_.give(second, 2);
  EXPECT_EQ(take_run(2), second);
  space_.give(first, 4);
  EXPECT_EQ(take_run(8), first + 7) << "too long for the given units: fresh ones behind";
  EXPECT_EQ(take_run(3), first);
}

TEST_F(Space, PlacesMediumSlabsAtMultiplesOfFour) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  Slab* const one = take_run(1);
  for (int i = 0; i < 31; ++i) {
    Slab* const slab = space_.take(4, Placement::kMultipleOf4);
    ASSERT_EQ((slab - one) % 4, 0);
  }
  EXPECT_EQ(space_.chunk_count(), 1u);
  EXPECT_EQ(take_run(3), one + 1) << "the gap that alignment left is used";
}

TEST_F(Space, ExtendsARunOverFreeUnitsOnly) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  Slab* const run = take_run(2);
  Slab* const wall = take_run(1);
  EXPECT_FALSE(space_.extend(run, 2, 1));
  space_.give(wall, 1);
  ASSERT_TRUE(space_.extend(run, 2, 3));
  EXPECT_EQ(run[4].state, UnitState::kTail);
  EXPECT_EQ(run[4].back, 4u);
  EXPECT_EQ(take_run(1), run + 5);
}

TEST_F(Space, DoesNotExtendARunBeyondItsChunk) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  ASSERT_NE(take_run(64), nullptr);
  ASSERT_NE(take_run(60), nullptr);
  Slab* const last = take_run(4);
  EXPECT_EQ(space_.chunk_of(last), 0u);
  EXPECT_FALSE(space_.extend(last, 4, 1));
}

TEST_F(Space, FillsSplitChunksLast) {
  ASSERT_TRUE(space_.init(64 * kMiB, 0));
  Slab* const kept = take_run(1);
  Slab* const given = take_run(60);
  ASSERT_NE(take_run(67 - 3), nullptr);
  std::memset(memory_of(given), 1, 60 * kUnitBytes);
  space_.give(given, 60);
  Trimmer trimmer;
  ASSERT_GT(trimmer.trim_all(space_), 0u);
  ASSERT_TRUE(space_.chunk(0).split);
  fill_chunks(1);
  ASSERT_EQ(space_.chunk_count(), 2u);
  Slab* const next = take_run(1);
  EXPECT_EQ(space_.chunk_of(next), 0u)
      << "no whole chunk has room, so the split one is used before a new one";
  space_.give(space_.records_of_chunk(1), kUnitsPerChunk / 2);
  EXPECT_EQ(space_.chunk_of(take_run(1)), 1u) << "a whole chunk has room again";
  EXPECT_EQ(space_.chunk_of(kept), 0u);
}

// One flag for each unit of every chunk.
class NaiveSpace {
 public:
  explicit NaiveSpace(unsigned max_chunks) : max_chunks_(max_chunks) {}

  // Index of the first unit taken.
  std::optional<std::size_t> take(unsigned units, unsigned step) {
    if (const auto found = find(units, step, [](Unit u) { return u.dirty; }))
      return mark(*found, units);
    if (const auto found = find(units, step, [](Unit u) { return !u.taken; }))
      return mark(*found, units);
    if (chunks() == max_chunks_) return std::nullopt;
    units_.resize(units_.size() + kUnitsPerChunk);
    return mark((chunks() - 1) * std::size_t{kUnitsPerChunk}, units);
  }
  bool extend(std::size_t first, unsigned units, unsigned more) {
    for (std::size_t i = first + units; i < first + units + more; ++i) {
      if (i / kUnitsPerChunk != first / kUnitsPerChunk || units_[i].taken) return false;
    }
    mark(first + units, more);
    return true;
  }
  void give(std::size_t first, unsigned units) {
    for (std::size_t i = first; i < first + units; ++i) units_[i] = {false, true};
  }
  [[nodiscard]] unsigned chunks() const {
    return static_cast<unsigned>(units_.size() / kUnitsPerChunk);
  }
  [[nodiscard]] bool is_free(std::size_t unit) const { return !units_[unit].taken; }
  [[nodiscard]] bool is_dirty(std::size_t unit) const { return units_[unit].dirty; }

 private:
  struct Unit {
    bool taken = false;
    bool dirty = false;
  };
  template <class F>
  [[nodiscard]] std::optional<std::size_t> find_where(unsigned chunk, unsigned units, unsigned step,
                                                      F&& fits) const {
    const std::size_t base = std::size_t{chunk} * kUnitsPerChunk;
    for (std::size_t first = 0; first + units <= kUnitsPerChunk; first += step) {
      bool all = true;
      for (std::size_t i = first; all && i < first + units; ++i) all = fits(units_[base + i]);
      if (all) return base + first;
    }
    return std::nullopt;
  }
  template <class F>
  [[nodiscard]] std::optional<std::size_t> find(unsigned units, unsigned step, F fits) const {
    for (unsigned chunk = 0; chunk < chunks(); ++chunk) {
      if (const auto found = find_where(chunk, units, step, fits)) return found;
    }
    return std::nullopt;
  }
  std::size_t mark(std::size_t first, unsigned units) {
    for (std::size_t i = first; i < first + units; ++i) units_[i] = {true, false};
    return first;
  }

  std::vector<Unit> units_;
  unsigned max_chunks_;
};

struct NaiveRun {
  std::size_t first;
  unsigned units;
};

class RandomRuns {
 public:
  RandomRuns(UnitSpace& space, unsigned max_chunks, Random& random)
      : space_(space), naive_(max_chunks), random_(random) {}

  void step(bool grow) {
    if (runs_.empty() || random_.percent(grow ? 65 : 30)) return take();
    const std::size_t index = random_.below(runs_.size());
    if (random_.percent(25)) return extend(runs_[index]);
    NaiveRun& run = runs_[index];
    // In whole, or a piece from its end as a shrinking run does.
    const unsigned kept = random_.percent(20) ? static_cast<unsigned>(random_.below(run.units)) : 0;
    space_.give(record(run.first + kept), run.units - kept);
    naive_.give(run.first + kept, run.units - kept);
    run.units = kept;
    if (kept == 0) {
      runs_[index] = runs_.back();
      runs_.pop_back();
    }
  }

  void expect_like_naive() const {
    ASSERT_EQ(space_.chunk_count(), naive_.chunks());
    for (std::size_t unit = 0; unit < std::size_t{naive_.chunks()} * kUnitsPerChunk; ++unit) {
      const Chunk& chunk = space_.chunk(static_cast<unsigned>(unit / kUnitsPerChunk));
      const int bit = static_cast<int>(unit % kUnitsPerChunk);
      ASSERT_EQ(chunk.free.test(bit), naive_.is_free(unit)) << unit;
      ASSERT_EQ(chunk.dirty.test(bit), naive_.is_dirty(unit)) << unit;
      ASSERT_EQ(record(unit)->state == UnitState::kFree, naive_.is_free(unit)) << unit;
    }
  }

 private:
  [[nodiscard]] Slab* record(std::size_t unit) const {
    return space_.record_of(space_.base() + unit * kUnitBytes);
  }

  void take() {
    const bool medium = random_.percent(40);
    const unsigned units =
        medium ? 4 : static_cast<unsigned>(1 + random_.below(random_.percent(80) ? 8 : 64));
    Slab* const taken = space_.take(units, medium ? Placement::kMultipleOf4 : Placement::kAny);
    const auto expected = naive_.take(units, medium ? 4 : 1);
    ASSERT_EQ(taken != nullptr, expected.has_value());
    if (taken == nullptr) return;
    ASSERT_EQ(space_.address_of(taken), space_.base() + *expected * kUnitBytes);
    taken->state = UnitState::kRun;
    runs_.push_back({*expected, units});
  }
  void extend(NaiveRun& run) {
    const auto more = static_cast<unsigned>(random_.between(1, 6));
    const bool extended = space_.extend(record(run.first), run.units, more);
    ASSERT_EQ(extended, naive_.extend(run.first, run.units, more));
    if (extended) run.units += more;
  }

  UnitSpace& space_;
  NaiveSpace naive_;
  Random& random_;
  std::vector<NaiveRun> runs_;
};

TEST_F(Space, HandsOutUnitsLikeANaiveSpace) {
  Random random = testing::seeded_random();
  constexpr unsigned kChunks = 6;
  ASSERT_TRUE(space_.init(kChunks * kChunkBytes, kNeverHuge));
  RandomRuns runs(space_, kChunks, random);
  for (std::size_t step = 0; step < testing::scaled(40'000); ++step) {
    ASSERT_NO_FATAL_FAILURE(runs.step(step / 2000 % 2 == 0)) << "step " << step;
    if (step % 500 == 0) {
      ASSERT_NO_FATAL_FAILURE(runs.expect_like_naive()) << "step " << step;
    }
  }
}

// --- out of memory -------------------------------------------------------------------------------

TEST_F(Space, IsExhaustedAtItsReservationAndWorksAgainAfterAGive) {
  ASSERT_TRUE(space_.init(2 * kChunkBytes, kNeverHuge));
  std::vector<Slab*> runs;
  while (Slab* const run = take_run(32)) runs.push_back(run);
  EXPECT_EQ(runs.size(), 8u);
  EXPECT_EQ(take_run(1), nullptr);
  space_.give(runs[5], 32);
  EXPECT_EQ(take_run(33), nullptr);
  EXPECT_EQ(take_run(32), runs[5]);
}

TEST_F(Space, ShrinksToWhatIsInUse) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  fill_chunks(1);
  const std::size_t before = os::read_memory_use().virtual_bytes;
  EXPECT_EQ(space_.shrink_reservation(), 62 * kMiB);
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before - 62 * kMiB);
  EXPECT_EQ(space_.reserved_bytes(), kChunkBytes);
  EXPECT_EQ(space_.shrink_reservation(), 0u);
  EXPECT_EQ(take_run(1), nullptr);
  space_.give(space_.records_of_chunk(0), 64);
  EXPECT_NE(take_run(1), nullptr);
}

TEST_F(Space, TakesHalfOfWhatIsRefused) {
  EXPECT_TRUE(testing::passes_in_child([] {
    if (testing::kSanitized) return;
    const rlimit limit{os::read_memory_use().virtual_bytes + 2 * kGiB, RLIM_INFINITY};
    ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
    UnitSpace space;
    ASSERT_TRUE(space.init(64 * kGiB, kNeverHuge));
    EXPECT_LE(space.reserved_bytes(), 512 * kMiB) << "a limit is shared: a quarter of what is left";
    EXPECT_GE(space.reserved_bytes(), 256 * kMiB);
    EXPECT_NE(space.take(1, Placement::kAny), nullptr);
    space.release();
  }));
}

TEST_F(Space, HalvesAReservationThatTheSystemRefuses) {
  // More than a process can address.
  ASSERT_TRUE(space_.init(std::size_t{1} << 48, kNeverHuge));
  EXPECT_LT(space_.reserved_bytes(), std::size_t{1} << 48);
  EXPECT_GE(space_.reserved_bytes(), std::size_t{1} << 40);
  EXPECT_NE(take_run(1), nullptr);
}

TEST_F(Space, GivesUpWhenNotEvenTheSmallestReservationIsHad) {
  os::fail_mappings_from_for_testing(1);
  EXPECT_FALSE(space_.init(64 * kGiB, kNeverHuge));
  EXPECT_EQ(space_.base(), 0u);
  os::fail_mappings_from_for_testing(0);
  EXPECT_TRUE(space_.init(64 * kMiB, kNeverHuge));
}

TEST_F(Space, LeavesNoAddressSpaceBehindWhenInitFailsHalfWay) {
  for (int n = 1; n <= 3; ++n) {
    const std::size_t before = os::read_memory_use().virtual_bytes;
    os::fail_mappings_from_for_testing(n);
    const bool works = space_.init(64 * kMiB, kNeverHuge);
    os::fail_mappings_from_for_testing(0);
    EXPECT_FALSE(works) << n;
    EXPECT_EQ(os::read_memory_use().virtual_bytes, before) << n;
  }
}

TEST_F(Space, StaysWholeWhenAChunkIsRefused) {
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  for (int n = 1; n <= 3; ++n) {
    os::fail_mappings_from_for_testing(n);
    EXPECT_EQ(take_run(1), nullptr) << n;
    os::fail_mappings_from_for_testing(0);
    EXPECT_EQ(space_.chunk_count(), 0u);
    EXPECT_EQ(space_.extent(), 0u);
  }
  EXPECT_NE(take_run(1), nullptr);
}

TEST_F(Space, LeavesNoAddressSpaceBehindAfterRelease) {
  for (const std::size_t bytes : {kChunkBytes, 64 * kMiB, 130 * kMiB, 64 * kGiB}) {
    const std::size_t before = os::read_memory_use().virtual_bytes;
    ASSERT_TRUE(space_.init(bytes, kNeverHuge));
    fill_chunks(1);
    space_.release();
    EXPECT_EQ(os::read_memory_use().virtual_bytes, before) << bytes;
  }
}

TEST_F(Space, LeavesNoAddressSpaceBehindAfterShrinkingAndRelease) {
  const std::size_t before = os::read_memory_use().virtual_bytes;
  ASSERT_TRUE(space_.init(64 * kMiB, kNeverHuge));
  fill_chunks(1);
  space_.shrink_reservation();
  space_.release();
  EXPECT_EQ(os::read_memory_use().virtual_bytes, before);
}

TEST_F(Space, CommitsRecordsForManyChunks) {
  ASSERT_TRUE(space_.init(kGiB, kNeverHuge));
  const std::size_t before = space_.metadata_bytes();
  fill_chunks(130);
  EXPECT_EQ(space_.chunk_count(), 130u);
  EXPECT_GT(space_.metadata_bytes(), before);
  for (unsigned chunk = 0; chunk < 130; ++chunk) ASSERT_FALSE(space_.chunk(chunk).free.any());
}

// --- huge pages ----------------------------------------------------------------------------------

TEST_F(Space, AsksForHugePagesFromTheThresholdOn) {
  ASSERT_TRUE(space_.init(64 * kMiB, 4 * kMiB));
  fill_chunks(4);
  for (unsigned chunk = 0; chunk < 4; ++chunk)
    EXPECT_EQ(space_.chunk(chunk).huge, chunk >= 2) << chunk;
}

}  // namespace
}  // namespace hoop::heap
