// SPDX-License-Identifier: Apache-2.0
// A search under way, and what it found until all of it is judged. While there is one, every free
// is logged, so that no candidate is looked at whose block is another one by now.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/garbage_search.h"

namespace hoop::cpython {

// Everything with the GIL held.
class Flight {
 public:
  enum class State : std::uint8_t { kNone, kSearching, kFound };
  enum class Start : std::uint8_t { kStarted, kNoMemory, kRefused };

  [[nodiscard]] State state() const { return state_; }

  // Searches in a copy. `capacity`: room for so many candidates; `deadline`: when the copy is late.
  // REQUIRES: state() is kNone, for both.
  Start start_copy(const Search& search, std::size_t capacity, Nanoseconds deadline) noexcept;
  // Searches now. kNoMemory: nothing was found out.
  Start search_here(const Search& search, std::size_t capacity) noexcept;

  // Looks after the copy. nullptr, or why it failed: it is gone then, and state() kNone.
  const char* poll(Nanoseconds now) noexcept;

  // REQUIRES: kFound.
  [[nodiscard]] const SearchResult& result() const { return *result_; }
  [[nodiscard]] bool is_judged() const { return next_ >= result_->candidate_count; }

  struct Batch {
    std::size_t linked = 0;  // into the youngest generation
    std::size_t died = 0;
    std::size_t untracked = 0;
  };
  // Puts the next components, about `size` objects, where the next young collection judges them.
  // A component is never parted: one that is larger goes alone. REQUIRES: kFound; the lists are at
  // rest.
  Batch link_batch(Generation& youngest, std::size_t size) noexcept;

  // Lets go of everything; ends a copy that still runs.
  void end() noexcept;
  // In a fork's child: the copy is the parent's.
  void forget() noexcept;
  // Only the end of the copy, without waiting: the process ends, or becomes another.
  void kill_copy() const noexcept;

 private:
  bool make_result(std::size_t capacity) noexcept;
  bool open_log() noexcept;
  void release() noexcept;
  [[nodiscard]] std::size_t component_size() const noexcept;

  State state_ = State::kNone;
  pid_t copy_ = 0;
  Nanoseconds deadline_ = 0;
  SearchResult* result_ = nullptr;
  std::size_t result_bytes_ = 0;
  std::size_t next_ = 0;  // candidate
};

}  // namespace hoop::cpython
