// SPDX-License-Identifier: Apache-2.0
#include "cpython/growth_watch.h"

#include <Python.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/units.h"
#include "cpython/attendant.h"
#include "cpython/compat/dict_watch.h"
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
constexpr Nanoseconds kFirstWait = kMillisecond;
constexpr Nanoseconds kLongestWait = 20 * kSecond;

struct GrowthWatch {
  bool is_open = false;
  bool import_ended = false;
  Py_ssize_t modules = 0;  // when the last snapshot was taken
  unsigned beats = 0;      // since the last snapshot, or the last import
  unsigned interval = kFirstInterval;
  unsigned collections = 0;  // that the program asked for
  unsigned loops = 0;        // times that an event loop came to its end
  long exit_functions = -1;  // of the program, when ours became the last of them
  bool saw_exit = false;
  Nanoseconds spent = 0;        // on snapshots
  PyObject* imports = nullptr;  // importlib's dict of the modules being imported; borrowed
  PyObject* garbage = nullptr;  // gc.garbage
  Py_ssize_t garbage_seen = 0;
};
constinit GrowthWatch watch;

// A look that was asked for and has not come. On 3.10-3.12 a call that another thread adds takes
// the sign back by which the main thread knows that calls wait (COMPUTE_EVAL_BREAKER in ceval.c, in
// a thread that may not handle them), so the next thread that allocates asks again.
struct AskedLook {
  std::atomic<bool> is_open{false};
  std::atomic<bool> may_be_hidden{false};
  std::atomic<unsigned> beats{0};  // since then: other threads add calls, too
};
constinit AskedLook asked_look;

// Shared with the attendant's thread.
struct GrowthClock {
  std::atomic<bool> runs{false};
  std::atomic<bool> is_due{false};
  std::atomic<bool> is_stopped{false};  // while a snapshot is taken
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

// Whether a thread holds the lock of a module: the lock itself may live on, in a traceback say.
bool is_held(PyObject* reference) {
  PyObject* const lock = PyWeakref_Check(reference) ? PyObject_CallNoArgs(reference) : nullptr;
  PyObject* const owner = lock != nullptr ? PyObject_GetAttrString(lock, "owner") : nullptr;
  const bool found = owner != nullptr && owner != Py_None;
  Py_XDECREF(owner);
  Py_XDECREF(lock);
  PyErr_Clear();
  return found;
}

bool is_importing() {
  PyObject* key = nullptr;
  PyObject* reference = nullptr;
  Py_ssize_t at = 0;
  while (watch.imports != nullptr && PyDict_Next(watch.imports, &at, &key, &reference) != 0) {
    if (is_held(reference)) return true;
  }
  return false;
}

Py_ssize_t loaded_modules() { return PyDict_GET_SIZE(PyImport_GetModuleDict()); }

// Enough of them to set what comes after apart from what was loaded.
bool has_loaded_more() {
  constexpr Py_ssize_t kFew = 3, kShareOfAll = 50;
  const Py_ssize_t loaded = loaded_modules();
  return loaded - watch.modules > std::max(kFew, loaded / kShareOfAll);
}

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
  if (watch.saw_exit || !has_time()) return;
  const Nanoseconds begin = os::monotonic_now();
  growth_clock.is_stopped.store(true, std::memory_order_release);
  be_first_at_exit();
  take_snapshot_now(trigger, Patience::kShort);
  watch.spent += os::monotonic_now() - begin;
  watch.beats = 0;
  watch.modules = loaded_modules();
  growth_clock.last_taken.store(os::monotonic_now(), std::memory_order_relaxed);
  growth_clock.is_stopped.store(false, std::memory_order_release);
  wake_attendant();  // with a new time to wait for
}

// The first, the second, the fourth, the eighth ...
bool is_power_of_two(unsigned count) { return (count & (count - 1)) == 0; }

// An event loop puts its hooks for asynchronous generators in as it begins, and takes them out as
// it ends: tasks that wait and what is in their contexts is there then, and gone soon after.
bool is_in_event_loop() {
  PyObject* const function = PySys_GetObject("get_asyncgen_hooks");  // borrowed
  PyObject* const hooks = function != nullptr ? PyObject_CallNoArgs(function) : nullptr;
  PyObject* const finalizer = hooks != nullptr ? PySequence_GetItem(hooks, 1) : nullptr;
  const bool found = finalizer != nullptr && finalizer != Py_None;
  Py_XDECREF(finalizer);
  Py_XDECREF(hooks);
  PyErr_Clear();
  return found;
}

// The program's own first module is about to run.
bool is_start(const char* event) {
  constexpr char kRun[] = "cpython.run_";
  return std::strncmp(event, kRun, sizeof kRun - 1) == 0;
}

int see_audit_event(const char* event, PyObject*, void*) {
  if (!watch.is_open) return 0;
  if (is_start(event))
    take("imported");
  else if (std::strcmp(event, "sys.set_asyncgen_hook_finalizer") == 0 && is_in_event_loop() &&
           is_power_of_two(++watch.loops))
    take("loop");
  return 0;
}

