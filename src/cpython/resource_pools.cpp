// SPDX-License-Identifier: Apache-2.0
#include "cpython/resource_pools.h"

#include <Python.h>

#include <cstddef>
#include <cstring>

#include "cpython/builtin_functions.h"
#include "cpython/compat/call_stack.h"
#include "cpython/resource_holders.h"
#include "cpython/resource_places.h"

namespace hoop::cpython {
namespace {

constexpr char kThreadsFile[] = "/concurrent/futures/thread.py";
constexpr char kProcessesFile[] = "/concurrent/futures/process.py";
constexpr char kPoolsFile[] = "/multiprocessing/pool.py";

// A method, however it is called: more registers are passed on than it may look at.
using Method = void* (*)(void*, void*, void*, void*, void*);

constinit PoolListener pool_listener{};
constinit newfunc original_make_queue = nullptr;
constinit destructor original_dealloc_queue = nullptr;
constinit Method original_put = nullptr;
constinit bool end_is_watched = false;

bool ends_with(const char* text, const char* end) {
  const std::size_t length = std::strlen(text);
  const std::size_t tail = std::strlen(end);
  return length >= tail && std::strcmp(text + length - tail, end) == 0;
}

// One of the calls that the thread is in: by the function's name, and how its file's name ends.
struct Sought {
  const char* function;
  const char* file;
  bool found = false;
};

bool is_among_calls(const char* function, const char* file) {
  Sought sought{function, file};
  for_each_call(
      [](void* context, const Call& call) {
        auto& one = *static_cast<Sought*>(context);
        one.found = std::strcmp(narrow_text(call.code->co_name), one.function) == 0 &&
                    ends_with(narrow_text(call.code->co_filename), one.file);
        return !one.found;
      },
      &sought);
  return sought.found;
}

PyObject* make_queue(PyTypeObject* type, PyObject* arguments, PyObject* names) {
  PyObject* const queue = original_make_queue(type, arguments, names);
  if (queue == nullptr || !is_called_by("__init__")) return queue;
  if (is_among_calls("__init__", kThreadsFile))
    pool_listener.opened(queue, "concurrent.futures.ThreadPoolExecutor");
  else if (is_among_calls("__init__", kPoolsFile))
    pool_listener.opened(queue, "multiprocessing.pool.Pool");
  return queue;
}

void dealloc_queue(PyObject* queue) {
  pool_listener.dies(queue);
  original_dealloc_queue(queue);
}

// The workers of an executor end when they find None in the queue. Who puts it there tells why.
void see_end(PyObject* queue) {
  if (is_called_by("shutdown")) return pool_listener.closes(queue);
  if (is_called_by("weakref_cb")) return pool_listener.finalized(queue);
  if (is_called_by("_python_exit")) return pool_listener.left(queue);
}

void* put(void* self, void* b, void* c, void* d, void* e) {
  const bool has_item = reinterpret_cast<Py_ssize_t>(c) >= 1;
  if (has_item && static_cast<PyObject* const*>(b)[0] == Py_None)
    see_end(static_cast<PyObject*>(self));
  return original_put(self, b, c, d, e);
}

void watch_queues(PyTypeObject* type) {
  if (type->tp_new == make_queue) return;
  PyObject* const method = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "put");
  if (method != nullptr && Py_IS_TYPE(method, &PyMethodDescr_Type)) {
    PyMethodDef* const definition = reinterpret_cast<PyMethodDescrObject*>(method)->d_method;
    if ((definition->ml_flags & kWithKeywords) == kWithKeywords) {
      auto* const slot = reinterpret_cast<Method*>(&definition->ml_meth);
      if (*slot != put) original_put = *slot;
      *slot = put;
      original_make_queue = type->tp_new;
      type->tp_new = make_queue;
      original_dealloc_queue = type->tp_dealloc;
      type->tp_dealloc = dealloc_queue;
    }
  }
  Py_XDECREF(method);
  PyErr_Clear();
}

// --- pools of processes, as the main thread ends and before they are told to ---

long number_of(PyObject* object) {
  const long value = object != nullptr && PyLong_Check(object) ? PyLong_AsLong(object) : -1;
  Py_XDECREF(object);
  return value;
}

// `manager` is the thread of a pool, `wakeup` has the pipe that it is known by.
void see_manager(PyObject* manager, PyObject* wakeup) {
  PyObject* const is_ending = PyObject_CallMethod(manager, "is_shutting_down", nullptr);
  PyObject* const reader = PyObject_GetAttrString(wakeup, "_reader");
  if (is_ending == Py_False && reader != nullptr)
    pool_listener.left_by_pipe(number_of(PyObject_CallMethod(reader, "fileno", nullptr)));
  Py_XDECREF(reader);
  Py_XDECREF(is_ending);
  PyErr_Clear();
}

PyObject* managers() {
  PyObject* const module =
      PyDict_GetItemString(PyImport_GetModuleDict(), "concurrent.futures.process");
  PyObject* const table =
      module != nullptr ? PyObject_GetAttrString(module, "_threads_wakeups") : nullptr;
  PyObject* const items = table != nullptr ? PyObject_CallMethod(table, "items", nullptr) : nullptr;
  PyObject* const list = items != nullptr ? PySequence_List(items) : nullptr;
  Py_XDECREF(items);
  Py_XDECREF(table);
  PyErr_Clear();
  return list;
}

PyObject* see_pools_of_processes(PyObject*, PyObject*) {
  PyObject* const list = managers();
  const Py_ssize_t count = list != nullptr ? PyList_GET_SIZE(list) : 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* const item = PyList_GET_ITEM(list, i);
    if (PyTuple_Check(item) && PyTuple_GET_SIZE(item) == 2)
      see_manager(PyTuple_GET_ITEM(item, 0), PyTuple_GET_ITEM(item, 1));
  }
  Py_XDECREF(list);
  Py_RETURN_NONE;
}

