// SPDX-License-Identifier: Apache-2.0
// Events of the interpreter: which of them make a step.
#include "cpython/life/recorder.h"

#include <Python.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/text.h"
#include "base/units.h"
#include "cpython/compat/death_watch.h"
#include "cpython/compat/gc_state.h"
#include "cpython/compat/life_frames.h"
#include "cpython/compat/thread_state.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::cpython::life {
namespace {

constexpr unsigned kResumable = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;

bool equals(PyObject* name, const char* text) {
  const char* const plain = plain_text(name);
  return plain != nullptr && std::strcmp(plain, text) == 0;
}

ScopeKind kind_of(const PyCodeObject* code) {
  if (equals(code->co_name, "<module>")) return ScopeKind::kModule;
  if ((code->co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0) return ScopeKind::kCoroutine;
  const char* const name = plain_text(code->co_name);
  if (name != nullptr && name[0] == '<' && std::strcmp(name, "<lambda>") != 0)
    return ScopeKind::kComprehension;
  if ((code->co_flags & CO_GENERATOR) != 0) return ScopeKind::kGenerator;
  return (code->co_flags & CO_OPTIMIZED) != 0 ? ScopeKind::kFunction : ScopeKind::kClass;
}

// Classes that a class statement made are known by their tp_traverse.
traverseproc find_subtype_traverse() {
  PyObject* const module = PyImport_ImportModule("_frozen_importlib");
  PyObject* const type = module != nullptr ? PyObject_GetAttrString(module, "ModuleSpec") : nullptr;
  traverseproc found = nullptr;
  if (type != nullptr && PyType_Check(type))
    found = reinterpret_cast<PyTypeObject*>(type)->tp_traverse;
  Py_XDECREF(type);
  Py_XDECREF(module);
  PyErr_Clear();
  return found;
}

int open_output(const char* folder, const char* name) {
  FixedText<600> path;
  path.add(folder).add_char('/').add(name);
  return ::open(path.data(), O_RDONLY | O_CLOEXEC);
}

}  // namespace

bool Recorder::read_order(const char* folder) {
  FixedText<600> path;
  path.add(folder).add("/order");
  const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  static char bytes[32768];
  const long size = ::read(file, bytes, sizeof bytes - 1);
  ::close(file);
  if (size <= 0) return false;
  bytes[size] = 0;
  const char* at = bytes;
  limits_.steps = static_cast<std::uint32_t>(parse_decimal(at));
  ++at;
  limits_.objects = static_cast<std::uint32_t>(parse_decimal(at));
  ++at;
  limits_.edges = static_cast<std::uint32_t>(parse_decimal(at));
  if (*at++ != '\n') return false;
  for (; *at != 0; ++at) roots_.add_char(*at == '\n' ? '\0' : *at);
  return true;
}

bool Recorder::open(const char* folder) noexcept {
  folder_.add(folder);
  FixedText<600> path;
  path.add(folder).add("/stream");
  if (!read_order(folder) || !stream_.open(path.data())) return false;
  output_ = open_output(folder, "out");
  errors_ = open_output(folder, "err");
  layout_ = snapshot::layout_of(PY_VERSION_HEX);
  stream_.begin('H');
  stream_.field().add("1");
  stream_.field().add_clean(Py_GetVersion());
  stream_.end();
  stream_.flush();
  return layout_ != nullptr;
}

void Recorder::begin() noexcept {
  busy_ = true;
  subtype_traverse_ = find_subtype_traverse();
  PyObject* const gc_module = PyImport_ImportModule("gc");
  has_gc_ = gc_module != nullptr && find_gc_state(gc_module, gc_) == nullptr;
  Py_XDECREF(gc_module);
  PyErr_Clear();
  busy_ = false;
}

// --- which code is the program's ---

bool Recorder::is_program(PyCodeObject* code) const {
  const char* const name = plain_text(code->co_filename);
  if (name == nullptr) return false;
  const std::string_view roots = roots_.view();
  for (std::size_t at = 0; at < roots.size();) {
    const char* const root = roots.data() + at;
    const std::size_t length = std::strlen(root);
    at += length + 1;
    if (length == 0 || root[0] == '-') continue;
    const bool is_folder = root[length - 1] == '/';
    if (is_folder ? std::strncmp(name, root, length) != 0 : std::strcmp(name, root) != 0) continue;
    if (name[0] == '<') {  // other code has that name too
      for (std::size_t i = 0; i < inline_code_.size(); ++i)
        if (inline_code_[i] == reinterpret_cast<Address>(code)) return true;
      return inline_code_.is_empty();
    }
    // Below a folder of the program's others may be installed.
    return !is_folder || (std::strstr(name + length, "site-packages/") == nullptr &&
                          std::strstr(name + length, "/lib/python3") == nullptr);
  }
  return false;
}

void Recorder::note_inline_code(PyCodeObject* code, unsigned depth) {
  constexpr unsigned kDeepest = 20;
  inline_code_.push(reinterpret_cast<Address>(code));
  for (Py_ssize_t i = 0; depth < kDeepest && i < Py_SIZE(code->co_consts); ++i) {
    PyObject* const constant = PyTuple_GET_ITEM(code->co_consts, i);
    if (PyCode_Check(constant))
      note_inline_code(reinterpret_cast<PyCodeObject*>(constant), depth + 1);
  }
}

bool Recorder::is_module_dict(PyObject* dict) const {
  for (std::size_t i = 0; i < module_dicts_.size(); ++i)
    if (module_dicts_[i] == dict) return true;
  return false;
}

bool Recorder::is_module_name(PyObject* name) const {
  if (equals(name, "__main__")) return true;
  for (std::size_t i = 0; i < module_dicts_.size(); ++i) {
    const Address its_name =
        snapshot::find_by_text(reinterpret_cast<Address>(module_dicts_[i]), "__name__", *layout_);
    const char* const plain = plain_text(reinterpret_cast<PyObject*>(its_name));
    if (plain != nullptr && equals(name, plain)) return true;
  }
  return false;
}

bool Recorder::is_running(Address locals) const {
  for (const ThreadStack& stack : stacks_)
    for (std::size_t i = 0; i < stack.calls.size(); ++i)
      if (locals == locals_of_frame(stack.calls[i].inner, *layout_)) return true;
  return false;
}

// --- threads ---

void Recorder::name_thread(ThreadStack& stack) {
  stack.name.clear();
  PyObject* const threading =
      PyDict_GetItemString(PyImport_GetModuleDict(), "threading");  // borrowed
  PyObject* const active = threading != nullptr && PyModule_Check(threading)
                               ? PyDict_GetItemString(PyModule_GetDict(threading), "_active")
                               : nullptr;
  PyObject* const key = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
  PyObject* const thread = active != nullptr && PyDict_Check(active) && key != nullptr
                               ? PyDict_GetItem(active, key)
                               : nullptr;
  PyObject* const attribute = PyUnicode_InternFromString("_name");
  PyObject* const name = thread != nullptr && attribute != nullptr
                             ? PyObject_GenericGetAttr(thread, attribute)
                             : nullptr;
  const char* const plain = plain_text(name);
  if (plain != nullptr) stack.name.add(plain);
  Py_XDECREF(name);
  Py_XDECREF(attribute);
  Py_XDECREF(key);
  PyErr_Clear();
  if (stack.name.size() != 0) return;
  const std::size_t place = static_cast<std::size_t>(&stack - stacks_);
  if (place == 0)
    stack.name.add("MainThread");
  else
    stack.name.add("thread ").add_decimal(place + 1);
}

ThreadStack* Recorder::stack_of_this_thread() {
  PyThreadState* const state = current_thread_state();
  ThreadStack* unused = nullptr;
  for (ThreadStack& stack : stacks_) {
    if (stack.state == state) return &stack;
    if (unused == nullptr && stack.state == nullptr) unused = &stack;
  }
  if (unused == nullptr) return nullptr;
  unused->state = state;
  unused->calls.clear();
  name_thread(*unused);
  return unused;
}

// Calls whose end was not told: what lies above a frame that runs, and, where it is new, all that
// is not among its callers.
void Recorder::drop_stale(ThreadStack& stack, PyFrameObject* frame) {
  while (!stack.calls.is_empty()) {
    const Active& last = stack.calls.last();
    if (last.frame == frame || is_caller(frame, last.inner, *layout_)) return;
    stack.calls.pop();
  }
}

// The same for a thread that does not run now, or has ended; calls end unseen where the program has
// a trace function of its own.
void Recorder::drop_ended(ThreadStack& stack) {
  PyThreadState* thread = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
  while (thread != nullptr && thread != stack.state) thread = PyThreadState_Next(thread);
  if (thread == nullptr) stack.calls.clear();
  while (!stack.calls.is_empty()) {
    const Active& last = stack.calls.last();
    if (is_in_call(thread, last.frame, last.inner, *layout_)) return;
    stack.calls.pop();
  }
  stack.state = nullptr;
}

namespace {

// `if _trace_hook:` in threading is asked in each new thread: the answer is no, and the thread is
// followed. A trace function of Python's would change what it looks at, by a dict of the locals.
Recorder* the_recorder = nullptr;

int trace(PyObject*, PyFrameObject* frame, int what, PyObject* argument) {
  the_recorder->sees_event(frame, what, argument);
  return 0;
}

int follow_thread(PyObject*) {
  PyEval_SetTrace(trace, nullptr);
  return 0;
}

PyObject* make_hook() {
  PyType_Slot slots[] = {{Py_nb_bool, reinterpret_cast<void*>(follow_thread)}, {0, nullptr}};
  PyType_Spec spec{"hoopsnake.thread_hook", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, slots};
  PyObject* const type = PyType_FromSpec(&spec);
  if (type == nullptr) return nullptr;
  PyObject* const hook = PyObject_CallNoArgs(type);
  Py_DECREF(type);
  return hook;
}

}  // namespace

void Recorder::hook_threads() {
  if (threads_hooked_) return;
  PyObject* const threading = PyDict_GetItemString(PyImport_GetModuleDict(), "threading");
  if (threading == nullptr || !PyModule_Check(threading)) return;
  PyObject* const dict = PyModule_GetDict(threading);
  if (PyDict_GetItemString(dict, "_trace_hook") == nullptr) return;  // half imported
  threads_hooked_ = true;
  PyObject* const hook = make_hook();
  if (hook == nullptr || PyDict_SetItemString(dict, "_trace_hook", hook) < 0) PyErr_Clear();
  Py_XDECREF(hook);
}

// No more, where the program set a trace function of its own.
bool follows_this_thread() { return current_thread_state()->c_tracefunc == trace; }

void follow_this_thread(Recorder* recorder) {
  the_recorder = recorder;
  PyEval_SetTrace(trace, nullptr);
}

// --- events ---

namespace {

bool is_followed(int what) {
  return what == PyTrace_CALL || what == PyTrace_LINE || what == PyTrace_RETURN ||
         what == PyTrace_EXCEPTION;
}

bool has_call(const ThreadStack& stack, const PyFrameObject* frame) {
  for (std::size_t i = stack.calls.size(); i-- != 0;)
    if (stack.calls[i].frame == frame) return true;
  return false;
}

}  // namespace

// The stack that the event belongs to; nullptr: it is none of the program's.
ThreadStack* Recorder::stack_of_event(PyFrameObject* frame, int what) {
  if (what == PyTrace_CALL) {
    if (!is_program(code_of(frame))) return nullptr;
    if (phase_ == Phase::kWaiting && !is_main(frame)) return nullptr;
    return stack_of_this_thread();
  }
  PyThreadState* const state = current_thread_state();
  for (ThreadStack& stack : stacks_)
    if (stack.state == state) return has_call(stack, frame) ? &stack : nullptr;
  return nullptr;
}

void Recorder::sees_event(PyFrameObject* frame, int what, PyObject* argument) noexcept {
  const bool is_over = phase_ != Phase::kWaiting && phase_ != Phase::kRunning;
  if (is_over || !is_followed(what)) return;
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  busy_ = true;
  if (ThreadStack* const stack = stack_of_event(frame, what)) {
    drop_stale(*stack, frame);
    hook_threads();
    if (what == PyTrace_CALL) on_call(frame, code_of(frame), *stack);
    if (what == PyTrace_LINE) on_line(frame, *stack);
    if (what == PyTrace_EXCEPTION) on_exception(frame, *stack, argument);
    if (what == PyTrace_RETURN) on_return(*stack, argument);
  }
  busy_ = false;
  PyErr_Restore(type, value, traceback);
}

void Recorder::on_line(PyFrameObject* frame, ThreadStack& stack) {
  const Active call = stack.calls.last();
  PyCodeObject* const code = code_of(frame);
  const bool is_head = call.kind == ScopeKind::kClass && call.line == code->co_firstlineno;
  if (call.line != 0 && !is_head)
    write_step(StepKind::kLine, &stack, code, call.line, cleared_extra());
  stack.calls.last().line = PyFrame_GetLineNumber(frame);
}

// `argument`: type, exception, traceback, in a tuple that holds each once more.
void Recorder::on_exception(PyFrameObject* frame, ThreadStack& stack, PyObject* argument) {
  const int line = stack.calls.last().line;
  Text& extra = cleared_extra();
  if (argument != nullptr && PyTuple_Check(argument) && Py_SIZE(argument) == 3) {
    for (int i = 0; i < 3; ++i) adjusted_[i] = PyTuple_GET_ITEM(argument, i);
    passing_ = adjusted_[1];
    const Reader reader(*layout_, *this, subtype_traverse_);
    if (passing_ != nullptr && PyExceptionInstance_Check(passing_))
      reader.describe(passing_, extra);
  }
  passing_name_ = "(raised)";
  if (line != 0) write_step(StepKind::kException, &stack, code_of(frame), line, extra);
  passing_ = nullptr;
  for (PyObject*& one : adjusted_) one = nullptr;
}

// Code that site runs comes before, and may be named like that of -c.
bool Recorder::is_main(PyFrameObject* frame) const {
  PyObject* const module = PyDict_GetItemString(PyImport_GetModuleDict(), "__main__");
  return module != nullptr && PyModule_Check(module) &&
         PyModule_GetDict(module) == globals_of(frame, *layout_);
}

std::uint32_t Recorder::scope_of(PyFrameObject* frame, PyCodeObject* code, bool is_resumed) {
  for (std::size_t i = 0; i < suspended_.size(); ++i) {
    if (suspended_[i].frame != frame) continue;
    const Suspended found = suspended_[i];
    suspended_[i] = suspended_.last();
    suspended_.pop();
    if (is_resumed && found.code == code) return found.scope;
    break;
  }
  scopes_.push({0});
  return static_cast<std::uint32_t>(scopes_.size());
}

void Recorder::on_call(PyFrameObject* frame, PyCodeObject* code, ThreadStack& stack) {
  const ScopeKind kind = kind_of(code);
  if (phase_ == Phase::kWaiting) {
    const char* const file = plain_text(code->co_filename);
    if (file != nullptr && file[0] == '<') note_inline_code(code, 0);
    main_dict_ = globals_of(frame, *layout_);
    objects_.begin();
    phase_ = Phase::kRunning;
  }
  PyObject* const globals = globals_of(frame, *layout_);
  if (globals != nullptr && !is_module_dict(globals)) module_dicts_.push(globals);
  const bool can_go_on = (code->co_flags & static_cast<int>(kResumable)) != 0;
  const bool is_resumed = can_go_on && is_resumption(frame);
  Active call{frame, inner_frame_of(frame, *layout_), 0, 0, kind};
  call.scope = scope_of(frame, code, is_resumed);
  stack.calls.push(call);
  if (kind == ScopeKind::kFunction || kind == ScopeKind::kGenerator ||
      kind == ScopeKind::kCoroutine) {
    Text& extra = cleared_extra();
    if (is_resumed) extra.add("resumed");
    write_step(StepKind::kCall, &stack, code, code->co_firstlineno, extra);
  }
}

void Recorder::on_return(ThreadStack& stack, PyObject* value) {
  const Active call = stack.calls.last();
  PyCodeObject* const code = code_of(call.frame);
  const bool is_pause = value != nullptr && (code->co_flags & static_cast<int>(kResumable)) != 0 &&
                        is_at_yield(call.frame, *layout_);
  if (value != nullptr && call.line != 0) {
    const bool is_plain = call.kind == ScopeKind::kModule || call.kind == ScopeKind::kClass;
    Text& extra = cleared_extra();
    if (!is_plain) {
      if (const Number number = objects_.find(value)) extra.add_number(number);
      const Reader reader(*layout_, *this, subtype_traverse_);
      extra.add_char(kPart);
      reader.describe(value, extra);
      extra.add_char(kPart).add(is_pause ? "yield" : "");
    }
    if (!is_plain) passing_ = value;
    passing_name_ = is_pause ? "(yielded)" : "(returned)";
    write_step(is_plain ? StepKind::kLine : StepKind::kReturn, &stack, code, call.line, extra);
    passing_ = nullptr;
  }
  stack.calls.pop();
  if (is_pause) suspended_.push({call.frame, code, call.scope});
  if (stack.calls.is_empty()) stack.state = nullptr;
}

void Recorder::stop(const char* reason) {
  stream_.begin('X');
  stream_.field().add(reason);
  stream_.end();
  stream_.flush();
  phase_ = Phase::kOver;
  end_death_watch();
  PyEval_SetTrace(nullptr, nullptr);
}

// --- the end ---

void Recorder::end(const char* how) noexcept {
  if (phase_ != Phase::kRunning) return;
  busy_ = true;
  if (!follows_this_thread()) {
    stream_.begin('X').add("\ttrace");
    stream_.end();
  }
  Text& extra = cleared_extra();
  extra.add(how);
  write_step(StepKind::kEnd, nullptr, nullptr, 0, extra);
  if (phase_ == Phase::kRunning) {
    phase_ = Phase::kEnding;
    objects_.next_step();
  }
  busy_ = false;
}

// --- what is told amid the program's work ---

void Recorder::sees_collection_start(int generation) noexcept {
  if (phase_ != Phase::kRunning && phase_ != Phase::kEnding) return;
  objects_.set_collection(static_cast<std::int8_t>(generation));
}

void Recorder::sees_collection_end(int generation, std::uint64_t collected) noexcept {
  objects_.set_collection(kNotTracked);
  if (phase_ != Phase::kRunning) return;
  generations_stale_ = true;
  collection_step_ = objects_.step();
  stream_.begin('C');
  stream_.field().add_number(static_cast<std::uint64_t>(generation));
  stream_.field().add_number(collected);
  stream_.end();
}

void Recorder::sees_block(const void* block, std::size_t bytes, bool is_taken) noexcept {
  if (busy_ || phase_ == Phase::kOver) return;
  if (phase_ == Phase::kWaiting) {
    if (!is_taken) objects_.given_early(block);
    return;
  }
  if (is_taken)
    objects_.taken(block, bytes);
  else
    objects_.given(block, bytes);
}

void Recorder::sees_death(PyObject* object) noexcept {
  if (busy_ || phase_ == Phase::kOver) return;
  objects_.died(object);
}

}  // namespace hoop::cpython::life
