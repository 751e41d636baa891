// SPDX-License-Identifier: Apache-2.0
#include "cpython/flight.h"

#include <Python.h>
#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>

#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/compat/gc_state.h"
#include "cpython/garbage_search.h"
#include "os/copy_process.h"
#include "os/pages.h"

namespace hoop::cpython {
namespace {

// A copy that nobody ends is ended by its own alarm.
constexpr unsigned kCopyLivesSeconds = 120;

struct CopyTask {
  const Search* search;
  SearchResult* result;
};

void search_in_copy(void* context) noexcept {
  const auto* const task = static_cast<CopyTask*>(context);
  search_for_garbage(*task->search, *task->result);
}

}  // namespace

bool Flight::make_result(std::size_t capacity) noexcept {
  result_bytes_ = round_up(SearchResult::bytes_for(capacity), os::kPageBytes);
  result_ = static_cast<SearchResult*>(os::map_shared(result_bytes_));
  if (result_ == nullptr) return false;
  result_->capacity = capacity;
  next_ = 0;
  return true;
}

bool Flight::open_log() noexcept {
  const HeapLock lock;
  if (!process_heap.begin_log()) return false;
  use_guarded_allocators();
  return true;
}

Flight::Start Flight::start_copy(const Search& search, std::size_t capacity,
                                 Nanoseconds deadline) noexcept {
  if (!make_result(capacity)) return Start::kNoMemory;
  if (!open_log()) {
    release();
    return Start::kNoMemory;
  }
  CopyTask task{&search, result_};
  const pid_t copy = os::start_copy(search_in_copy, &task, kCopyLivesSeconds);
  if (copy < 0) {
    release();
    return Start::kRefused;
  }
  copy_ = copy;
  deadline_ = deadline;
  state_ = State::kSearching;
  return Start::kStarted;
}

Flight::Start Flight::search_here(const Search& search, std::size_t capacity) noexcept {
  if (!make_result(capacity)) return Start::kNoMemory;
  search_for_garbage(search, *result_);
  const bool done = result_->state.load(std::memory_order_relaxed) == SearchState::kDone;
  if (!done || !open_log()) {
    release();
    return Start::kNoMemory;
  }
  state_ = State::kFound;
  return Start::kStarted;
}

const char* Flight::poll(Nanoseconds now) noexcept {
  if (state_ != State::kSearching) return nullptr;
  const char* failure = nullptr;
  switch (os::poll_copy(copy_)) {
    case os::CopyState::kRuns:
      if (now < deadline_) return nullptr;
      os::end_copy(copy_);
      failure = "the copy took too long and was ended";
      break;
    case os::CopyState::kCrashed:
      failure = "the copy was ended by the system";
      break;
    case os::CopyState::kEnded:
      if (result_->state.load(std::memory_order_acquire) != SearchState::kDone)
        failure = "no memory for the search";
      break;
  }
  copy_ = 0;
  if (failure != nullptr) {
    release();
    return failure;
  }
  state_ = State::kFound;
  return nullptr;
}

std::size_t Flight::component_size() const noexcept {
  std::size_t end = next_ + 1;
  while (end < result_->candidate_count && !result_->candidates[end].begins_component()) ++end;
  return end - next_;
}

Flight::Batch Flight::link_batch(Generation& youngest, std::size_t size) noexcept {
  Batch batch;
  while (!is_judged()) {
    const std::size_t component = component_size();
    if (batch.linked > 0 && batch.linked + component > size) break;
    for (const std::size_t end = next_ + component; next_ < end; ++next_) {
      const Candidate candidate = result_->candidates[next_];
      if (process_heap.freed_since_log(reinterpret_cast<const void*>(candidate.block()))) {
        ++batch.died;
        continue;
      }
      auto* const object = reinterpret_cast<PyObject*>(candidate.object());
      ListNode* const node = node_of(object);
      // Between life and death, or in a free list of its type's.
      if (!node->is_tracked() || Py_REFCNT(object) <= 0) {
        ++batch.untracked;
        continue;
      }
      move_to_end(node, &youngest.head);
      ++batch.linked;
    }
  }
  return batch;
}

void Flight::release() noexcept {
  {
    const HeapLock lock;
    process_heap.end_log();
  }
  use_fast_allocators();
  if (result_ != nullptr) os::unmap(result_, result_bytes_);
  result_ = nullptr;
  state_ = State::kNone;
}

void Flight::end() noexcept {
  if (state_ == State::kNone) return;
  if (copy_ != 0) os::end_copy(copy_);
  copy_ = 0;
  release();
}

void Flight::forget() noexcept {
  if (state_ == State::kNone) return;
  copy_ = 0;
  release();
}

void Flight::kill_copy() const noexcept {
  if (copy_ != 0) ::kill(copy_, SIGKILL);
}

}  // namespace hoop::cpython