PyMethodDef end_definition = {"hoopsnake_pools", see_pools_of_processes, METH_NOARGS, nullptr};

// Called before what was registered earlier, and that is what ends the pools.
void watch_end() {
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
  PyObject* const function = PyCFunction_New(&end_definition, nullptr);
  if (module != nullptr && function != nullptr)
    Py_XDECREF(PyObject_CallMethod(module, "_register_atexit", "O", function));
  Py_XDECREF(function);
  PyErr_Clear();
}

bool has_attribute(PyObject* holder, const char* name, PyObject* value) {
  PyObject* const found = PyObject_GetAttrString(holder, name);
  Py_XDECREF(found);
  PyErr_Clear();
  return found == value;
}

bool is_pool_of(PyObject* one, PyObject* queue) {
  return has_attribute(one, "_work_queue", queue) || has_attribute(one, "_taskqueue", queue);
}

PyObject* referrers_of(PyObject* collector, PyObject* object) {
  PyObject* const list = PyObject_CallMethod(collector, "get_referrers", "O", object);
  PyErr_Clear();
  return list;
}

// Among what refers to `object`: the pool that has the queue, by itself or by its dict.
PyObject* find_pool(PyObject* collector, PyObject* object, PyObject* queue, int depth) {
  PyObject* const list = referrers_of(collector, object);
  const Py_ssize_t count = list != nullptr && PyList_Check(list) ? PyList_GET_SIZE(list) : 0;
  PyObject* found = nullptr;
  for (Py_ssize_t i = 0; i < count && found == nullptr; ++i) {
    PyObject* const one = PyList_GET_ITEM(list, i);
    if (PyDict_CheckExact(one))
      found = depth > 0 ? find_pool(collector, one, queue, depth - 1) : nullptr;
    else if (is_pool_of(one, queue))
      found = Py_NewRef(one);
  }
  Py_XDECREF(list);
  return found;
}

}  // namespace

void watch_pools(const PoolListener& told) noexcept {
  pool_listener = told;
  end_is_watched = false;
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), "_queue");
  if (module != nullptr) watch_pools_of(module);
}

void watch_pools_of(PyObject* module) noexcept {
  const char* const name = PyModule_Check(module) ? PyModule_GetName(module) : nullptr;
  if (name != nullptr && std::strcmp(name, "_queue") == 0) {
    PyObject* const type = PyObject_GetAttrString(module, "SimpleQueue");
    if (type != nullptr && PyType_Check(type)) watch_queues(reinterpret_cast<PyTypeObject*>(type));
    Py_XDECREF(type);
  }
  PyErr_Clear();
}

void see_pipe_of_pool(long reader) noexcept {
  if (!is_called_by("Pipe") || !is_among_calls("__init__", kProcessesFile)) return;
  if (!end_is_watched) watch_end();
  end_is_watched = true;
  pool_listener.opened_by_pipe(reader, "concurrent.futures.ProcessPoolExecutor");
}

bool is_running_pool(PyObject* queue) noexcept {
  PyObject* const pool = pool_of(queue);
  PyObject* const state = pool != nullptr ? PyObject_GetAttrString(pool, "_state") : nullptr;
  PyErr_Clear();
  const bool is_running = state != nullptr && std::strcmp(narrow_text(state), "RUN") == 0;
  Py_XDECREF(state);
  Py_XDECREF(pool);
  return is_running;
}

PyObject* pool_of(PyObject* queue) noexcept {
  if (!may_ask_for_referrers()) return nullptr;
  PyObject* const collector = borrow_module("gc");
  PyObject* const pool = collector != nullptr ? find_pool(collector, queue, queue, 1) : nullptr;
  Py_XDECREF(collector);
  return pool;
}

}  // namespace hoop::cpython
