// SPDX-License-Identifier: Apache-2.0
// The agent as a Python module: `hoopsnake._agent`. The same file that the shim opened, so the same
// heap.
#include <Python.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "cpython/agent.h"
#include "cpython/allocator.h"
#include "cpython/collection_records.h"
#include "cpython/collector.h"
#include "cpython/collector_choice.h"
#include "cpython/interpreter_hooks.h"
#include "cpython/rss_account.h"
#include "cpython/snapshot_copy.h"
#include "heap/fault.h"
#include "heap/statistics.h"

namespace hoop::cpython {
namespace {

PyObject* stats(PyObject*, PyObject*) {
  heap::Statistics figures;
  RssAccount rss;
  {
    const HeapLock lock;
    figures = process_heap.statistics();
    rss = take_rss_account(process_heap, figures);
  }
  std::size_t direct = 0;
  for (const auto& domain : figures.domains) direct += domain.direct_bytes;
  const std::size_t held = figures.committed_bytes + direct;
  const double fragmentation = rss.heap_resident == 0 ? 0.0
                                                      : static_cast<double>(rss.heap_free) /
                                                            static_cast<double>(rss.heap_resident);
  return Py_BuildValue(
      "{sn sn sn sn sn sn sn sn sn sn sn sd}", "reserved", figures.reserved_bytes, "committed",
      figures.committed_bytes, "in_use", rss.heap_in_use, "free_resident", rss.heap_free,
      "free_returned", held > rss.heap_resident ? held - rss.heap_resident : 0, "metadata",
      rss.heap_metadata, "direct", direct, "huge_pages", rss.heap_huge_pages, "returned_total",
      figures.given_back_bytes, "trim_ns", static_cast<std::size_t>(figures.trim_time),
      "live_blocks", figures.live_blocks(), "fragmentation", fragmentation);
}

std::size_t trim_locked() {
  const HeapLock lock;
  return process_heap.trim();
}

// Results are made without the lock: making them allocates.
PyObject* trim(PyObject*, PyObject*) { return PyLong_FromSize_t(trim_locked()); }

PyObject* epoch(PyObject*, PyObject*) {
  start_epoch();
  Py_RETURN_NONE;
}

// (collector: "concurrent", "inplace" or "stock")
PyObject* install(PyObject*, PyObject* arguments) {
  const char* name = "concurrent";
  auto choice = CollectorChoice::kConcurrent;
  if (!PyArg_ParseTuple(arguments, "|s", &name)) return nullptr;
  if (!parse_collector(name, choice)) {
    PyErr_SetString(PyExc_ValueError, "a collector is concurrent, inplace or stock");
    return nullptr;
  }
  const char* const reason = install_late(choice);
  if (reason == nullptr) Py_RETURN_TRUE;
  PyErr_SetString(PyExc_RuntimeError, reason);
  return nullptr;
}

PyObject* status(PyObject*, PyObject*) {
  return Py_BuildValue("{sO sz}", "active", agent_is_active() ? Py_True : Py_False, "reason",
                       agent_reason());
}

PyObject* collect(PyObject*, PyObject*) { return collect_now(); }

PyObject* dictionary_of(const CollectionRecord& record) {
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  return Py_BuildValue(
      "{sK ss ss ss sz sK sK sK sK sK sK sK sK sK sK sK sK sK}", "at_ns", number(record.at),
      "trigger", name_of(record.trigger), "mode", name_of(record.mode), "outcome",
      name_of(record.outcome), "reason", record.reason, "pause_ns", number(record.pause),
      "search_ns", number(record.search), "judge_ns", number(record.judging), "longest_judge_ns",
      number(record.longest_judging), "batches", number(record.batches), "objects",
      number(record.objects), "candidates", number(record.candidates), "components",
      number(record.components), "largest_component", number(record.largest_component), "freed",
      number(record.freed), "dropped_died", number(record.died), "dropped_untracked",
      number(record.untracked), "survived", number(record.survived));
}

// Appends and lets go; false with an exception set.
bool append(PyObject* list, PyObject* item) {
  const bool done = item != nullptr && PyList_Append(list, item) == 0;
  Py_XDECREF(item);
  return done;
}

PyObject* collections(PyObject*, PyObject*) {
  PyObject* const list = PyList_New(0);
  bool done = list != nullptr;
  for (std::size_t i = 0; done && i < collection_history.size(); ++i) {
    const CollectionRecord record = collection_history[i];  // making objects may collect
    done = append(list, dictionary_of(record));
  }
  if (done) return list;
  Py_XDECREF(list);
  return nullptr;
}

// Waits without the GIL; signals are seen to meanwhile.
bool wait_for_snapshot(SnapshotReport& report) {
  constexpr useconds_t kFirst = 500, kLongest = 20'000;
  bool is_done = false;
  for (useconds_t pause = kFirst; !is_done; pause = pause < kLongest ? pause * 2 : pause) {
    Py_BEGIN_ALLOW_THREADS is_done = snapshot_copy.poll(report);
    if (!is_done) ::usleep(pause);
    Py_END_ALLOW_THREADS if (is_done || PyErr_CheckSignals() == 0) continue;
    snapshot_copy.end();
    return false;
  }
  return true;
}

// (file: descriptor, with_values: bool)
PyObject* snapshot(PyObject*, PyObject* arguments) {
  int file = -1;
  int with_values = 0;
  if (!PyArg_ParseTuple(arguments, "ip", &file, &with_values)) return nullptr;
  const char* failure = prepare_snapshots();
  if (failure == nullptr)
    failure = snapshot_copy.start(file, with_values != 0, "snapshot()", Instant::kPython);
  SnapshotReport report;
  if (failure == nullptr && !wait_for_snapshot(report)) return nullptr;
  if (failure == nullptr) failure = report.failure;
  if (failure != nullptr) {
    PyErr_SetString(PyExc_OSError, failure);
    return nullptr;
  }
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  return Py_BuildValue("{sK sK sK sK sK}", "objects", number(report.outcome.objects), "bytes",
                       number(report.outcome.bytes), "damaged", number(report.outcome.damaged),
                       "pause_ns", number(report.pause), "write_ns", number(report.outcome.took));
}

PyObject* describe_collector(PyObject*, PyObject*) {
  const StopHistogram stops = stop_histogram;
  PyObject* const pauses = PyList_New(0);
  if (pauses == nullptr) return nullptr;
  for (unsigned i = 0; i < kStopBuckets; ++i) {
    const auto count = [&](Stop kind) {
      return static_cast<unsigned long long>(stops.counts[i][static_cast<unsigned>(kind)]);
    };
    PyObject* const row =
        Py_BuildValue("KKKK", static_cast<unsigned long long>(StopHistogram::bound_of(i)),
                      count(Stop::kYoung), count(Stop::kFull), count(Stop::kOurs));
    if (append(pauses, row)) continue;
    Py_DECREF(pauses);
    return nullptr;
  }
  return Py_BuildValue(
      "{ss sz sK sN}", "mode", collector_mode(), "reason", collector_reason(), "collections",
      static_cast<unsigned long long>(collection_history.totals().collections), "pauses", pauses);
}

bool heap_is_valid(heap::FaultReport& report) {
  const HeapLock lock;
  return process_heap.validate(&report);
}

PyObject* validate(PyObject*, PyObject*) {
  heap::FaultReport report;
  if (heap_is_valid(report)) Py_RETURN_NONE;
  FixedText<256> text;
  heap::describe(report, text);
  PyErr_SetString(PyExc_RuntimeError, text.data());
  return nullptr;
}

PyMethodDef functions[] = {
    {"stats", stats, METH_NOARGS, "The heap's figures, in bytes."},
    {"trim", trim, METH_NOARGS,
     "Gives back all free memory that can be given back; returns the bytes."},
    {"epoch", epoch, METH_NOARGS, "Starts a new epoch."},
    {"install", install, METH_VARARGS,
     "Puts the heap under this interpreter; RuntimeError with the reason if it cannot."},
    {"collect", collect, METH_NOARGS,
     "A full collection, in place; returns what gc.collect() would."},
    {"collections", collections, METH_NOARGS, "The last full collections, oldest first."},
    {"snapshot", snapshot, METH_VARARGS, "Writes a snapshot into an open file."},
    {"collector", describe_collector, METH_NOARGS,
     "Which collector is at work, and how long stops were."},
    {"status", status, METH_NOARGS, "Whether the heap serves this process, and why not."},
    {"validate", validate, METH_NOARGS, "Walks the whole heap; RuntimeError says what is damaged."},
    {nullptr, nullptr, 0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "_agent",
                          "Hoopsnake's heap in this process.",
                          0,
                          functions,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace
}  // namespace hoop::cpython

PyMODINIT_FUNC PyInit__agent() { return PyModule_Create(&hoop::cpython::definition); }
