// SPDX-License-Identifier: Apache-2.0
#include "cpython/collector.h"

#include <Python.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/collection_records.h"
#include "cpython/collector_choice.h"
#include "cpython/compat/gc_state.h"
#include "cpython/copy_decision.h"
#include "cpython/flight.h"
#include "cpython/garbage_search.h"
#include "cpython/gc_watch.h"
#include "cpython/huge_page_mender.h"
#include "cpython/process.h"
#include "cpython/ticker.h"
#include "os/clock.h"
#include "os/report_process.h"

namespace hoop::cpython {
namespace {

// Below so many objects CPython's own full collection takes about a millisecond.
constexpr std::size_t kFewObjects = 10'000;
// How long a young collection may take longer because of candidates.
constexpr Nanoseconds kJudgingBudget = kMillisecond;
// After a batch the program has this many times as long to itself, unless there is haste.
constexpr unsigned kRest = 3;
constexpr std::uint64_t kFirstJudgingCost = 500;  // ns for a candidate
constexpr std::uint64_t kLeastJudgingCost = 50;
// When a copy is late.
constexpr Nanoseconds kPatience = 5 * kSecond;
constexpr unsigned kPatienceFactor = 10;
constexpr std::size_t kSmallestCapacity = 1 << 20;
// So many objects more than the search began with are too many, where that is half as many again.
constexpr Py_ssize_t kLeastPressure = 100'000;
// A program that collects nothing by itself for so long is nudged.
constexpr Nanoseconds kQuiet = 50 * kMillisecond;
// How long the thread puts huge pages together before it sleeps again.
constexpr Nanoseconds kMendingBudget = 5 * kMillisecond;
// Places for objects that are not in our heap: few, but for those made before a late start.
constexpr std::size_t kOtherRegions = 256;
constexpr std::size_t kOtherRegionsLate = 8192;

struct Collector {
  CollectorChoice choice = CollectorChoice::kStock;
  const char* reason = nullptr;  // why passive
  bool is_attached = false;
  GcState state;
  Flight flight;
  // Head of a list: the oldest objects while a full collection that was asked for looks at
  // candidates. Finalizers run meanwhile, and threads: whoever looks at lists brings them back.
  ListNode parked{};
  CopyDecision decision;
  std::atomic<Nanoseconds> last_look{0};  // at a collection, or a nudge
  std::atomic<bool> has_flight{false};    // for the thread that nudges
  std::atomic<bool> is_nudge_asked{false};
  // The collection that runs now, and what it judges.
  bool is_collecting = false;
  bool is_automatic = false;  // CPython began it by itself
  bool is_nudge = false;
  bool was_ours = false;
  Flight::Batch batch;
  std::uint64_t judging_cost = kFirstJudgingCost;  // ns for a candidate
  unsigned haste = 1;                              // budgets are as much larger
  Nanoseconds rest_until = 0;
  Py_ssize_t pending_before = 0;  // CPython's count, as it was when the search began
  // For tests: every so many young collections a full one, whatever it costs. 0: never.
  unsigned every = 0;
  unsigned until_next = 0;
  PyObject* get_debug = nullptr;  // gc.get_debug, gc.collect
  PyObject* collect = nullptr;
};
constinit Collector collector;

constexpr char kAsked[] = "asked for";  // in place: that is no news
constexpr char kCallbackGone[] =
    "gc.callbacks was cleared, so CPython's own full collections go on";

bool is_judging() {
  return collector.flight.state() == Flight::State::kFound && collector.batch.linked > 0;
}

Generation& generation(int index) { return collector.state.generations[index]; }

// About how many objects there are; exact only after a full collection.
std::size_t presumed_objects() {
  const LongLived& totals = *collector.state.long_lived;
  return static_cast<std::size_t>(std::max<Py_ssize_t>(totals.total + totals.pending, 0));
}

CollectionRecord& record() { return collection_history.newest(); }

// --- what makes us leave a collection to CPython ---

bool debug_flags_are_set() {
  PyObject* const flags = PyObject_CallNoArgs(collector.get_debug);
  const long value = flags != nullptr ? PyLong_AsLong(flags) : -1;
  Py_XDECREF(flags);
  PyErr_Clear();
  return value != 0;
}

const char* reason_now() {
  PyInterpreterState* const first = PyInterpreterState_Head();
  if (first == nullptr || PyInterpreterState_Next(first) != nullptr)
    return "there is more than one interpreter";
  if (debug_flags_are_set()) return "gc.set_debug() is in use";
  if (!allocators_are_installed()) return "a tracer stands between CPython and our heap";
  return nullptr;
}

// --- beginning ---

// CPython's own rule; its counters are kept as a full collection of its own would leave them.
bool is_due() {
  const LongLived& totals = *collector.state.long_lived;
  return generation(2).count > generation(2).threshold && totals.pending >= totals.total / 4;
}

Search make_search() {
  return Search{&process_heap, collector.state, PyImport_GetModuleDict(),
                process.is_late ? kOtherRegionsLate : kOtherRegions, 0};
}

std::size_t result_capacity() {
  return std::max(kSmallestCapacity, presumed_objects() + presumed_objects() / 4);
}

// What a full collection of CPython's does to its own counters; those of the younger generations
// are 0 after the automatic collection that we follow.
void reset_counters() {
  if (is_due()) generation(2).count = 0;
  collector.pending_before = collector.state.long_lived->pending;
  collector.state.long_lived->total += collector.pending_before;
  collector.state.long_lived->pending = 0;
}

// The search came to nothing: the next one is due as this one was.
void restore_counters() {
  collector.state.long_lived->total -= collector.pending_before;
  collector.state.long_lived->pending += collector.pending_before;
  collector.pending_before = 0;
}

void note_found() {
  const SearchResult& result = collector.flight.result();
  CollectionRecord& now = record();
  now.search = result.took;
  now.objects = result.objects;
  now.candidates = result.candidate_count + result.left_out;
  now.components = result.components;
  now.largest_component = result.largest_component;
  collector.decision.note_search(result.objects, result.took);
  const std::uint64_t alive = result.objects - std::min(result.objects, now.candidates);
  collector.state.long_lived->total = static_cast<Py_ssize_t>(alive);
  collector.pending_before = 0;
}

void forget_flight() {
  collector.batch = Flight::Batch();
  collector.haste = 1;
  collector.has_flight.store(false, std::memory_order_relaxed);
}

void mend_after_flight() {
  if (record().mode == CollectionMode::kConcurrent) mend_after_copy();
}

void end_flight(Outcome outcome, const char* reason) {
  if (collector.flight.state() == Flight::State::kNone) return;
  const bool had_copy = collector.flight.state() == Flight::State::kSearching;
  collector.flight.end();
  forget_flight();
  collection_history.end(outcome, reason);
  if (!had_copy) return;
  restore_counters();
  mend_after_flight();
}

void detach(const char* reason) {
  end_flight(Outcome::kDiscarded, reason);
  collector.is_attached = false;
  collector.reason = reason;
}

void expect_candidates() {
  collector.last_look.store(os::monotonic_now(), std::memory_order_relaxed);
  collector.has_flight.store(true, std::memory_order_relaxed);
  request_errands();
}

void begin_record(Trigger trigger, CollectionMode mode, Nanoseconds begin) {
  CollectionRecord& now = collection_history.begin();
  now.at = begin - process.start_monotonic;
  now.trigger = trigger;
  now.mode = mode;
}

void note_pause(Nanoseconds begin) {
  record().pause = os::monotonic_now() - begin;
  stop_histogram.add(Stop::kOurs, record().pause);
}

// False: no memory. `begin`: when the stop began. `reason`: why not in a copy.
bool begin_here(Trigger trigger, Nanoseconds begin, const char* reason) {
  begin_record(trigger, CollectionMode::kInPlace, begin);
  record().reason = reason;
  const Flight::Start start = collector.flight.search_here(make_search(), result_capacity());
  note_pause(begin);
  if (start != Flight::Start::kStarted) {
    collection_history.end(Outcome::kFailed, "no memory for the search");
    return false;
  }
  reset_counters();
  note_found();
  expect_candidates();
  if (collector.flight.is_judged()) end_flight(Outcome::kDone, nullptr);
  return true;
}

// False: it was refused.
bool begin_copy(Trigger trigger, Nanoseconds begin) {
  const std::size_t objects = presumed_objects();
  Search search = make_search();
  search.copy_of = ::getpid();
  const Nanoseconds before_copy = os::monotonic_now();
  const Nanoseconds patience =
      kPatience + collector.decision.predicted_search(objects) * kPatienceFactor;
  const Flight::Start start =
      collector.flight.start_copy(search, result_capacity(), before_copy + patience);
  if (start != Flight::Start::kStarted) return false;
  collector.decision.note_copy(os::monotonic_now() - before_copy);
  begin_record(trigger, CollectionMode::kConcurrent, begin);
  expect_candidates();
  reset_counters();
  note_pause(begin);
  return true;
}

// nullptr: a copy is being searched. Else why not.
const char* begin_copy_if_wise(Trigger trigger, Nanoseconds begin) {
  if (collector.choice != CollectorChoice::kConcurrent) return kAsked;
  const bool is_forced = trigger == Trigger::kDebug;
  const char* const against =
      collector.decision.reason_against(presumed_objects(), is_forced, begin);
  if (against != nullptr || begin_copy(trigger, begin)) return against;
  collector.decision.note_failure(begin);
  return "the process could not be copied";
}

// A full collection, one way or the other. If neither way is open, CPython's own comes.
void begin_collection(Trigger trigger) {
  const Nanoseconds begin = os::monotonic_now();
  const char* const against = begin_copy_if_wise(trigger, begin);
  if (against != nullptr) begin_here(trigger, begin, against == kAsked ? nullptr : against);
}

bool is_forced_now() {
  if (collector.every == 0 || --collector.until_next > 0) return false;
  collector.until_next = collector.every;
  return true;
}

void begin_if_due() {
  const bool is_forced = is_forced_now();
  if (!is_forced && (!is_due() || presumed_objects() < kFewObjects)) return;
  // 3.12.0 to 3.12.2 run a collection that was asked for before gc.disable().
  if (PyGC_IsEnabled() == 0) return;
  collector.reason = reason_now();
  if (collector.reason == nullptr)
    begin_collection(is_forced ? Trigger::kDebug : Trigger::kThreshold);
}

// --- while a search is under way ---

void poll_flight() {
  const Nanoseconds now = os::monotonic_now();
  collector.last_look.store(now, std::memory_order_relaxed);
  const bool was_searching = collector.flight.state() == Flight::State::kSearching;
  if (const char* const failure = collector.flight.poll(now)) {
    collector.decision.note_failure(now);
    restore_counters();
    forget_flight();
    collection_history.end(Outcome::kFailed, failure);
    return mend_after_flight();
  }
  if (!was_searching || collector.flight.state() != Flight::State::kFound) return;
  collector.decision.note_success();
  note_found();
  mend_after_flight();
  if (collector.flight.is_judged()) end_flight(Outcome::kDone, nullptr);
}

// Garbage that comes faster than it is found: no more waiting.
void finish_if_pressed() {
  const LongLived& totals = *collector.state.long_lived;
  if (totals.pending < std::max(totals.total / 2, kLeastPressure)) return;
  end_flight(Outcome::kDiscarded, "the heap grew by half while the copy was searched");
  begin_here(Trigger::kPressure, os::monotonic_now(), nullptr);
}

// The next is due, and the last one's garbage still waits to be judged.
void hurry_if_due() {
  if (is_due()) collector.haste = std::min(collector.haste * 2, 1024u);
}

void look_after_flight() {
  if (collector.flight.state() == Flight::State::kSearching) {
    finish_if_pressed();
  } else {
    hurry_if_due();
  }
  // CPython's own must not begin meanwhile.
  if (collector.flight.state() != Flight::State::kNone && is_due()) generation(2).count = 0;
}

// --- judging ---

// A collection of the middle generation has enough to do, unless there is haste.
bool may_judge(int index) {
  if (collector.is_nudge) return true;
  if (!collector.is_automatic) return false;
  const bool hurries = collector.haste > 1 || collector.every != 0;
  return hurries || (index == 0 && os::monotonic_now() >= collector.rest_until);
}

std::size_t batch_size() {
  return static_cast<std::size_t>(kJudgingBudget * collector.haste / collector.judging_cost);
}

void link_next_batch() {
  if (const char* const reason = reason_now()) {
    collector.reason = reason;
    return end_flight(Outcome::kDiscarded, reason);
  }
  const HeapLock lock;
  collector.batch = collector.flight.link_batch(generation(0), batch_size());
  record().died += collector.batch.died;
  record().untracked += collector.batch.untracked;
}

void note_judged(std::uint64_t collected, Nanoseconds took) {
  CollectionRecord& now = record();
  const std::uint64_t linked = collector.batch.linked;
  const std::uint64_t freed = std::min(collected, linked);
  now.freed += freed;
  now.survived += linked - freed;
  now.judging += took;
  now.longest_judging = std::max(now.longest_judging, took);
  ++now.batches;
  // Up at once, down slowly.
  const std::uint64_t cost = std::max(took / linked, kLeastJudgingCost);
  collector.judging_cost = std::max(cost, (collector.judging_cost * 3 + cost) / 4);
  collector.batch = Flight::Batch();
  collector.rest_until = os::monotonic_now() + took * kRest;
}

// --- a full collection that was asked for ---

ListNode& oldest() { return generation(kGenerationCount - 1).head; }

// Takes the oldest objects out of CPython's sight, all at once.
void park_oldest() {
  collector.parked.set_after(&collector.parked);
  collector.parked.set_before(&collector.parked);
  splice_in_front(oldest(), collector.parked);
}
void unpark_oldest() {
  if (collector.parked.is_tracked()) splice_in_front(collector.parked, oldest());
}

// Searches, and leaves what was found in the youngest generation. False: no memory.
bool search_to_judge_at_once() {
  if (!begin_here(Trigger::kCollect, os::monotonic_now(), nullptr)) return false;
  if (collector.flight.state() == Flight::State::kNone) return true;
  const Flight::Batch all = collector.flight.link_batch(generation(0), SIZE_MAX);
  record().untracked += all.untracked;
  // Nothing was freed since: what is judged at once needs no log.
  collector.flight.end();
  return true;
}

// CPython has counted what it looked at, and not what was parked.
void note_judged_at_once(std::size_t linked, std::size_t found, Nanoseconds took) {
  CollectionRecord& now = record();
  now.freed = std::min(linked, found);
  now.survived = linked - now.freed;
  now.judging = now.longest_judging = took;
  now.batches = 1;
  const std::uint64_t alive = now.objects - std::min(now.objects, now.freed);
  *collector.state.long_lived = LongLived{static_cast<Py_ssize_t>(alive), 0};
  if (now.outcome == Outcome::kRunning) collection_history.end(Outcome::kDone, nullptr);
}

// --- a program that waits ---

// In the main thread, between two bytecodes: where finalizers may run.
int nudge(void*) {
  collector.is_nudge_asked.store(false, std::memory_order_relaxed);
  if (!collector.is_attached || collector.flight.state() == Flight::State::kNone) return 0;
  poll_flight();
  const bool may_collect =
      !collector.is_collecting && PyGC_IsEnabled() != 0 && generation(0).threshold != 0;
  if (collector.flight.state() != Flight::State::kFound || !may_collect) return 0;
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  collector.is_nudge = true;
  Py_XDECREF(PyObject_CallFunction(collector.collect, "i", 0));
  collector.is_nudge = false;
  PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  if (!collections_are_watched()) detach(kCallbackGone);
  return 0;
}

// Without the GIL, by the thread that exists as long as this returns true.
bool look_after_waiting_program(Nanoseconds now) noexcept {
  if (!collector.has_flight.load(std::memory_order_relaxed)) return false;
  const Nanoseconds last = collector.last_look.load(std::memory_order_relaxed);
  if (now < last + kQuiet || collector.is_nudge_asked.load(std::memory_order_relaxed)) return true;
  collector.is_nudge_asked.store(true, std::memory_order_relaxed);
  if (Py_AddPendingCall(nudge, nullptr) != 0)
    collector.is_nudge_asked.store(false, std::memory_order_relaxed);
  return true;
}

bool mend_for_a_while(Nanoseconds now) noexcept {
  while (mend_next_huge_page()) {
    if (os::monotonic_now() - now > kMendingBudget) return true;
  }
  return false;
}

bool run_errands(Nanoseconds now) noexcept {
  const bool waits = look_after_waiting_program(now);
  return mend_for_a_while(now) || waits;
}

}  // namespace

void attach_collector(PyObject* gc_module, CollectorChoice choice) noexcept {
  collector.choice = choice;
  if (choice == CollectorChoice::kStock) return;
  collector.reason = find_gc_state(gc_module, collector.state);
  if (collector.reason != nullptr) return;
  collector.get_debug = PyObject_GetAttrString(gc_module, "get_debug");
  collector.collect = PyObject_GetAttrString(gc_module, "collect");
  PyErr_Clear();
  if (collector.get_debug == nullptr || collector.collect == nullptr) return;
  collector.decision.init();
  if (const char* text = os::variable("HOOP_COLLECT_EVERY"))
    collector.every = collector.until_next = static_cast<unsigned>(parse_decimal(text));
  set_errands(run_errands);
  collector.is_attached = true;
}

void mend_after_copy() noexcept {
  if (collector.is_attached && mend_huge_pages(process_heap)) request_errands();
}

bool collector_is_attached() noexcept { return collector.is_attached; }

const char* collector_mode() noexcept {
  if (collector.choice == CollectorChoice::kStock) return "stock";
  if (collector_reason() != nullptr) return "passive";
  return collector.choice == CollectorChoice::kConcurrent ? "concurrent" : "inplace";
}

const char* collector_reason() noexcept {
  if (collector.reason == nullptr && collector.is_attached && !collections_are_watched())
    return kCallbackGone;
  return collector.reason;
}

void collector_sees_start(int index) noexcept {
  collector.is_collecting = true;
  collector.was_ours = false;
  if (!collector.is_attached) return;
  // CPython began it by itself: it has not reset its counter yet.
  collector.is_automatic = generation(0).count > generation(0).threshold;
  if (collector.flight.state() == Flight::State::kNone) return;
  // A full one that was asked for finds all that we found, and more.
  if (index == kGenerationCount - 1)
    return end_flight(Outcome::kDiscarded, "a full collection was asked for");
  poll_flight();
  if (collector.flight.state() == Flight::State::kFound && may_judge(index)) link_next_batch();
}

void collector_sees_stop(int index, std::uint64_t collected, Nanoseconds took) noexcept {
  collector.is_collecting = false;
  unpark_oldest();
  if (!collector.is_attached) return;
  if (is_judging()) {
    collector.was_ours = true;
    note_judged(collected, took);
  }
  if (collector.flight.state() == Flight::State::kFound && collector.flight.is_judged()) {
    end_flight(Outcome::kDone, nullptr);
    after_full_collection();
  }
  if (!collector.is_automatic || index == kGenerationCount - 1) return;
  if (collector.flight.state() != Flight::State::kNone) {
    look_after_flight();
  } else {
    begin_if_due();
  }
}

bool collection_was_ours() noexcept { return collector.was_ours; }

PyObject* collect_in_place(PyObject* gc_module, PyCFunction original) noexcept {
  // By CPython's calling convention for arguments of any form.
  using Function = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);
  const auto collect_by_cpython = [&] {
    return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(original))(gc_module, nullptr, 0,
                                                                              nullptr);
  };
  if (!collector.is_attached || collector.is_collecting) return collect_by_cpython();
  collector.reason = reason_now();
  if (collector.reason != nullptr) return collect_by_cpython();
  end_flight(Outcome::kDiscarded, "a full collection was asked for");
  if (!search_to_judge_at_once()) return collect_by_cpython();
  const Nanoseconds begin = os::monotonic_now();
  const std::size_t linked = record().candidates;
  park_oldest();
  PyObject* const result = collect_by_cpython();
  unpark_oldest();
  const Py_ssize_t found = result != nullptr ? PyLong_AsSsize_t(result) : 0;
  note_judged_at_once(linked, found < 0 ? 0 : static_cast<std::size_t>(found),
                      os::monotonic_now() - begin);
  return result;
}

bool find_collector_state(GcState& state) noexcept {
  state = collector.state;
  return state.generations != nullptr;
}

void show_all_objects() noexcept { unpark_oldest(); }

void collector_sees_thresholds() noexcept {
  if (!collector.is_attached || collector.is_collecting) return;
  const bool is_free = collector.flight.state() == Flight::State::kNone;
  if (is_free && generation(0).threshold != 0 && is_due()) begin_if_due();
}

void collector_sees_freeze() noexcept {
  unpark_oldest();
  end_flight(Outcome::kDiscarded, "gc.freeze() was called");
}

void abandon_collection() noexcept {
  end_flight(Outcome::kDiscarded, "the process was about to become another program");
}

void close_collector() noexcept {
  unpark_oldest();
  end_flight(Outcome::kDiscarded, "the program ended");
  collector.is_attached = false;
}

void leave_collector() noexcept { collector.flight.kill_copy(); }

void restart_collector_after_fork() noexcept {
  unpark_oldest();
  collector.flight.forget();
  forget_flight();
  forget_mending();
  collector.is_nudge_asked.store(false, std::memory_order_relaxed);
  collector.is_nudge = collector.is_collecting = false;
  forget_collections();
}

}  // namespace hoop::cpython
