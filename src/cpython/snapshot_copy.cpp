// SPDX-License-Identifier: Apache-2.0
#include "cpython/snapshot_copy.h"

#include <Python.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/collector.h"
#include "cpython/compat/gc_state.h"
#include "cpython/compat/python_version.h"
#include "cpython/list_walk.h"
#include "cpython/rss_account.h"
#include "cycles/object_map.h"
#include "heap/geometry.h"
#include "heap/heap.h"
#include "heap/statistics.h"
#include "os/clock.h"
#include "os/copy_process.h"
#include "os/pages.h"
#include "snapshot/collector_lists.h"
#include "snapshot/format.h"
#include "snapshot/interpreter_layout.h"
#include "snapshot/python_layout.h"
#include "snapshot/writer.h"

extern "C" char _PyRuntime[] __attribute__((weak));  // NOLINT(readability-identifier-naming)

namespace hoop::cpython {

// What the copy and the process that it is a copy of tell each other.
struct SnapshotCopy::Shared {
  static constexpr std::size_t kMostRows = 16;

  // From the process, once the copy is there.
  std::atomic<bool> has_account{false};
  std::array<snapshot::MemoryRow, kMostRows> memory{};
  std::size_t memory_count = 0;
  std::array<snapshot::MetaRow, kMostRows> meta{};
  std::size_t meta_count = 0;
  FixedText<4096> program;
  FixedText<32> pause;
  PythonVersion version;
  // From the copy.
  std::atomic<bool> is_done{false};
  snapshot::Outcome outcome;

  void add_memory(std::string_view name, std::size_t bytes) {
    memory[memory_count++] = {name, bytes};
  }
  void add_account(const heap::Statistics& statistics);
  void add_meta(std::string_view key, std::string_view value) { meta[meta_count++] = {key, value}; }
};

void SnapshotCopy::Shared::add_account(const heap::Statistics& statistics) {
  const RssAccount rss = take_rss_account(process_heap, statistics);
  add_memory("heap: live blocks", rss.heap_in_use);
  add_memory("heap: free", rss.heap_free);
  add_memory("heap: bookkeeping", rss.heap_metadata);
  add_memory("C library: in use", rss.libc_in_use);
  add_memory("C library: free", rss.libc_free);
  add_memory("stacks", rss.stacks);
  add_memory("code and files", rss.files);
  add_memory("other mappings", rss.other);
  add_memory("not attributed", rss.not_attributed);
  add_memory("resident", rss.total);
}

constinit SnapshotCopy snapshot_copy;

namespace {

// A copy that writes for so long writes no more.
constexpr unsigned kWriterLivesSeconds = 600;

// Classes that a class statement made are known by their tp_traverse.
Address find_subtype_traverse() {
  PyObject* const module = PyImport_ImportModule("_frozen_importlib");
  PyObject* const type = module != nullptr ? PyObject_GetAttrString(module, "ModuleSpec") : nullptr;
  Address found = 0;
  if (type != nullptr && PyType_Check(type))
    found = reinterpret_cast<Address>(reinterpret_cast<PyTypeObject*>(type)->tp_traverse);
  Py_XDECREF(type);
  Py_XDECREF(module);
  PyErr_Clear();
  return found;
}

// What is the same for all snapshots of this interpreter.
struct Prepared {
  bool is_done = false;
  snapshot::Subject subject;
};
constinit Prepared prepared;

int mend(void*) {
  mend_after_copy();
  return 0;
}

const char* text_of_error(int error) {
  switch (error) {
    case ENOSPC:
      return "the disk is full";
    case EDQUOT:
      return "the quota of disk space is used up";
    case EFBIG:
      return "the file would be larger than is allowed";
    case EPIPE:
      return "the reader went away";
    case ENOMEM:
      return "no memory for the copy's tables";
    default:
      return "the file could not be written";
  }
}

const char* text_of_refusal(int error) {
  switch (error) {
    case ENOMEM:
      return "no memory for a copy of the process";
    case EAGAIN:
      return "no more processes are allowed";
    default:
      return "a copy of the process is not allowed here";
  }
}

void read_command_line(TextBuffer& text) {
  const int file = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  char buffer[4096];
  const long size = ::read(file, buffer, sizeof buffer);
  ::close(file);
  for (long i = 0; i + 1 < size; ++i) text.add_char(buffer[i] == 0 ? ' ' : buffer[i]);
}

// Small numbers stand for what the system does by itself.
void note_signal_handlers(snapshot::SignalHandlers& handlers) {
  if (PyErr_Occurred() != nullptr) return;
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), "_signal");
  PyObject* const get = module != nullptr ? PyObject_GetAttrString(module, "getsignal") : nullptr;
  for (std::size_t i = 1; get != nullptr && i < handlers.size(); ++i) {
    PyObject* const handler = PyObject_CallFunction(get, "i", static_cast<int>(i));
    const bool is_object = handler != nullptr && handler != Py_None && !PyLong_Check(handler);
    if (is_object) handlers[i] = reinterpret_cast<Address>(handler);
    Py_XDECREF(handler);
  }
  Py_XDECREF(get);
  PyErr_Clear();
}

}  // namespace

