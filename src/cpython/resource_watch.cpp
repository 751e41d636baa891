// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_watch.h"

#include <Python.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "cpython/process.h"
#include "cpython/resource_end.h"
#include "cpython/resource_functions.h"
#include "cpython/resource_notes.h"
#include "cpython/resource_places.h"
#include "cpython/resource_pools.h"
#include "cpython/resource_table.h"
#include "cpython/resource_types.h"
#include "cpython/resource_warnings.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/report_process.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kUsesBytes = kMaxDescriptors * sizeof(Nanoseconds);
// A file that the program closes this long after it was last read or written is closed late, if
// more of its place are open as well.
constexpr Nanoseconds kLateAfter = 10 * kSecond;
constexpr std::uint64_t kManyOpen = 3;
constexpr std::size_t kMaxShown = 64;

// --- what the types tell ---

bool closes_its_descriptor(PyObject* file) {
  PyObject* const flag = PyObject_GetAttr(file, resource_watch.closefd);
  const bool result = flag == Py_True;
  Py_XDECREF(flag);
  PyErr_Clear();
  return result;
}

void on_opened(ResourceKind kind, PyObject* object) {
  if (!is_watching() || !is_open(kind, object)) return;
  const Caller caller = find_caller();
  if (caller.code == nullptr) return;
  // A package that maps a file has its own ways to keep it, and CPython says nothing of it either.
  if (kind == ResourceKind::kMmap && is_installed_package(caller)) return;
  if (kind == ResourceKind::kFile && !closes_its_descriptor(object)) return;
  const bool is_loop = kind == ResourceKind::kSocket && caller.is_loop;
  OpenResource* const one = note(key_of(object), caller, is_loop ? ResourceKind::kEventLoop : kind);
  if (one == nullptr) return;
  if (kind == ResourceKind::kFile || kind == ResourceKind::kSocket)
    one->descriptor = descriptor_of(object);
  if (!is_loop) name_type(resources.place_of(*one), Py_TYPE(object));
}

void on_used(int descriptor) {
  if (descriptor >= 0 && static_cast<std::size_t>(descriptor) < kMaxDescriptors &&
      resource_watch.uses != nullptr)
    resource_watch.uses[descriptor] = os::monotonic_now_coarse();
}

void on_closes(ResourceKind, PyObject* object) {
  if (!is_watching()) return;
  OpenResource* const one = resources.find(key_of(object));
  if (one == nullptr) return;
  Place& place = resources.place_of(*one);
  const Nanoseconds unused = unused_for(*one, place.key.kind);
  if (unused >= resource_watch.late_after && place.open_now >= kManyOpen) place.late.add(unused);
  resources.remove(one);
}

// The sockets of an event loop may go before the loop does, which says so itself.
void on_finalized(ResourceKind, PyObject* object) {
  if (!is_watching()) return;
  OpenResource* const one = resources.find(key_of(object));
  if (one != nullptr && resources.place_of(*one).key.kind != ResourceKind::kEventLoop)
    count_finalized(one);
}

void on_dies(ResourceKind, PyObject* object) {
  if (!is_watching()) return;
  if (OpenResource* const one = resources.find(key_of(object))) resources.remove(one);
}

// --- pools of workers ---

// A package has its own ways to keep its pools.
void note_pool(std::uintptr_t key, const char* type) {
  const Caller caller = find_caller();
  if (!is_watching() || caller.code == nullptr || is_installed_package(caller)) return;
  OpenResource* const one = note(key, caller, ResourceKind::kPool);
  if (one == nullptr) return;
  Place& place = resources.place_of(*one);
  TextBuffer(place.type, sizeof place.type).add(type);
}

void on_pool_opened(PyObject* queue, const char* type) { note_pool(key_of(queue), type); }

void on_pool_opened_by_pipe(long descriptor, const char* type) {
  note_pool(key_of_descriptor(descriptor), type);
}

OpenResource* find_pool(std::uintptr_t key) {
  OpenResource* const one = is_watching() ? resources.find(key) : nullptr;
  return one != nullptr && one->identity != kLeftOpen ? one : nullptr;
}

void on_pool_closes(PyObject* queue) {
  if (OpenResource* const one = find_pool(key_of(queue))) resources.remove(one);
}

