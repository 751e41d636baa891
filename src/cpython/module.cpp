// SPDX-License-Identifier: Apache-2.0
// The agent as a Python module: `hoopsnake._agent`. The same file that the shim opened, so the same
// heap.
#include <Python.h>

#include <cstddef>

#include "base/text.h"
#include "cpython/agent.h"
#include "cpython/allocator.h"
#include "cpython/rss_account.h"
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

PyObject* install(PyObject*, PyObject*) {
  const char* const reason = install_late();
  if (reason == nullptr) Py_RETURN_TRUE;
  PyErr_SetString(PyExc_RuntimeError, reason);
  return nullptr;
}

PyObject* status(PyObject*, PyObject*) {
  return Py_BuildValue("{sO sz}", "active", agent_is_active() ? Py_True : Py_False, "reason",
                       agent_reason());
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
    {"install", install, METH_NOARGS,
     "Puts the heap under this interpreter; RuntimeError with the reason if it cannot."},
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
