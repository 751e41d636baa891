// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_end.h"

#include <Python.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "cpython/resource_holders.h"
#include "cpython/resource_notes.h"
#include "cpython/resource_pools.h"
#include "cpython/resource_table.h"
#include "cpython/resource_types.h"

namespace hoop::cpython {
namespace {

// Of a place that opens one or two, they may well be meant to stay open until the end.
constexpr std::uint64_t kManyLeft = 3;

// Descriptors that an open file or socket owns: they are told of as that.
struct Owned {
  std::uint64_t bits[kMaxDescriptors / 64] = {};

  void add(int descriptor) {
    const auto index = static_cast<std::size_t>(descriptor);
    if (descriptor >= 0 && index < kMaxDescriptors) bits[index / 64] |= 1UL << index % 64;
  }
  [[nodiscard]] bool has(int descriptor) const {
    const auto index = static_cast<std::size_t>(descriptor);
    return index < kMaxDescriptors && (bits[index / 64] >> index % 64 & 1) != 0;
  }
};

bool is_child(std::uintptr_t key) {
  siginfo_t found{};
  const auto pid = static_cast<id_t>(key >> 8);
  // NOLINTNEXTLINE(misc-include-cleaner): it does not know sys/wait.h for these
  return ::waitid(P_PID, pid, &found, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool is_same_file(const OpenResource& one) {
  struct stat status {};
  return ::fstat(one.descriptor, &status) == 0 && status.st_ino == one.identity;
}

bool is_still_open(const OpenResource& one, ResourceKind kind, const Owned& owned) {
  auto* const object = reinterpret_cast<PyObject*>(one.key);
  switch (kind) {
    case ResourceKind::kEventLoop:
      return is_open(ResourceKind::kSocket, object);
    case ResourceKind::kProcess:
      return is_child(one.key);
    case ResourceKind::kDirectory:
      return ::access(resource_watch.paths[one.identity], F_OK) == 0;
    case ResourceKind::kDescriptor:
      return is_same_file(one) && !owned.has(one.descriptor);
    case ResourceKind::kPool:
      return one.identity == kLeftOpen;
    case ResourceKind::kOther:
      return false;
    default:
      return is_open(kind, object);
  }
}

// A thread that still runs may need what it opened.
bool is_of_running_thread(const OpenResource& one) {
  if (one.thread == PyThread_get_thread_ident()) return false;
  for (PyThreadState* thread = PyInterpreterState_ThreadHead(resource_watch.interpreter);
       thread != nullptr; thread = PyThreadState_Next(thread)) {
    if (thread->thread_id == one.thread) return true;
  }
  return false;
}

// An exception that ended the program holds what was open in its calls.
bool ended_by_exception() {
  return PySys_GetObject("last_type") != nullptr || PyErr_Occurred() != nullptr;
}

Owned find_owned() {
  Owned owned;
  resources.for_each([&](const OpenResource& one) {
    if (is_object(one) && one.descriptor >= 0)
      owned.add(descriptor_of(reinterpret_cast<PyObject*>(one.key)));
  });
  return owned;
}

void count_left() {
  const Owned owned = find_owned();
  resources.for_each([&](const OpenResource& one) {
    Place& place = resources.place_of(one);
    if (!is_still_open(one, place.key.kind, owned) || is_of_running_thread(one)) return;
    place.left.add(unused_for(one, place.key.kind));
  });
}

// Each has a pair of sockets, to be woken by.
void count_loops() {
  for (std::size_t i = 0; i < resources.place_count(); ++i) {
    Place& place = resources.place(i);
    if (place.key.kind != ResourceKind::kEventLoop) continue;
    place.left.count = (place.left.count + 1) / 2;
    place.opened = (place.opened + 1) / 2;
  }
}

// Objects of which Python is asked, each with its place. Python may run meanwhile, so they are
// held.
struct Examples {
  static constexpr std::size_t kMost = 8;
  PyObject* objects[kMost] = {};
  Place* places[kMost] = {};
  std::size_t count = 0;

  [[nodiscard]] bool has(const Place& place) const {
    return std::find(places, places + count, &place) != places + count;
  }
  void add(const OpenResource& one, Place& place) {
    if (count == kMost) return;
    objects[count] = Py_NewRef(reinterpret_cast<PyObject*>(one.key));
    places[count++] = &place;
  }
};

// Pools of multiprocessing say it themselves.
void count_running_pools() {
  Examples pools;
  resources.for_each([&](const OpenResource& one) {
    Place& place = resources.place_of(one);
    if (place.key.kind == ResourceKind::kPool && is_object(one) && one.identity != kLeftOpen)
      pools.add(one, place);
  });
  for (std::size_t i = 0; i < pools.count; ++i) {
    if (is_running_pool(pools.objects[i])) pools.places[i]->left.add(0);
    Py_DECREF(pools.objects[i]);
  }
}

// One of each place of which many were left is asked who holds it.
void name_holders() {
  Examples left;
  resources.for_each([&](const OpenResource& one) {
    Place& place = resources.place_of(one);
    if (is_object(one) && place.left.count >= kManyLeft && !left.has(place)) left.add(one, place);
  });
  for (std::size_t i = 0; i < left.count; ++i) {
    Place& place = *left.places[i];
    PyObject* object = left.objects[i];
    // The queue of a pool is a part of it.
    PyObject* const pool = place.key.kind == ResourceKind::kPool ? pool_of(object) : nullptr;
    if (pool != nullptr) Py_SETREF(object, pool);
    TextBuffer text(place.holder, sizeof place.holder);
    name_holder(object, text);
    Py_DECREF(object);
  }
}

}  // namespace

void count_what_is_left(bool is_counted) noexcept {
  if (is_counted && ended_by_exception()) is_counted = false;
  if (is_counted) count_left();
  count_loops();
  resource_watch.is_on = false;  // what is called from here on is our own
  if (is_counted) count_running_pools();
  name_holders();
  PyErr_Clear();
}

}  // namespace hoop::cpython
