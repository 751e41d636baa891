// SPDX-License-Identifier: Apache-2.0
// A copy-on-write copy of a process that was not prepared for it: born by a clone that one of its
// threads was made to call, traced from its birth, and used for work that the process never sees.
//
// It is no child that the process's own waits find: it ends without a signal, which waitpid()
// leaves out unless __WALL or __WCLONE is asked for. For the same reason nobody but us has it
// waited for.
//
// A copy that loses its tracer before it is told to die with it dies all the same: every signal is
// blocked, and its stack pointer points nowhere, so that the return after the clone ends it, no
// handler of the program's being run.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "base/units.h"
#include "remote/blob.h"
#include "remote/injection.h"
#include "remote/proc_files.h"
#include "remote/registers.h"
#include "remote/tracer.h"
#include "remote/trouble.h"

namespace hoop::remote {

// Makes the stopped `thread` clone its process. `born` is the copy as we number processes,
// `born_inside` as the process itself does.
struct Birth {
  pid_t born = 0;
  pid_t born_inside = 0;
  Nanoseconds clone_time = 0;
  int niceness = 0;  // of the thread; the copy's own until it is taken over is another
};
// What clone is called with.
extern const CallArguments kCloneArguments;

Trouble clone_process(Tracer& tracer, pid_t thread, Address call_instruction, Birth& birth);

class InjectedCopy {
 public:
  InjectedCopy(Tracer& tracer, pid_t copy, Address call_instruction);
  ~InjectedCopy();
  InjectedCopy(const InjectedCopy&) = delete;
  InjectedCopy& operator=(const InjectedCopy&) = delete;

  // Once: it stands still, and from now on dies with us.
  Trouble take_over(int niceness);
  // Closes what it inherited, loads the blob and its arguments, makes a pipe. The read end is the
  // caller's.
  Trouble load(const Blob& blob, const std::string& arguments, std::size_t stack_bytes,
               int& pipe_end);
  Trouble start();

  // Takes in an event of the copy. A fault ends it, unless the blob handles that.
  void take_in(const Event& event);
  [[nodiscard]] bool has_ended() const { return has_ended_; }
  // Trouble: it did not end by exit_group(0).
  [[nodiscard]] Trouble end_trouble() const;

  // Ends it, if it has not ended, and waits until only the process that it is a child of has still
  // to wait for it.
  void end();

 private:
  std::optional<long> call(long number, const CallArguments& arguments);
  Trouble called(const char* what, long number, const CallArguments& arguments, Address& result);
  Trouble close_descriptors();
  Trouble map_blob(const Blob& blob, const std::string& arguments, std::size_t stack_bytes);
  Trouble make_pipe(int& pipe_end);
  void be_modest(int niceness) const;
  void note_fault(int signal);

  Tracer& tracer_;
  const pid_t copy_;
  Injection injection_;
  TargetMemory memory_;
  bool has_ended_ = false;
  int status_ = 0;
  std::string fault_;  // the last

  Address base_ = 0;
  Address entry_ = 0;
  Address stack_end_ = 0;
  Address arguments_ = 0;
  std::size_t argument_bytes_ = 0;
  int output_ = -1;
};

}  // namespace hoop::remote
