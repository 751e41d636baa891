// SPDX-License-Identifier: Apache-2.0
// What the preloaded shim and the agent that it opens agree on.
#pragma once

#include <cstdint>

namespace hoop {

inline constexpr std::uint32_t kAgentAbi = 2;

// Given by the shim; all strings live as long as the process.
struct AgentStart {
  std::uint32_t abi;
  bool is_root;         // this process is the one that `hoop run` became
  const char* run_dir;  // where figures go; nullptr: nowhere
};

// Given back by the agent.
struct AgentHooks {
  // Before the process ends by _exit(): no finalization will come.
  void (*before_exit)();
  // Before the process becomes another program by exec(). True: should the exec fail,
  // after_failed_exec has to be called.
  bool (*before_exec)();
  void (*after_failed_exec)();
  // After RLIMIT_AS was set.
  void (*after_address_space_limit)();
  // True when the agent has shown the report of this run, and the shim has nothing left to do.
  bool (*run_is_finished)();
};

// The agent's entry point, by this name. False: the agent stays out of this process; hooks are
// valid all the same.
using AgentEntry = bool (*)(const AgentStart*, AgentHooks*);
inline constexpr char kAgentEntryName[] = "hoop_agent_start";

}  // namespace hoop