const char* prepare_snapshots() noexcept {
  if (prepared.is_done) return nullptr;
  snapshot::Subject& subject = prepared.subject;
  subject.version = static_cast<std::uint32_t>(python_version_number());
  subject.layout = snapshot::layout_of(PY_VERSION_HEX);
  if (subject.layout == nullptr) return "this Python is not known to Hoopsnake";
  subject.interpreter = reinterpret_cast<Address>(PyInterpreterState_Get());
  subject.where =
      snapshot::find_interpreter_layout(reinterpret_cast<Address>(_PyRuntime), *subject.layout);
  if (subject.where.bytes == 0) return "this Python is laid out in a way that is not known";
  subject.subtype_traverse = find_subtype_traverse();
  prepared.is_done = true;
  return nullptr;
}

const char* SnapshotCopy::start(int file, bool with_values, const char* trigger,
                                Instant instant) noexcept {
  if (!prepared.is_done) return "the interpreter is not up yet";
  if (is_reserved_.exchange(true)) return "another snapshot is being written; try again soon";
  const char* const failure = start_reserved(file, with_values, trigger, instant);
  if (failure != nullptr) release();
  return failure;
}

// What the copy works with; it has its own.
struct SnapshotCopy::Context {
  snapshot::Subject subject;
  snapshot::Order order;
  GcState state;
  bool has_state = false;
  Shared* shared = nullptr;
};

// Our walk is fast, and knows the collector's three generations; what is frozen is in a list of its
// own.
void SnapshotCopy::enter_objects(void* in_copy, cycles::ObjectMap& map) {
  const auto& context = *static_cast<const Context*>(in_copy);
  if (context.has_state) walk_generations(process_heap, context.state, map);
  snapshot::enter_collector_lists(context.subject.interpreter, context.subject.where, map);
}

void SnapshotCopy::for_each_block(void* in_copy, void (*visit)(void* to, Address start), void* to) {
  if (!static_cast<const Context*>(in_copy)->has_state) return;
  const auto hand_on = [&](const heap::LiveBlock& block) {
    if (block.domain == heap::Domain::kObject) visit(to, block.start);
  };
  process_heap.for_each_block(hand_on, heap::Heap::OnDamage::kPassOver);
}

