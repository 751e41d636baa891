// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_functions.h"

#include <Python.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cpython/behind.h"
#include "cpython/resource_notes.h"
#include "cpython/resource_places.h"
#include "cpython/resource_pools.h"
#include "cpython/resource_table.h"
#include "cpython/resource_types.h"

namespace hoop::cpython {
namespace {

constinit Behind fork_exec;
constinit Behind spawn;
constinit Behind make_directory;
constinit Behind make_pipe;
constinit Behind open_descriptor;
constinit Behind exec_dynamic;
constinit Behind exec_builtin;

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

}  // namespace

void watch_functions(PyObject* modules) noexcept {
  PyObject* const machinery = PyDict_GetItemString(modules, "_imp");
  exec_dynamic.replace(machinery, "exec_dynamic", call_exec_dynamic);
  exec_builtin.replace(machinery, "exec_builtin", call_exec_builtin);
  PyObject* const posix = PyDict_GetItemString(modules, "posix");
  make_directory.replace(posix, "mkdir", call_make_directory);
  spawn.replace(posix, "posix_spawn", call_spawn);
  make_pipe.replace(posix, "pipe", call_make_pipe);
  open_descriptor.replace(posix, "open", call_open_descriptor);
  PyObject* const starter = PyDict_GetItemString(modules, "_posixsubprocess");
  if (starter != nullptr) watch_module(starter);
}

}  // namespace hoop::cpython
