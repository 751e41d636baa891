// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_watch.h"

#include <Python.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "cpython/builtin_functions.h"
#include "cpython/census.h"
#include "cpython/compat/call_stack.h"
#include "cpython/process.h"
#include "cpython/resource_holders.h"
#include "cpython/resource_places.h"
#include "cpython/resource_pools.h"
#include "cpython/resource_table.h"
#include "cpython/resource_types.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/report_process.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kMaxDescriptors = 8192;  // that have a time of last use
constexpr std::size_t kUsesBytes = kMaxDescriptors * sizeof(Nanoseconds);
// A file that the program closes this long after it was last read or written is closed late, if
// more of its place are open as well.
constexpr Nanoseconds kLateAfter = 10 * kSecond;
constexpr std::uint64_t kManyOpen = 3;
// Of a place that opens one or two, they may well be meant to stay open until the end.
constexpr std::uint64_t kManyLeft = 3;
constexpr std::size_t kMaxShown = 64;

// The last that were made: of older ones nothing is known.
constexpr std::size_t kPaths = 128;
constexpr std::size_t kPathBytes = 160;
constexpr std::size_t kProcesses = 1024;

struct ResourceWatch {
  bool is_on = false;
  PyInterpreterState* interpreter = nullptr;
  PyObject* closefd = nullptr;  // the name
  Nanoseconds late_after = kLateAfter;
  Nanoseconds* uses = nullptr;  // mapped: of a descriptor, when it was last used
  std::uint64_t paths_made = 0;
  std::uint64_t processes_made = 0;
  std::uintptr_t processes[kProcesses] = {};  // keys
  char paths[kPaths][kPathBytes] = {};
};
constinit ResourceWatch resource_watch;
constinit ResourceTable resources;

bool is_watching() {
  return resource_watch.is_on && PyInterpreterState_Get() == resource_watch.interpreter;
}

// What is no object has an odd key.
std::uintptr_t key_of(PyObject* object) { return reinterpret_cast<std::uintptr_t>(object); }
std::uintptr_t key_of_process(long pid) { return static_cast<std::uintptr_t>(pid) << 8 | 1; }
std::uintptr_t key_of_descriptor(long descriptor) {
  return static_cast<std::uintptr_t>(descriptor) << 8 | 3;
}
std::uintptr_t key_of_path(const char* path, std::size_t length) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (std::size_t i = 0; i < length; ++i)
    hash = (hash ^ static_cast<unsigned char>(path[i])) * 0x100000001B3;
  return static_cast<std::uintptr_t>(hash) << 8 | 5;
}

OpenResource* note(std::uintptr_t key, const Caller& caller, ResourceKind kind) {
  Place* const place = place_of_caller(resources, caller, kind);
  OpenResource* const one = place != nullptr ? resources.add(key, *place) : nullptr;
  if (one == nullptr) return nullptr;
  one->opened = os::monotonic_now_coarse();
  one->thread = PyThread_get_thread_ident();
  return one;
}

Nanoseconds last_use_of_file(int descriptor) {
  const bool is_known = descriptor >= 0 && static_cast<std::size_t>(descriptor) < kMaxDescriptors;
  return is_known && resource_watch.uses != nullptr ? resource_watch.uses[descriptor] : 0;
}