void on_pool_finalized(PyObject* queue) {
  if (OpenResource* const one = find_pool(key_of(queue))) count_finalized(one);
}

void on_pool_left(PyObject* queue) {
  if (OpenResource* const one = find_pool(key_of(queue))) one->identity = kLeftOpen;
}

void on_pool_left_by_pipe(long descriptor) {
  OpenResource* const one = find_pool(key_of_descriptor(descriptor));
  if (one != nullptr && resources.place_of(*one).key.kind == ResourceKind::kPool)
    one->identity = kLeftOpen;
}

void on_pool_dies(PyObject* queue) { on_dies(ResourceKind::kPool, queue); }

// --- the figures ---

Nanoseconds late_after_of_environment() {
  const char* const text = os::variable("HOOP_CLOSED_LATE");
  const char* at = text;
  return text != nullptr ? parse_decimal(at) * kMillisecond : kLateAfter;
}

bool is_switched_off() {
  const char* const text = os::variable("HOOP_RESOURCES");
  return text != nullptr && std::strcmp(text, "off") == 0;
}

bool is_worth_telling(const Place& place) {
  return place.finalized.count + place.late.count + place.left.count > 0;
}

void write_lateness(JsonFile& json, const char* key, const Lateness& lateness) {
  json.begin_object(key).number("count", lateness.count);
  json.number("longest_ns", lateness.longest).end_object();
}

void write_place(JsonFile& json, const Place& place) {
  json.begin_object().string("kind", name_of(place.key.kind));
  json.string("type", place.type[0] != 0 ? place.type : nullptr);
  json.string("file", place.file[0] != 0 ? place.file : nullptr);
  json.number("line", static_cast<std::uint64_t>(std::max(place.key.line, 0)));
  json.string("function", place.function[0] != 0 ? place.function : nullptr);
  json.number("opened", place.opened);
  write_lateness(json, "finalized", place.finalized);
  write_lateness(json, "late", place.late);
  write_lateness(json, "left", place.left);
  json.string("holder", place.holder[0] != 0 ? place.holder : nullptr).end_object();
}

}  // namespace

void open_resource_watch() noexcept {
  if (process.run_dir == nullptr || is_switched_off()) return;
  // Of an interpreter before this one nothing is left.
  forget_resources();
  resource_watch.is_on = false;
  learn_standard_library();
  resource_watch.interpreter = PyInterpreterState_Get();
  resource_watch.closefd = PyUnicode_InternFromString("closefd");
  if (resource_watch.closefd == nullptr) return PyErr_Clear();
  resource_watch.late_after = late_after_of_environment();
  if (resource_watch.uses == nullptr)
    resource_watch.uses = static_cast<Nanoseconds*>(os::map_sparse(kUsesBytes));
  watch_types(ResourceListener{on_opened, on_used, on_closes, on_finalized, on_dies});
  watch_pools(PoolListener{on_pool_opened, on_pool_opened_by_pipe, on_pool_closes,
                           on_pool_finalized, on_pool_left, on_pool_left_by_pipe, on_pool_dies});
  PyObject* const modules = PyImport_GetModuleDict();
  watch_functions(modules);
  watch_warnings(modules);
  resource_watch.is_on = true;
}

void close_resource_watch(OpenAtEnd open) noexcept {
  if (is_watching()) count_what_is_left(open == OpenAtEnd::kCounted);
}

void reopen_resource_watch() noexcept {
  resource_watch.is_on = resource_watch.interpreter != nullptr;
}

void forget_resources() noexcept {
  resources.forget();
  resource_watch.paths_made = resource_watch.processes_made = 0;
  std::memset(resource_watch.paths, 0, sizeof resource_watch.paths);
  std::memset(resource_watch.processes, 0, sizeof resource_watch.processes);
  resource_watch.is_on = resource_watch.interpreter != nullptr;
}

void write_resources(JsonFile& json) noexcept {
  json.begin_object("resources").number("unseen", resources.unseen());
  json.begin_array("places");
  std::size_t shown = 0;
  for (std::size_t i = 0; i < resources.place_count() && shown < kMaxShown; ++i) {
    if (!is_worth_telling(resources.place(i))) continue;
    write_place(json, resources.place(i));
    ++shown;
  }
  json.end_array();
  json.end_object();
}

}  // namespace hoop::cpython