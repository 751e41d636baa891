// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/gc_state.h"

#include <Python.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace hoop::cpython {
namespace {

constexpr char kUnknownLayout[] = "the collector of this Python is laid out in an unknown way";
constexpr int kWordsSearched = 40;  // behind the generations

#if PY_VERSION_HEX >= 0x030E0000

// 3.14.0 to 3.14.4 have an incremental collector, of which nothing here holds.
const char* reason_in_version() {
  constexpr long kFirstGenerational = 5;
  const char* const version = Py_GetVersion();
  const bool is_3_14 = std::strncmp(version, "3.14.", 5) == 0;
  const bool is_incremental = is_3_14 && std::strtol(version + 5, nullptr, 10) < kFirstGenerational;
  return is_incremental ? "3.14.0 to 3.14.4 have an incremental one (3.14.5 and later do not)"
                        : nullptr;
}

// Before the pointer to the youngest generation.
std::uintptr_t* find_long_lived(std::uintptr_t* behind_callbacks, const std::uintptr_t* end,
                                const Generation* youngest) {
  for (std::uintptr_t* word = behind_callbacks + 2; word < end; ++word)
    if (*word == reinterpret_cast<std::uintptr_t>(youngest)) return word - 2;
  return nullptr;
}

#else

const char* reason_in_version() { return nullptr; }

std::uintptr_t* find_long_lived(std::uintptr_t* behind_callbacks, const std::uintptr_t*,
                                const Generation*) {
  return behind_callbacks;
}

#endif

// New objects are tracked at the end of the youngest generation, so what follows one is its head.
Generation* find_youngest() {
  PyObject* const list = PyList_New(0);
  PyObject* const probe = list != nullptr ? PyTuple_Pack(1, list) : nullptr;
  ListNode* const head = probe != nullptr ? node_of(probe)->after() : nullptr;
  const bool is_linked = head != nullptr && head->before() == node_of(probe);
  Py_XDECREF(probe);
  Py_XDECREF(list);
  return is_linked ? reinterpret_cast<Generation*>(head) : nullptr;
}

bool get_thresholds(PyObject* gc_module, int (&thresholds)[kGenerationCount]) {
  PyObject* const answer = PyObject_CallMethod(gc_module, "get_threshold", nullptr);
  const bool ok = answer != nullptr && PyTuple_Check(answer) != 0 &&
                  PyArg_ParseTuple(answer, "iii", &thresholds[0], &thresholds[1], &thresholds[2]);
  Py_XDECREF(answer);
  return ok;
}

bool is_circular(const Generation& generation) {
  const ListNode& head = generation.head;
  return head.next != 0 && head.prev != 0 && head.after()->before() == &head &&
         head.before()->after() == &head;
}

bool agree(PyObject* gc_module, const Generation* generations) {
  int thresholds[kGenerationCount];
  if (!get_thresholds(gc_module, thresholds)) return false;
  for (int i = 0; i < kGenerationCount; ++i) {
    if (generations[i].threshold != thresholds[i] || !is_circular(generations[i])) return false;
  }
  return true;
}

// `garbage` and `callbacks` stand side by side, the totals somewhere behind.
LongLived* find_totals(PyObject* gc_module, Generation* generations) {
  PyObject* const garbage = PyObject_GetAttrString(gc_module, "garbage");
  PyObject* const callbacks = PyObject_GetAttrString(gc_module, "callbacks");
  auto* const words = reinterpret_cast<std::uintptr_t*>(generations + kGenerationCount);
  std::uintptr_t* found = nullptr;
  for (int i = 0; found == nullptr && i + 1 < kWordsSearched; ++i) {
    if (words[i] != reinterpret_cast<std::uintptr_t>(garbage)) continue;
    if (words[i + 1] != reinterpret_cast<std::uintptr_t>(callbacks)) continue;
    found = find_long_lived(words + i + 2, words + kWordsSearched, generations);
  }
  Py_XDECREF(callbacks);
  Py_XDECREF(garbage);
  constexpr Py_ssize_t kMostObjects = Py_ssize_t{1} << 40;
  auto* const totals = reinterpret_cast<LongLived*>(found);
  if (totals == nullptr || totals->total < 0 || totals->total > kMostObjects) return nullptr;
  return totals->pending < 0 || totals->pending > kMostObjects ? nullptr : totals;
}

}  // namespace

const char* find_gc_state(PyObject* gc_module, GcState& state) noexcept {
  if (const char* const reason = reason_in_version()) return reason;
  Generation* const generations = find_youngest();
  const bool known = generations != nullptr && agree(gc_module, generations);
  LongLived* const totals = known ? find_totals(gc_module, generations) : nullptr;
  PyErr_Clear();
  if (totals == nullptr) return kUnknownLayout;
  state = GcState{generations, totals};
  return nullptr;
}

}  // namespace hoop::cpython