const char* SnapshotCopy::start_reserved(int file, bool with_values, const char* trigger,
                                         Instant instant) noexcept {
  static Context context;
  context = {};
  snapshot::Order& order = context.order;
  if (::getrandom(&order.key, sizeof order.key, GRND_NONBLOCK) < 0)
    return "the system has no random numbers yet";
  void* const memory = os::map_shared(round_up(sizeof(Shared), os::kPageBytes));
  if (memory == nullptr) return text_of_refusal(ENOMEM);
  context.shared = shared_ = new (memory) Shared;
  context.subject = prepared.subject;
  context.subject.heap_base = process_heap.base();
  context.subject.heap_bytes = process_heap.extent();
  context.subject.enter_objects = enter_objects;
  context.subject.for_each_block = for_each_block;
  context.subject.context = &context;
  if (instant == Instant::kPython) {
    show_all_objects();
    note_signal_handlers(context.subject.signal_handlers);
    // Elsewhere it must not be asked for: a thread of ours has no state there to ask by.
    is_collector_on_ = PyGC_IsEnabled() != 0;
    context.has_state = find_collector_state(context.state);
    const HeapLock lock;
    statistics_ = process_heap.statistics();
  }
  order.file = file;
  order.pid = static_cast<std::uint32_t>(::getpid());
  order.taken = os::wall_clock_now();
  order.flags = (with_values ? snapshot::kWithValues : 0) |
                (instant == Instant::kAnywhere ? snapshot::kAnyInstant : 0);
  order.context = shared_;
  order.account = wait_for_account;
  const Nanoseconds begin = os::monotonic_now();
  const pid_t copy = os::start_copy(run_in_copy, &context, kWriterLivesSeconds, file);
  pause_ = os::monotonic_now() - begin;
  if (copy < 0) return text_of_refusal(-copy);
  copy_ = copy;
  trigger_ = trigger;
  instant_ = instant;
  return nullptr;
}

void SnapshotCopy::run_in_copy(void* in_copy) noexcept {
  auto& context = *static_cast<Context*>(in_copy);
  context.shared->outcome = snapshot::write_snapshot(context.subject, context.order);
  context.shared->is_done.store(true, std::memory_order_release);
}

// In the copy: the process reads it off meanwhile.
snapshot::Account SnapshotCopy::wait_for_account(void* shared_memory) {
  constexpr int kMostTries = 2000;
  const auto& shared = *static_cast<const Shared*>(shared_memory);
  for (int i = 0; i < kMostTries && !shared.has_account.load(std::memory_order_acquire); ++i)
    ::usleep(1000);
  if (!shared.has_account.load(std::memory_order_acquire)) return {};
  return {shared.memory.data(), shared.memory_count, shared.meta.data(), shared.meta_count};
}

// Reads all mappings, which takes tens of milliseconds in a large process: not amid the stop.
void SnapshotCopy::note_account() noexcept {
  Shared& shared = *shared_;
  if (instant_ == Instant::kPython) shared.add_account(statistics_);
  read_command_line(shared.program);
  shared.pause.add_decimal(pause_);
  shared.add_meta("python", shared.version.text());
  shared.add_meta("program", {shared.program.data(), shared.program.size()});
  shared.add_meta("hoopsnake", HOOP_VERSION);
  shared.add_meta("trigger", trigger_);
  shared.add_meta("instant", instant_ == Instant::kPython ? "python" : "anywhere");
  if (instant_ == Instant::kPython) shared.add_meta("collector", is_collector_on_ ? "on" : "off");
  shared.add_meta("pause_ns", {shared.pause.data(), shared.pause.size()});
  shared.has_account.store(true, std::memory_order_release);
}

bool SnapshotCopy::poll(SnapshotReport& report) noexcept {
  if (!shared_->has_account.load(std::memory_order_relaxed)) note_account();
  const os::CopyState state = os::poll_copy(copy_);
  if (state == os::CopyState::kRuns) return false;
  report = {};
  report.pause = pause_;
  if (!shared_->is_done.load(std::memory_order_acquire)) {
    report.failure = "the copy that wrote it was ended by the system";
  } else {
    report.outcome = shared_->outcome;
    if (report.outcome.error != 0) report.failure = text_of_error(report.outcome.error);
  }
  release();
  // Pages that were written to meanwhile are in pieces, and the next copy would take longer.
  if (Py_IsInitialized() != 0) Py_AddPendingCall(mend, nullptr);
  return true;
}

void SnapshotCopy::end() noexcept {
  if (copy_ == 0) return;
  os::end_copy(copy_);
  release();
}

void SnapshotCopy::forget() noexcept { release(); }

void SnapshotCopy::release() noexcept {
  if (shared_ != nullptr) os::unmap(shared_, round_up(sizeof(Shared), os::kPageBytes));
  shared_ = nullptr;
  copy_ = 0;
  is_reserved_.store(false);
}

}  // namespace hoop::cpython
