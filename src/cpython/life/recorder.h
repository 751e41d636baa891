// SPDX-License-Identifier: Apache-2.0
// `hoop learn`: follows a program line by line, and writes what each line did to its objects. It
// runs in the interpreter's trace function, reads objects where they lie, holds no reference to any
// of them, and runs nothing of Python's that the program could see.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "base/text.h"
#include "base/units.h"
#include "cpython/compat/gc_state.h"
#include "cpython/life/known.h"
#include "cpython/life/references.h"
#include "cpython/life/stream.h"

namespace hoop::cpython::life {

struct Limits {
  std::uint32_t steps = 10'000;
  std::uint32_t objects = 300;  // in a step
  std::uint32_t edges = 60;     // of an object
};

enum class StepKind : std::uint8_t { kLine, kCall, kReturn, kException, kEnd };
enum class ScopeKind : std::uint8_t {
  kModule,
  kFunction,
  kClass,
  kComprehension,
  kGenerator,
  kCoroutine,
};

// A call of the program's that is not over.
struct Active {
  PyFrameObject* frame;  // borrowed: it lives while it runs
  Address inner;         // the interpreter's frame; 3.10: the same as `frame`
  std::uint32_t scope;
  int line;  // that runs; 0: none yet
  ScopeKind kind;
};

struct ThreadStack {
  PyThreadState* state = nullptr;  // nullptr: not in use
  FixedText<64> name;
  Sequence<Active> calls;
};

class Recorder final : public ProgramView {
 public:
  // `folder` has the order, and gets the stream. False: it cannot be read or written.
  bool open(const char* folder) noexcept;
  // The interpreter is up: from here on calls are seen. REQUIRES: the GIL.
  void begin() noexcept;
  // The program is over, its names are still there; `how`: in what way.
  void end(const char* how) noexcept;
  // The interpreter is gone.
  void close() noexcept;
  // In a fork's child: the stream is the parent's.
  void abandon() noexcept { phase_ = Phase::kOver; }

  void sees_event(PyFrameObject* frame, int what, PyObject* argument) noexcept;
  void sees_collection_start(int generation) noexcept;
  void sees_collection_end(int generation, std::uint64_t collected) noexcept;
  void sees_block(const void* block, std::size_t bytes, bool is_taken) noexcept;
  void sees_death(PyObject* object) noexcept;

  bool is_module_dict(PyObject* dict) const override;
  bool is_module_name(PyObject* name) const override;
  bool is_running(Address locals) const override;

 private:
  enum class Phase : std::uint8_t { kWaiting, kRunning, kEnding, kOver };
  class NameVisitor;
  class EdgeVisitor;

  bool read_order(const char* folder);
  [[nodiscard]] bool is_program(PyCodeObject* code) const;
  [[nodiscard]] bool is_main(PyFrameObject* frame) const;
  void note_inline_code(PyCodeObject* code, unsigned depth);
  ThreadStack* stack_of_this_thread();
  void name_thread(ThreadStack& stack);
  void drop_stale(ThreadStack& stack, PyFrameObject* frame);
  void drop_ended(ThreadStack& stack);
  void hook_threads();

  ThreadStack* stack_of_event(PyFrameObject* frame, int what);
  void on_line(PyFrameObject* frame, ThreadStack& stack);
  void on_exception(PyFrameObject* frame, ThreadStack& stack, PyObject* argument);
  void on_call(PyFrameObject* frame, PyCodeObject* code, ThreadStack& stack);
  void on_return(ThreadStack& stack, PyObject* value);
  std::uint32_t scope_of(PyFrameObject* frame, PyCodeObject* code, bool is_resumed);

  void write_step(StepKind kind, ThreadStack* stack, PyCodeObject* code, int line,
                  const Text& extra);
  void write_scopes(const ThreadStack* current);
  void write_scope(const ThreadStack& stack, const Active& call, PyObject* passing);
  void write_main_scope();
  void write_objects();
  void write_object(Number number);
  void write_gone();
  void write_flows();
  void write_outputs();
  void find_floating();
  [[nodiscard]] bool may_float(PyObject* object, const Known& known) const;
  void judge_floating();
  bool enter_group(PyObject* object);
  void refresh_generations();
  [[nodiscard]] std::int8_t generation_of(PyObject* object, Known& known);
  [[nodiscard]] bool is_of_interest(PyObject* object) const;
  std::size_t size_of(PyObject* object, const Known& known);
  Number see(PyObject* object);
  void announce(Number number, PyObject* object, Origin origin);
  [[nodiscard]] std::uint32_t file_number(PyObject* name);
  void stop(const char* reason);
  Text& cleared_extra() {
    extra_.clear();
    return extra_;
  }

  Phase phase_ = Phase::kWaiting;
  bool busy_ = false;
  bool threads_hooked_ = false;
  bool generations_stale_ = false;
  bool has_gc_ = false;
  bool objects_limited_ = false;
  GcState gc_;
  Limits limits_;
  Text roots_;  // each with a zero behind
  FixedText<512> folder_;
  Stream stream_;
  Objects objects_;
  const snapshot::PythonLayout* layout_ = nullptr;
  traverseproc subtype_traverse_ = nullptr;
  ThreadStack stacks_[64];
  PyObject* main_dict_ = nullptr;  // borrowed: of __main__
  Sequence<PyObject*> module_dicts_;
  Sequence<Address> inline_code_;  // code of -c, and what is defined in it
  struct Suspended {
    PyFrameObject* frame;
    PyCodeObject* code;
    std::uint32_t scope;
  };
  Sequence<Suspended> suspended_;
  struct ScopeState {
    std::uint64_t hash;
  };
  Sequence<ScopeState> scopes_;
  Sequence<std::uint64_t> files_;
  Sequence<Number> queue_, shown_, alive_, floating_;
  Text scratch_, extra_, order_, announcement_;
  struct Member {
    PyObject* object;
    Py_ssize_t count;
    bool lives;
  };
  Sequence<Member> group_;
  AddressTable group_numbers_;
  Sequence<std::uint32_t> queue_of_living_;
  std::uint64_t judged_ = 0;  // what was judged last
  std::uint32_t first_scope_ = 0, main_scope_ = 0;
  PyObject* adjusted_[3] = {};   // held once more by the event that is being told
  PyObject* passing_ = nullptr;  // what is returned or raised, of the innermost call
  const char* passing_name_ = "";
  std::uint32_t collection_step_ = 0;
  int output_ = -1, errors_ = -1;
  std::uint32_t written_steps_ = 0;
};

// Calls of this thread are told to it from here on.
void follow_this_thread(Recorder* recorder);
[[nodiscard]] bool follows_this_thread();

}  // namespace hoop::cpython::life