int look_at_growth(void*) {
  asked_look.beats.store(0, std::memory_order_relaxed);
  asked_look.is_open.store(false, std::memory_order_relaxed);
  if (!watch.is_open) return 0;
  const bool is_time = growth_clock.is_due.exchange(false, std::memory_order_relaxed);
  const bool import_ended = std::exchange(watch.import_ended, false);
  if (is_importing()) {
    watch.beats = 0;
    watch.interval = kFirstInterval;
    growth_clock.wait.store(kFirstWait, std::memory_order_relaxed);
  } else if (import_ended && has_loaded_more()) {
    take("imported");
  } else if (is_time) {
    take("time");
  } else if (watch.beats >= watch.interval) {
    watch.interval += watch.interval / 2 + watch.interval % 2;
    take("growth");
  }
  return 0;
}

// The eighth, the 64th, the 512th ...
bool is_power_of_eight(unsigned count) {
  return count > 1 && is_power_of_two(count) && count % 7 == 1;
}

enum class Asker : std::uint8_t { kBeat, kOwnThread, kImport };

void ask_for_look(Asker asker) {
  const bool is_asked = asked_look.is_open.exchange(true, std::memory_order_relaxed);
  const bool is_hidden =
      asked_look.may_be_hidden.exchange(asker == Asker::kOwnThread, std::memory_order_relaxed);
  const unsigned beats = asked_look.beats.fetch_add(1, std::memory_order_relaxed);
  if (is_asked && asker == Asker::kBeat && !is_hidden && !is_power_of_eight(beats)) return;
  if (Py_AddPendingCall(look_at_growth, nullptr) != 0 && !is_asked)
    asked_look.is_open.store(false, std::memory_order_relaxed);
}

// The last of the modules that are being imported is there.
void on_import_end() {
  watch.import_ended = true;
  ask_for_look(Asker::kImport);
}

int whole_milliseconds(Nanoseconds time) {
  return static_cast<int>((time + kMillisecond - 1) / kMillisecond);
}

}  // namespace

void open_growth_watch() noexcept {
  if (!snapshot_triggers.watches_growth()) return;
  watch = {};
  watch.imports = find_imports();
  watch.garbage = find_garbage();
  if (watch.imports != nullptr) watch_for_last_entry(watch.imports, on_import_end);
  watch.is_open = true;
  growth_clock.last_taken.store(os::monotonic_now(), std::memory_order_relaxed);
  growth_clock.wait.store(kFirstWait, std::memory_order_relaxed);
  growth_clock.runs.store(true, std::memory_order_release);
  if (PySys_AddAuditHook(see_audit_event, nullptr) != 0) PyErr_Clear();
  wake_attendant();
}

bool growth_watch_saw_exit() noexcept { return watch.saw_exit; }

bool growth_is_watched() noexcept { return watch.is_open; }

void on_growth_beat() noexcept {
  if (++watch.beats >= kFirstInterval) ask_for_look(Asker::kBeat);
}

int growth_watch_sees_time(Nanoseconds now) noexcept {
  if (!growth_clock.runs.load(std::memory_order_acquire)) return -1;
  const Nanoseconds wait = growth_clock.wait.load(std::memory_order_relaxed);
  if (growth_clock.is_stopped.load(std::memory_order_acquire)) return whole_milliseconds(wait);
  const Nanoseconds end = growth_clock.last_taken.load(std::memory_order_relaxed) + wait;
  if (now >= end) {
    if (!growth_clock.is_due.exchange(true, std::memory_order_relaxed))
      growth_clock.wait.store(std::min(wait + wait / 2, kLongestWait), std::memory_order_relaxed);
    if (!asked_look.is_open.load(std::memory_order_relaxed)) ask_for_look(Asker::kOwnThread);
  }
  return whole_milliseconds(now < end ? end - now : wait);
}

void growth_watch_sees_start() noexcept {
  if (!watch.is_open || is_importing()) return;
  if (is_power_of_two(++watch.collections)) take("collect");
}

void growth_watch_sees_stop() noexcept {
  if (!watch.is_open || watch.garbage == nullptr || !PyList_Check(watch.garbage)) return;
  const Py_ssize_t found = PyList_GET_SIZE(watch.garbage);
  if (found > 2 * watch.garbage_seen) take("garbage");
  watch.garbage_seen = found;
}

void restart_growth_watch() noexcept {
  asked_look.is_open.store(false, std::memory_order_relaxed);
  asked_look.beats.store(0, std::memory_order_relaxed);
  watch.import_ended = false;
  watch.beats = 0;
  watch.interval = kFirstInterval;
  watch.spent = 0;
  growth_clock.is_due.store(false, std::memory_order_relaxed);
  growth_clock.is_stopped.store(false, std::memory_order_relaxed);
}

}  // namespace hoop::cpython
