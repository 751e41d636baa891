// SPDX-License-Identifier: Apache-2.0
#include "cpython/interpreter_hooks.h"

#include <Python.h>

#include <cstddef>
#include <cstring>

#include "cpython/agent.h"
#include "cpython/allocator.h"
#include "cpython/builtin_functions.h"
#include "cpython/collector.h"
#include "cpython/gc_watch.h"
#include "cpython/gil_gate.h"
#include "cpython/process.h"

namespace hoop::cpython {
namespace {

constinit InterpreterHooks attached{};
constinit PyCFunction original_freeze = nullptr;
constinit PyCFunction original_collect = nullptr;
constinit PyCFunction original_get_objects = nullptr;
constinit PyCFunction original_set_threshold = nullptr;
constinit PyCFunction original_get_referrers = nullptr;
constinit PyObject* gc_module = nullptr;
constinit PyCFunction original_fork = nullptr;
constinit PyCFunction original_forkpty = nullptr;
constinit PyCFunction original_clear = nullptr;
constinit PyCFunction original_run_callbacks = nullptr;
// A function below has yet to return in the parent.
constinit thread_local bool inside_fork = false;
constinit PyCFunction original_exit = nullptr;
constinit PyCFunction original_execv = nullptr;
constinit PyCFunction original_execve = nullptr;
constinit PyCFunction original_start_tracing = nullptr;
constinit PyCFunction original_stop_tracing = nullptr;
constinit PyCFunction original_create_builtin = nullptr;
constinit thread_local bool inside_exit = false;
constinit bool is_rehearsal = false;  // the program has its atexit functions run: no end yet

PyObject* call_before_finalization(PyObject*, PyObject*) {
  if (!is_rehearsal) attached.before_finalization();
  Py_RETURN_NONE;
}

PyObject* call_before_fork(PyObject*, PyObject*) {
  attached.before_fork();
  Py_RETURN_NONE;
}

int resume_after_fork(void*) {
  attached.after_fork_in_parent();
  return 0;
}

// os.fork and os.forkpty tell when they are done; of any other fork the next bytecode does.
PyObject* call_after_fork_in_parent(PyObject*, PyObject*) {
  if (!inside_fork) Py_AddPendingCall(resume_after_fork, nullptr);
  Py_RETURN_NONE;
}

PyObject* call_after_fork_in_child(PyObject*, PyObject*) {
  inside_fork = false;
  attached.after_fork_in_child();
  Py_RETURN_NONE;
}

// Some versions count threads, and warn, only after the callbacks that follow a fork.
PyObject* fork_by(PyCFunction original, PyObject* module, PyObject* nothing) {
  inside_fork = true;
  PyObject* const result = original(module, nothing);
  if (inside_fork) attached.after_fork_in_parent();
  inside_fork = false;
  return result;
}

PyObject* fork(PyObject* module, PyObject* nothing) {
  return fork_by(original_fork, module, nothing);
}

PyObject* forkpty(PyObject* module, PyObject* nothing) {
  return fork_by(original_forkpty, module, nothing);
}

PyMethodDef before_finalization_definition = {"hoopsnake_atexit", call_before_finalization,
                                              METH_NOARGS, nullptr};

void register_at_exit(PyObject* module) {
  PyObject* const function = PyCFunction_New(&before_finalization_definition, nullptr);
  if (function != nullptr) Py_XDECREF(PyObject_CallMethod(module, "register", "O", function));
  Py_XDECREF(function);
}

// What an argument of any form comes as.
using KeywordFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

PyObject* call_with_keywords(PyCFunction function, PyObject* module, PyObject* const* arguments,
                             Py_ssize_t count, PyObject* names) {
  return reinterpret_cast<KeywordFunction>(reinterpret_cast<void (*)()>(function))(
      module, arguments, count, names);
}

PyObject* call_with_array(PyCFunction function, PyObject* module, PyObject* const* arguments,
                          Py_ssize_t count) {
  using Function = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(function))(module, arguments,
                                                                            count);
}

PyObject* exit_at_once(PyObject* module, PyObject* const* arguments, Py_ssize_t count,
                       PyObject* names) {
  inside_exit = true;
  PyObject* const result = call_with_keywords(original_exit, module, arguments, count, names);
  inside_exit = false;  // it was called wrongly
  return result;
}

// What the shim does for a process that it is in.
PyObject* execute(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
  abandon_collection();
  return call_with_array(original_execv, module, arguments, count);
}

PyObject* execute_in(PyObject* module, PyObject* const* arguments, Py_ssize_t count,
                     PyObject* names) {
  abandon_collection();
  return call_with_keywords(original_execve, module, arguments, count, names);
}

PyObject* start_tracing(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
  shut_gil_gate();
  PyObject* const result = call_with_array(original_start_tracing, module, arguments, count);
  open_gil_gate();
  return result;
}

PyObject* stop_tracing(PyObject* module, PyObject* nothing) {
  shut_gil_gate();
  PyObject* const result = original_stop_tracing(module, nothing);
  open_gil_gate();
  return result;
}

// The program drops all atexit functions, and ours with them.
PyObject* drop_callbacks_by(PyCFunction original, PyObject* module, PyObject* nothing) {
  PyObject* const result = original(module, nothing);
  const bool is_ours = PyInterpreterState_Get() == PyInterpreterState_Main();
  if (result != nullptr && is_ours) register_at_exit(module);
  if (result != nullptr) PyErr_Clear();
  return result;
}

PyObject* clear_callbacks(PyObject* module, PyObject* nothing) {
  return drop_callbacks_by(original_clear, module, nothing);
}

PyObject* run_callbacks(PyObject* module, PyObject* nothing) {
  is_rehearsal = true;
  PyObject* const result = drop_callbacks_by(original_run_callbacks, module, nothing);
  is_rehearsal = false;
  return result;
}

std::size_t count_blocks() {
  const HeapLock lock;
  return process_heap.live_block_count();
}

// The lock is released before the result is made: that allocates.
PyObject* get_allocated_blocks(PyObject*, PyObject*) { return PyLong_FromSize_t(count_blocks()); }

// What is frozen is about to be shared with forked children: later objects must not lie among it.
PyObject* freeze(PyObject* module, PyObject* nothing) {
  collector_sees_freeze();
  PyObject* const result = original_freeze(module, nothing);
  if (result != nullptr) start_epoch();
  return result;
}

// gc.collect() by our search, where that is wanted. Younger generations are CPython's own.
PyObject* collect(PyObject* module, PyObject* const* arguments, Py_ssize_t count, PyObject* names) {
  if (count == 0 && (names == nullptr || PyTuple_GET_SIZE(names) == 0))
    return collect_in_place(module, original_collect);
  return call_with_keywords(original_collect, module, arguments, count, names);
}

PyObject* get_objects(PyObject* module, PyObject* const* arguments, Py_ssize_t count,
                      PyObject* names) {
  show_all_objects();
  return call_with_keywords(original_get_objects, module, arguments, count, names);
}

PyObject* set_threshold(PyObject* module, PyObject* thresholds) {
  PyObject* const result = original_set_threshold(module, thresholds);
  if (result != nullptr) collector_sees_thresholds();
  return result;
}

// By the calling convention of 3.12 and before, and of 3.13 and after.
PyObject* get_referrers(PyObject* module, PyObject* objects) {
  show_all_objects();
  return original_get_referrers(module, objects);
}
PyObject* get_referrers_of(PyObject* module, PyObject* const* objects, Py_ssize_t count) {
  show_all_objects();
  return call_with_array(original_get_referrers, module, objects, count);
}

PyMethodDef before_fork_definition = {"hoopsnake_before_fork", call_before_fork, METH_NOARGS,
                                      nullptr};
PyMethodDef after_fork_in_parent_definition = {"hoopsnake_after_fork_in_parent",
                                               call_after_fork_in_parent, METH_NOARGS, nullptr};
PyMethodDef after_fork_in_child_definition = {"hoopsnake_after_fork_in_child",
                                              call_after_fork_in_child, METH_NOARGS, nullptr};

PyObject* function_of(PyMethodDef& definition) { return PyCFunction_New(&definition, nullptr); }

void hook_atexit() {
  PyObject* const module = borrow_module("atexit");
  if (module != nullptr) register_at_exit(module);
  replace_builtin(module, "_clear", METH_NOARGS, clear_callbacks, original_clear);
  replace_builtin(module, "_run_exitfuncs", METH_NOARGS, run_callbacks, original_run_callbacks);
  Py_XDECREF(module);
}

void hook_fork() {
  PyObject* const module = borrow_module("posix");
  replace_builtin(module, "fork", METH_NOARGS, fork, original_fork);
  replace_builtin(module, "forkpty", METH_NOARGS, forkpty, original_forkpty);
  PyObject* const hook =
      module != nullptr ? PyObject_GetAttrString(module, "register_at_fork") : nullptr;
  PyObject* const before = function_of(before_fork_definition);
  PyObject* const in_parent = function_of(after_fork_in_parent_definition);
  PyObject* const in_child = function_of(after_fork_in_child_definition);
  const bool complete = before != nullptr && in_parent != nullptr && in_child != nullptr;
  PyObject* const keywords = complete
                                 ? Py_BuildValue("{sOsOsO}", "before", before, "after_in_parent",
                                                 in_parent, "after_in_child", in_child)
                                 : nullptr;
  PyObject* const nothing = PyTuple_New(0);
  if (hook != nullptr && keywords != nullptr && nothing != nullptr) {
    Py_XDECREF(PyObject_Call(hook, nothing, keywords));
  }
  Py_XDECREF(nothing);
  Py_XDECREF(keywords);
  Py_XDECREF(in_child);
  Py_XDECREF(in_parent);
  Py_XDECREF(before);
  Py_XDECREF(hook);
  Py_XDECREF(module);
}

void hook_exit() {
  PyObject* const module = borrow_module("posix");
  replace_builtin(module, "_exit", kWithKeywords, as_c_function(exit_at_once), original_exit);
  Py_XDECREF(module);
}

void hook_exec() {
  PyObject* const module = borrow_module("posix");
  replace_builtin(module, "execv", METH_FASTCALL, as_c_function(execute), original_execv);
  replace_builtin(module, "execve", kWithKeywords, as_c_function(execute_in), original_execve);
  Py_XDECREF(module);
}

void hook_tracing_functions(PyObject* module) {
  replace_builtin(module, "start", METH_FASTCALL, as_c_function(start_tracing),
                  original_start_tracing);
  replace_builtin(module, "stop", METH_NOARGS, stop_tracing, original_stop_tracing);
}

constexpr char kTracingModule[] = "_tracemalloc";

PyObject* create_builtin_module(PyObject* machinery, PyObject* spec) {
  PyObject* const module = original_create_builtin(machinery, spec);
  if (module == nullptr || !PyModule_Check(module)) return module;
  const char* const name = PyModule_GetName(module);
  if (name != nullptr && std::strcmp(name, kTracingModule) == 0) hook_tracing_functions(module);
  PyErr_Clear();
  return module;
}

// The module may not be made for the purpose: up to 3.11 it can be had in one life of an
// interpreter only, and an embedding program may need it in the next.
void hook_tracing() {
  PyObject* const modules = PyImport_GetModuleDict();
  hook_tracing_functions(PyDict_GetItemString(modules, kTracingModule));
  replace_builtin(PyDict_GetItemString(modules, "_imp"), "create_builtin", METH_O,
                  create_builtin_module, original_create_builtin);
}

void hook_sys() {
  static constinit PyCFunction original = nullptr;
  replace_builtin(PyImport_AddModule("sys"), "getallocatedblocks", METH_NOARGS,
                  get_allocated_blocks, original);
}

void hook_gc(const CollectorOptions& collector) {
  gc_module = borrow_module("gc");
  if (gc_module == nullptr) return;
  replace_builtin(gc_module, "freeze", METH_NOARGS, freeze, original_freeze);
  // An interpreter that starts again finds ours in place.
  const PyCFunction found = function_behind(gc_module, "collect", kWithKeywords);
  if (found != as_c_function(collect)) original_collect = found;
  attach_collector(gc_module, collector.choice);
  watch_collections(gc_module);
  replace_builtin(gc_module, "get_objects", kWithKeywords, as_c_function(get_objects),
                  original_get_objects);
  replace_builtin(gc_module, "set_threshold", METH_VARARGS, set_threshold, original_set_threshold);
  replace_builtin(gc_module, "get_referrers", METH_VARARGS, get_referrers, original_get_referrers);
  replace_builtin(gc_module, "get_referrers", METH_FASTCALL, as_c_function(get_referrers_of),
                  original_get_referrers);
  if (collector.serves_gc_collect && original_collect != nullptr)
    replace_builtin(gc_module, "collect", kWithKeywords, as_c_function(collect), original_collect);
}

}  // namespace

bool exit_is_rehearsed() noexcept { return is_rehearsal; }

bool is_inside_os_exit() noexcept { return inside_exit; }

PyObject* collect_now() noexcept {
  if (original_collect != nullptr) return collect_in_place(gc_module, original_collect);
  PyObject* const module = borrow_module("gc");
  PyObject* const result =
      module != nullptr ? PyObject_CallMethod(module, "collect", nullptr) : nullptr;
  Py_XDECREF(module);
  return result;
}

void install_interpreter_hooks(const InterpreterHooks& hooks,
                               const CollectorOptions& collector) noexcept {
  attached = hooks;
  hook_atexit();
  hook_fork();
  hook_exit();
  if (process.is_late) hook_exec();
  hook_sys();
  hook_tracing();
  hook_gc(collector);
  PyErr_Clear();
}

}  // namespace hoop::cpython
