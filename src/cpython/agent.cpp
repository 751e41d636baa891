// SPDX-License-Identifier: Apache-2.0
#include "cpython/agent.h"

#include <Python.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "base/agent_abi.h"
#include "base/text.h"
#include "cpython/allocator.h"
#include "cpython/attendant.h"
#include "cpython/collector.h"
#include "cpython/collector_choice.h"
#include "cpython/compat/interpreter_watch.h"
#include "cpython/compat/late_threads.h"
#include "cpython/compat/restart_watch.h"
#include "cpython/compat/thread_state.h"
#include "cpython/figures.h"
#include "cpython/gil_gate.h"
#include "cpython/growth_watch.h"
#include "cpython/guard.h"
#include "cpython/interpreter_hooks.h"
#include "cpython/life_watch.h"
#include "cpython/process.h"
#include "cpython/resource_watch.h"
#include "cpython/ticker.h"
#include "os/clock.h"
#include "os/interval_timers.h"
#include "os/pages.h"
#include "os/report_process.h"
#include "os/standard_error.h"

namespace hoop::cpython {

constinit Process process;

namespace {

// Slow calls of the heap between two beats until the set-up is on its way: often.
constexpr unsigned kBeatUntilSetUp = 1;

struct Agent {
  bool active = false;
  bool set_up_asked = false;
  bool set_up = false;
  bool look_asked = false;
  bool figures_gathered = false;
  bool finished = false;
  bool forks_from_main = false;
  CollectorOptions collector;
};
constinit Agent agent;

void note_process(const char* run_dir, bool is_root) {
  process.pid = ::getpid();
  process.start_wall = os::wall_clock_now();
  process.start_monotonic = os::monotonic_now();
  process.run_dir = run_dir;
  process.is_root = is_root;
}

// --- the end ---

void gather_once(Names names) {
  if (agent.figures_gathered) return;
  agent.figures_gathered = true;
  gather_final_figures(names);
}

// At Python's atexit, last of all callbacks: everything is still alive.
void before_finalization() {
  end_life("end");
  close_attendant();
  close_ticker();
  close_collector();
  close_resource_watch(OpenAtEnd::kCounted);
  gather_once(Names::kAvailable);
  keep_states_for_late_threads();
}

void end_run(Ending ending) {
  if (agent.finished || process.run_dir == nullptr || process.pid != ::getpid()) return;
  agent.finished = true;
  const os::IntervalTimersStopped stopped;
  write_final_figures(ending);
  if (process.is_root) os::run_report(process.run_dir);
}

// Another interpreter starts in this process, and its allocators are its own again.
void serve_again() {
  if (reason_against_late_install() != nullptr) return;
  install_allocators();
  watch_for_interpreters(share_heap_between_interpreters);
}

// At the very end of Py_FinalizeEx: no Python any more, until an embedding program starts another.
void after_finalization() {
  stop_keeping_states();
  close_life();
  close_ticker_unwaited();
  forget_gil_visitors();
  agent.set_up = agent.set_up_asked = false;
  process_heap.set_beat(on_beat, kBeatUntilSetUp);
  watch_for_restart(serve_again);
  end_run(Ending::kNormal);
}

// Figures are ours to write here: in a child of vfork the memory is the parent's.
bool may_write_figures() {
  return agent.active && process.pid == ::getpid() && process.run_dir != nullptr && !agent.finished;
}

bool interpreter_is_up() { return agent.set_up && Py_IsInitialized() != 0; }

// Without collections: they would run finalizers that the program means to leave alone.
void gather_with_gil() {
  const int was_on = PyGC_Disable();
  close_resource_watch(OpenAtEnd::kMeant);
  gather_once(PyErr_Occurred() == nullptr ? Names::kAvailable : Names::kUnavailable);
  if (was_on != 0) PyGC_Enable();
}

// Before _exit(), in any state. Called by C it may come from a signal handler amid an allocation,
// or beside threads that are inside the heap this very moment.
void before_exit_call() {
  if (agent.active && process.pid == ::getpid()) {
    leave_collector();
    leave_attendant();
    if (interpreter_is_up() && is_inside_os_exit() && holds_gil()) end_life("os._exit");
  }
  if (!may_write_figures()) return;
  if (interpreter_is_up() && is_inside_os_exit() && holds_gil()) {
    gather_with_gil();
    end_run(Ending::kExitCall);
    return;
  }
  agent.finished = true;
  leave_samples_only();
  if (process.is_root) os::run_report(process.run_dir);
}

// Before the process becomes another program. A forked child that does so has nothing to tell.
bool before_exec() {
  if (agent.active && process.pid == ::getpid() && holds_gil()) abandon_collection();
  if (!may_write_figures() || process.is_forked || !interpreter_is_up()) return false;
  if (!holds_gil()) return false;
  gather_with_gil();
  write_final_figures(Ending::kExec);
  return true;
}

void after_failed_exec() {
  take_back_final_figures();
  reopen_resource_watch();
  agent.figures_gathered = false;
}

void after_address_space_limit() {
  const bool is_limited = os::address_space_left() != SIZE_MAX;
  // C code may set a limit while another thread is inside the heap.
  const bool is_alone = Py_IsInitialized() == 0 || holds_gil();
  const bool is_own = process.pid == ::getpid();  // a vfork's child has our memory, not our limit
  if (agent.active && is_own && is_limited && is_alone) process_heap.shrink_reservation();
}

bool run_is_finished() { return agent.finished; }

// --- forks ---

void after_fork_in_child() {
  process.pid = ::getpid();
  process.start_wall = os::wall_clock_now();
  process.start_monotonic = os::monotonic_now();
  process.is_root = false;
  process.is_forked = true;
  abandon_life();
  agent.figures_gathered = agent.finished = agent.look_asked = false;
  restart_gil_gate_after_fork();
  forget_thread();
  forget_attendant();
  restart_growth_watch();
  reset_heap_lock_after_fork();
  restart_collector_after_fork();
  forget_figures();
  forget_resources();
  // What the child allocates shares no page with the parent's objects, so neither copies the
  // other's pages. A C library may have forked beside a thread that was inside the heap.
  if (holds_gil()) process_heap.epoch();
  // However it ends, the report knows of it.
  record_sample(process.start_monotonic);
}

// --- the interpreter is up ---

// One line, by the process that was started by hoop run.
void tell(const char* what, const char* reason, const char* consequence) {
  if (!process.is_root) return;
  FixedText<256> line;
  line.add("hoop: ").add(what).add(": ").add(reason).add(consequence).add_char('\n');
  os::write_to_standard_error(line.data(), line.size());
}

void pause_threads() {
  agent.forks_from_main = ::syscall(SYS_gettid) == ::getpid();
  pause_attendant();
  stop_thread();
}

void resume_threads() {
  resume_thread();
  resume_attendant();
}

// In a fork's child, by Python: one that C forked may not run threads of ours. A child that another
// thread than the main one forked ends with its last thread, which must not be one that waits.
void allow_threads() {
  allow_thread();
  if (agent.forks_from_main) open_attendant();
}

int set_up(void*) {
  if (agent.set_up || is_finalizing()) return 0;
  agent.set_up = true;
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  install_interpreter_hooks(
      InterpreterHooks{before_finalization, pause_threads, resume_threads, allow_threads},
      agent.collector);
  if (const char* const reason = collector_reason())
    tell("full collections are left to CPython", reason, "");
  Py_AtExit(after_finalization);
  open_ticker();
  open_attendant();
  open_growth_watch();
  open_resource_watch();
  if (growth_is_watched()) {
    const HeapLock lock;
    process_heap.set_beat(on_beat, 1);
  }
  begin_life();
  PyErr_Restore(type, value, traceback);
  return 0;
}

int look(void*) {
  agent.look_asked = false;
  if (!agent.figures_gathered) look_at_composition();
  return 0;
}

bool start_heap() {
  if (!process_heap.init()) return false;
  process_heap.set_beat(on_beat, kBeatUntilSetUp);
  install_allocators();
  watch_for_interpreters(share_heap_between_interpreters);
  agent.active = true;
  ::pthread_atfork(nullptr, nullptr, after_fork_in_child);
  return true;
}

void stay_out(const char* reason) {
  process.passive_reason = reason;
  write_passive_figures();
  tell("not in use", reason, "; the program runs as without it");
}

// What the environment asks for; a name that is none is as if there were none.
CollectorOptions collector_options_of_environment() {
  CollectorOptions options;
  if (const char* const name = os::variable("HOOP_COLLECTOR"))
    parse_collector(name, options.choice);
  options.serves_gc_collect = os::variable("HOOP_GC_COLLECT") != nullptr;
  return options;
}

constexpr char kNoAddressSpace[] =
    "no address space for the heap (ulimit -v, or a limit of the container)";

}  // namespace

void on_agent_beat() noexcept {
  if (!agent.set_up) {
    if (agent.set_up_asked || Py_IsInitialized() == 0) return;
    agent.set_up_asked = Py_AddPendingCall(set_up, nullptr) == 0;
    if (agent.set_up_asked) process_heap.set_beat(on_beat, heap::Heap::kSlowCallsPerBeat);
    return;
  }
  if (growth_is_watched()) on_growth_beat();
  if (!agent.look_asked && heap_has_grown())
    agent.look_asked = Py_AddPendingCall(look, nullptr) == 0;
}

const char* install_late(CollectorChoice choice) noexcept {
  if (agent.active) return nullptr;
  if (const char* const reason = reason_against_late_install()) return reason;
  if (process.pid == 0) note_process(nullptr, false);
  if (!start_heap()) return kNoAddressSpace;
  process.passive_reason = nullptr;
  process.is_late = true;
  agent.collector.choice = choice;
  set_up(nullptr);
  return nullptr;
}

bool agent_is_active() noexcept { return agent.active; }

const char* agent_reason() noexcept { return process.passive_reason; }

void start_epoch() noexcept {
  const HeapLock lock;
  if (agent.active) process_heap.epoch();
}

}  // namespace hoop::cpython

// The shim's way in: before the interpreter, from a constructor.
extern "C" __attribute__((visibility("default"))) bool hoop_agent_start(
    const hoop::AgentStart* start, hoop::AgentHooks* hooks) {
  using namespace hoop::cpython;
  if (start->abi != hoop::kAgentAbi || agent.active) return agent.active;
  *hooks = hoop::AgentHooks{before_exit_call, before_exec, after_failed_exec,
                            after_address_space_limit, run_is_finished};
  note_process(start->run_dir, start->is_root);
  agent.collector = collector_options_of_environment();
  const char* reason = reason_against_preloading();
  if (reason == nullptr && !start_heap()) reason = kNoAddressSpace;
  if (reason == nullptr) open_life();
  if (reason != nullptr) stay_out(reason);
  return agent.active;
}
