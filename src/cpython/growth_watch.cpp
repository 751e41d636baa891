// SPDX-License-Identifier: Apache-2.0
#include "cpython/growth_watch.h"

#include <Python.h>

#include <algorithm>
#include <atomic>

#include "base/units.h"
#include "cpython/attendant.h"
#include "cpython/interpreter_hooks.h"
#include "cpython/process.h"
#include "cpython/snapshot_triggers.h"
#include "os/clock.h"

namespace hoop::cpython {
namespace {

// In slow calls of the heap (a slab of small blocks, or a large block, each) and young collections.
constexpr unsigned kFirstInterval = 1;
// Snapshots may take a third of all the time, and this.
constexpr Nanoseconds kAllowance = 2 * kSecond;
constexpr unsigned kShare = 2;

// After a snapshot, the next one for the time that has gone by; then after half as much again.
constexpr Nanoseconds kFirstWait = 5 * kMillisecond;
constexpr Nanoseconds kLongestWait = 20 * kSecond;

struct GrowthWatch {
  bool is_open = false;
  bool look_asked = false;
  unsigned beats = 0;  // since the last snapshot, or the last import
  unsigned interval = kFirstInterval;
  unsigned collections = 0;  // that the program asked for
  long exit_functions = -1;  // of the program, when ours became the last of them
  bool saw_exit = false;
  Nanoseconds spent = 0;        // on snapshots
  PyObject* imports = nullptr;  // importlib's dict of the modules being imported; borrowed
  PyObject* garbage = nullptr;  // gc.garbage
  Py_ssize_t garbage_seen = 0;
};
constinit GrowthWatch watch;

// Shared with the attendant's thread.
struct GrowthClock {
  std::atomic<bool> runs{false};
  std::atomic<bool> is_due{false};
  std::atomic<Nanoseconds> last_taken{0};
  std::atomic<Nanoseconds> wait{kFirstWait};
};
constinit GrowthClock growth_clock;

PyObject* find_imports() {
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), "_frozen_importlib");
  if (module == nullptr || !PyModule_Check(module)) return nullptr;
  PyObject* const locks = PyDict_GetItemString(PyModule_GetDict(module), "_module_locks");
  return locks != nullptr && PyDict_Check(locks) ? locks : nullptr;
}

PyObject* find_garbage() {
  PyObject* const module = PyImport_ImportModule("gc");
  PyObject* const list = module != nullptr ? PyObject_GetAttrString(module, "garbage") : nullptr;
  Py_XDECREF(module);
  PyErr_Clear();
  return list;
}

bool is_importing() { return watch.imports != nullptr && PyDict_GET_SIZE(watch.imports) > 0; }

bool has_time() {
  const Nanoseconds run = os::monotonic_now() - process.start_monotonic;
  return watch.spent < kAllowance + run / kShare;
}

// Functions that the program registers later run earlier, and may drop what it kept.
PyObject* take_at_exit(PyObject*, PyObject*) {
  if (watch.is_open && !watch.saw_exit && !exit_is_rehearsed())
    watch.saw_exit = take_snapshot_now("exit", Patience::kToTheEnd);
  Py_RETURN_NONE;
}

PyMethodDef exit_definition = {"hoopsnake_explain_atexit", take_at_exit, METH_NOARGS, nullptr};

void be_first_at_exit() {
  PyObject* const module = PyImport_ImportModule("atexit");
  PyObject* const count =
      module != nullptr ? PyObject_CallMethod(module, "_ncallbacks", nullptr) : nullptr;
  const long functions = count != nullptr ? PyLong_AsLong(count) : -1;
  if (functions >= 0 && functions != watch.exit_functions) {
    PyObject* const function = PyCFunction_New(&exit_definition, nullptr);
    if (function != nullptr) Py_XDECREF(PyObject_CallMethod(module, "register", "O", function));
    Py_XDECREF(function);
    watch.exit_functions = functions + 1;
  }
  Py_XDECREF(count);
  Py_XDECREF(module);
  PyErr_Clear();
}

void take(const char* trigger) {
  if (!has_time()) return;
  const Nanoseconds begin = os::monotonic_now();
  be_first_at_exit();
  take_snapshot_now(trigger, Patience::kShort);
  watch.spent += os::monotonic_now() - begin;
  watch.beats = 0;
  growth_clock.last_taken.store(os::monotonic_now(), std::memory_order_relaxed);
}

int look_at_growth(void*) {
  watch.look_asked = false;
  if (!watch.is_open) return 0;
  const bool is_time = growth_clock.is_due.exchange(false, std::memory_order_relaxed);
  if (is_importing()) {
    watch.beats = 0;
    watch.interval = kFirstInterval;
    growth_clock.wait.store(kFirstWait, std::memory_order_relaxed);
  } else if (is_time) {
    take("time");
  } else if (watch.beats >= watch.interval) {
    watch.interval += watch.interval / 2 + watch.interval % 2;
    take("growth");
  }
  return 0;
}

}  // namespace

void open_growth_watch() noexcept {
  if (!snapshot_triggers.watches_growth()) return;
  watch = {};
  watch.imports = find_imports();
  watch.garbage = find_garbage();
  watch.is_open = true;
  growth_clock.last_taken.store(os::monotonic_now(), std::memory_order_relaxed);
  growth_clock.wait.store(kFirstWait, std::memory_order_relaxed);
  growth_clock.runs.store(true, std::memory_order_release);
  wake_attendant();
}

bool growth_watch_saw_exit() noexcept { return watch.saw_exit; }

bool growth_is_watched() noexcept { return watch.is_open; }

void on_growth_beat() noexcept {
  ++watch.beats;
  if (watch.look_asked || watch.beats < kFirstInterval) return;
  watch.look_asked = Py_AddPendingCall(look_at_growth, nullptr) == 0;
}

int growth_watch_sees_time(Nanoseconds now) noexcept {
  if (!growth_clock.runs.load(std::memory_order_acquire)) return -1;
  const Nanoseconds wait = growth_clock.wait.load(std::memory_order_relaxed);
  const Nanoseconds end = growth_clock.last_taken.load(std::memory_order_relaxed) + wait;
  if (now >= end && !growth_clock.is_due.load(std::memory_order_relaxed)) {
    growth_clock.wait.store(std::min(wait + wait / 2, kLongestWait), std::memory_order_relaxed);
    growth_clock.is_due.store(true, std::memory_order_relaxed);
    if (Py_AddPendingCall(look_at_growth, nullptr) != 0)
      growth_clock.is_due.store(false, std::memory_order_relaxed);
  }
  const Nanoseconds left = now < end ? end - now : wait;
  return static_cast<int>(left / kMillisecond) + 1;
}

// The first, the second, the fourth, the eighth ...
void growth_watch_sees_start() noexcept {
  if (!watch.is_open || is_importing()) return;
  ++watch.collections;
  if ((watch.collections & (watch.collections - 1)) == 0) take("collect");
}

void growth_watch_sees_stop() noexcept {
  if (!watch.is_open || watch.garbage == nullptr || !PyList_Check(watch.garbage)) return;
  const Py_ssize_t found = PyList_GET_SIZE(watch.garbage);
  if (found > 2 * watch.garbage_seen) take("garbage");
  watch.garbage_seen = found;
}

void restart_growth_watch() noexcept {
  watch.look_asked = false;
  watch.beats = 0;
  watch.interval = kFirstInterval;
  watch.spent = 0;
  growth_clock.is_due.store(false, std::memory_order_relaxed);
}

}  // namespace hoop::cpython