// The system knows when a connection last had data. 0: it is none.
Nanoseconds last_use_of_socket(int descriptor, Nanoseconds now) {
  tcp_info info{};
  socklen_t size = sizeof info;
  const int saved = errno;
  const bool is_known =
      ::getsockopt(descriptor, SOL_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_state != 0;
  errno = saved;
  if (!is_known) return 0;
  const Nanoseconds ago =
      std::min(info.tcpi_last_data_sent, info.tcpi_last_data_recv) * kMillisecond;
  return now > ago ? now - ago : 0;
}

// Where nothing is known of its use, since it was opened.
Nanoseconds unused_for(const OpenResource& one, ResourceKind kind) {
  const Nanoseconds now = os::monotonic_now_coarse();
  Nanoseconds since = one.opened;
  if (kind == ResourceKind::kFile) since = std::max(since, last_use_of_file(one.descriptor));
  if (kind == ResourceKind::kSocket)
    since = std::max(since, last_use_of_socket(one.descriptor, now));
  return now > since ? now - since : 0;
}

// --- what the types tell ---

bool closes_its_descriptor(PyObject* file) {
  PyObject* const flag = PyObject_GetAttr(file, resource_watch.closefd);
  const bool result = flag == Py_True;
  Py_XDECREF(flag);
  PyErr_Clear();
  return result;
}

void name_type(Place& place, PyTypeObject* type) {
  if (place.type[0] != 0) return;
  TextBuffer text(place.type, sizeof place.type);
  Census::name_of(type, text);
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

void count_finalized(OpenResource* one) {
  Place& place = resources.place_of(*one);
  place.finalized.add(unused_for(*one, place.key.kind));
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

constexpr std::uint64_t kLeftOpen = 1;  // identity of a pool that Python itself had to end

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

// --- functions of modules ---

using Function = PyObject* (*)(void*, void*, void*, void*, void*);

// What stands behind a built-in function, however that is called.
struct Behind {
  Function original = nullptr;

  void replace(PyObject* module, const char* name, Function replacement) {
    PyObject* const function = module != nullptr ? PyObject_GetAttrString(module, name) : nullptr;
    if (function != nullptr && PyCFunction_CheckExact(function)) {
      PyMethodDef* const definition = reinterpret_cast<PyCFunctionObject*>(function)->m_ml;
      auto* const slot = reinterpret_cast<Function*>(&definition->ml_meth);
      if (*slot != replacement) original = *slot;
      *slot = replacement;
    }
    Py_XDECREF(function);
    PyErr_Clear();
  }
};
constinit Behind fork_exec;
constinit Behind spawn;
constinit Behind make_directory;
constinit Behind make_pipe;
constinit Behind open_descriptor;
constinit Behind exec_dynamic;
constinit Behind exec_builtin;
constinit Behind warn;

long as_long(PyObject* number) {
  const long value = number != nullptr && PyLong_CheckExact(number) ? PyLong_AsLong(number) : -1;
  if (value == -1) PyErr_Clear();
  return value;
}

// By subprocess.Popen: others (multiprocessing) look after their processes themselves.
void note_process(long pid) {
  if (pid <= 0 || !is_watching()) return;
  if (!is_called_by("_execute_child") && !is_called_by("_posix_spawn")) return;
  std::uintptr_t& slot = resource_watch.processes[resource_watch.processes_made++ % kProcesses];
  if (slot != 0) {
    if (OpenResource* const oldest = resources.find(slot)) resources.remove(oldest);
  }
  slot = key_of_process(pid);
  note(slot, find_caller(), ResourceKind::kProcess);
}

PyObject* call_fork_exec(void* a, void* b, void* c, void* d, void* e) {
  PyObject* const result = fork_exec.original(a, b, c, d, e);
  if (result != nullptr) note_process(as_long(result));
  return result;
}

PyObject* call_spawn(void* a, void* b, void* c, void* d, void* e) {
  PyObject* const result = spawn.original(a, b, c, d, e);
  if (result != nullptr) note_process(as_long(result));
  return result;
}

void note_directory(const char* path) {
  const std::size_t length = std::strlen(path);
  if (length == 0 || length >= kPathBytes) return;
  if (!is_called_by("mkdtemp")) return;
  const std::size_t index = resource_watch.paths_made++ % kPaths;
  char* const text = resource_watch.paths[index];
  if (text[0] != 0) {
    if (OpenResource* const oldest = resources.find(key_of_path(text, std::strlen(text))))
      resources.remove(oldest);
  }
  std::memcpy(text, path, length + 1);
  if (OpenResource* const one =
          note(key_of_path(path, length), find_caller(), ResourceKind::kDirectory))
    one->identity = index;
}

PyObject* call_make_directory(void* a, void* b, void* c, void* d, void* e) {
  PyObject* const result = make_directory.original(a, b, c, d, e);
  if (result == nullptr || !is_watching() || reinterpret_cast<Py_ssize_t>(c) < 1) return result;
  note_directory(narrow_text(static_cast<PyObject* const*>(b)[0]));
  return result;
}

// Descriptors that the program's own code asks for, and has to close itself.
void note_descriptor(long descriptor) {
  const Caller caller = find_direct_caller();
  struct stat status {};
  if (descriptor < 0 || caller.code == nullptr || is_installed_package(caller)) return;
  if (::fstat(static_cast<int>(descriptor), &status) != 0) return;
  OpenResource* const one = note(key_of_descriptor(descriptor), caller, ResourceKind::kDescriptor);
  if (one == nullptr) return;
  one->descriptor = static_cast<int>(descriptor);
  one->identity = status.st_ino;
}

PyObject* call_make_pipe(void* a, void* b, void* c, void* d, void* e) {
  PyObject* const result = make_pipe.original(a, b, c, d, e);
  if (result == nullptr || !is_watching() || !PyTuple_CheckExact(result)) return result;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(result); ++i)
    note_descriptor(as_long(PyTuple_GET_ITEM(result, i)));
  if (PyTuple_GET_SIZE(result) == 2) see_pipe_of_pool(as_long(PyTuple_GET_ITEM(result, 0)));
  return result;
}

PyObject* call_open_descriptor(void* a, void* b, void* c, void* d, void* e) {
  PyObject* const result = open_descriptor.original(a, b, c, d, e);
  if (result != nullptr && is_watching()) note_descriptor(as_long(result));
  return result;
}

void watch_module(PyObject* module) {
  watch_types_of(module);
  watch_pools_of(module);
  const char* const name = PyModule_Check(module) ? PyModule_GetName(module) : nullptr;
  if (name != nullptr && std::strcmp(name, "_posixsubprocess") == 0)
    fork_exec.replace(module, "fork_exec", call_fork_exec);
  PyErr_Clear();
}

PyObject* exec_by(Behind& behind, void* a, void* b, void* c, void* d, void* e) {
  PyObject* const result = behind.original(a, b, c, d, e);
  if (result != nullptr && b != nullptr && resource_watch.is_on)
    watch_module(static_cast<PyObject*>(b));
  return result;
}
PyObject* call_exec_dynamic(void* a, void* b, void* c, void* d, void* e) {
  return exec_by(exec_dynamic, a, b, c, d, e);
}
PyObject* call_exec_builtin(void* a, void* b, void* c, void* d, void* e) {
  return exec_by(exec_builtin, a, b, c, d, e);
}

// --- what is written in Python says it by a warning ---

// Arguments of warnings.warn(message, category, stacklevel, source).
struct Warning {
  PyObject* message = nullptr;
  PyObject* category = nullptr;
  PyObject* source = nullptr;
};

Warning read_warning(PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  Warning read;
  const Py_ssize_t positional = PyVectorcall_NARGS(static_cast<std::size_t>(count));
  if (positional > 0) read.message = arguments[0];
  if (positional > 1) read.category = arguments[1];
  if (positional > 3) read.source = arguments[3];
  const Py_ssize_t named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    const char* const name = narrow_text(PyTuple_GET_ITEM(names, i));
    PyObject* const value = arguments[positional + i];
    if (std::strcmp(name, "message") == 0) read.message = value;
    if (std::strcmp(name, "category") == 0) read.category = value;
    if (std::strcmp(name, "source") == 0) read.source = value;
  }
  return read;
}

// What `source` is known by: a process by its number, a loop or a transport by its socket or file.
OpenResource* find_by_parts(PyObject* source) {
  if (OpenResource* const one = resources.find(key_of(source))) return one;
  for (const char* const name : {"pid", "_pid"}) {
    PyObject* const number = PyObject_GetAttrString(source, name);
    const long pid = as_long(number);
    Py_XDECREF(number);
    PyErr_Clear();
    if (pid <= 0) continue;
    if (OpenResource* const one = resources.find(key_of_process(pid))) return one;
  }
  for (const char* const name : {"_ssock", "_sock", "_pipe", "_taskqueue"}) {
    PyObject* const part = PyObject_GetAttrString(source, name);
    OpenResource* const one = part != nullptr ? resources.find(key_of(part)) : nullptr;
    Py_XDECREF(part);
    PyErr_Clear();
    if (one != nullptr) return one;
  }
  return nullptr;
}

// "Implicitly cleaning up <TemporaryDirectory '/tmp/x'>"
OpenResource* find_by_message(PyObject* message) {
  constexpr char kStart[] = "<TemporaryDirectory '";
  const char* const text = narrow_text(message);
  const char* const start = std::strstr(text, kStart);
  if (start == nullptr) return nullptr;
  const char* const path = start + sizeof kStart - 1;
  const char* const end = std::strrchr(path, '\'');
  return end != nullptr ? resources.find(key_of_path(path, static_cast<std::size_t>(end - path)))
                        : nullptr;
}

bool is_at_exit() {
  bool found = false;
  for_each_call(
      [](void* context, const Call& call) {
        auto& is_found = *static_cast<bool*>(context);
        is_found = std::strcmp(narrow_text(call.code->co_name), "_exitfunc") == 0;
        return !is_found;
      },
      &found);
  return found;
}

// Temporary directories go before we look at what is left, by weakref.finalize.
void count_directory(OpenResource* one) {
  if (!is_at_exit()) {
    count_finalized(one);
    return;
  }
  Place& place = resources.place_of(*one);
  place.left.add(unused_for(*one, place.key.kind));
  resources.remove(one);
}

// What we did not see opened. The socket of a transport was finalized before it, and is counted.
void count_by_type(PyTypeObject* type) {
  FixedText<sizeof Place::type> name;
  Census::name_of(type, name);
  if (std::strncmp(name.data(), "asyncio.", 8) == 0) return;
  Place* const place = place_of_type(resources, type);
  if (place == nullptr) return;
  name_type(*place, type);
  place->finalized.add(0);
}

void count_warning(const Warning& warning) {
  OpenResource* const one = warning.source != nullptr && warning.source != Py_None
                                ? find_by_parts(warning.source)
                                : find_by_message(warning.message);
  if (one != nullptr) {
    Place& place = resources.place_of(*one);
    if (place.key.kind == ResourceKind::kDirectory) {
      count_directory(one);
      return;
    }
    name_type(place, Py_TYPE(warning.source));
    count_finalized(one);
    return;
  }
  if (warning.source != nullptr && warning.source != Py_None)
    count_by_type(Py_TYPE(warning.source));
}

PyObject* call_warn(void* a, void* b, void* c, void* d, void* e) {
  if (is_watching()) {
    const Warning warning =
        read_warning(static_cast<PyObject* const*>(b), reinterpret_cast<Py_ssize_t>(c),
                     static_cast<PyObject*>(d));
    if (warning.category == PyExc_ResourceWarning) {
      PyObject* type = nullptr;
      PyObject* value = nullptr;
      PyObject* traceback = nullptr;
      PyErr_Fetch(&type, &value, &traceback);
      count_warning(warning);
      PyErr_Restore(type, value, traceback);
    }
  }
  return warn.original(a, b, c, d, e);
}

// --- the end ---

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

bool is_object(const OpenResource& one) { return one.key % 2 == 0; }

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
  PyObject* const machinery = PyDict_GetItemString(modules, "_imp");
  exec_dynamic.replace(machinery, "exec_dynamic", call_exec_dynamic);
  exec_builtin.replace(machinery, "exec_builtin", call_exec_builtin);
  PyObject* const posix = PyDict_GetItemString(modules, "posix");
  make_directory.replace(posix, "mkdir", call_make_directory);
  spawn.replace(posix, "posix_spawn", call_spawn);
  make_pipe.replace(posix, "pipe", call_make_pipe);
  open_descriptor.replace(posix, "open", call_open_descriptor);
  warn.replace(PyDict_GetItemString(modules, "_warnings"), "warn", call_warn);
  PyObject* const starter = PyDict_GetItemString(modules, "_posixsubprocess");
  if (starter != nullptr) watch_module(starter);
  resource_watch.is_on = true;
}

void close_resource_watch(OpenAtEnd open) noexcept {
  if (!is_watching()) return;
  const bool is_counted = open == OpenAtEnd::kCounted && !ended_by_exception();
  if (is_counted) count_left();
  count_loops();
  resource_watch.is_on = false;  // what is called from here on is our own
  if (is_counted) count_running_pools();
  name_holders();
  PyErr_Clear();
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
