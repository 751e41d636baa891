// SPDX-License-Identifier: Apache-2.0
#include "remote/process.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "remote/proc_files.h"
#include "remote/registers.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr int kTracingCapability = 19;  // CAP_SYS_PTRACE

std::uint64_t hexadecimal(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 16);
}

long decimal(const std::string& text) { return std::strtol(text.c_str(), nullptr, 10); }

// The first word: of ids, the real one.
std::string first_word(const std::string& text) {
  return text.substr(0, text.find_first_of(" \t"));
}

std::string last_word(const std::string& text) {
  const std::size_t at = text.find_last_of(" \t");
  return at == std::string::npos ? text : text.substr(at + 1);
}

bool may_trace_anything(const std::string& own_status) {
  return ((hexadecimal(field_of(own_status, "CapEff")) >> kTracingCapability) & 1) != 0;
}

bool shares_namespace(pid_t pid, const char* kind) {
  const std::string own = read_link(std::string("/proc/self/ns/") + kind);
  const std::string its = read_link(proc_path(pid, std::string("ns/") + kind));
  return its.empty() || own == its;
}

constexpr char kGrant[] =
    "run hoop as root or give it CAP_SYS_PTRACE (docker: --cap-add=SYS_PTRACE)";

Trouble refusal_by_yama(const std::string& name) {
  const std::string scope = read_text("/proc/sys/kernel/yama/ptrace_scope");
  if (scope.empty() || scope[0] == '0') return {};
  if (scope[0] == '3')
    return Trouble(name +
                   " may not be traced: kernel.yama.ptrace_scope is 3, which nothing but a "
                   "reboot changes");
  return Trouble(name + " may not be traced: kernel.yama.ptrace_scope is " + scope.substr(0, 1) +
                 "; " + kGrant +
                 (scope[0] == '1' ? ", or: sysctl kernel.yama.ptrace_scope=0" : ""));
}

// The executable's first bytes: what machine it is for.
Trouble refuse_other_machines(pid_t pid, const std::string& name) {
  const int file = ::open(proc_path(pid, "exe").c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};  // rights are asked for later
  Elf64_Ehdr header{};
  const ssize_t got = ::read(file, &header, sizeof header);
  ::close(file);
  if (got < 20 || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return {};
  if (header.e_ident[EI_CLASS] == ELFCLASS32)
    return Trouble(name + " is a 32-bit program; hoop copies 64-bit ones only");
  if (header.e_machine != kElfMachine)
    return Trouble(name + " is a program for another kind of processor");
  return {};
}

}  // namespace

std::string name_of(pid_t pid) {
  std::string name = read_text(proc_path(pid, "comm"));
  while (!name.empty() && name.back() == '\n') name.pop_back();
  std::string text = "process " + std::to_string(pid);
  return name.empty() ? text : text + " (" + name + ")";
}

Trouble explain_refusal(pid_t pid, pid_t thread, int error) {
  const std::string name = name_of(pid);
  if (error != EPERM && error != EACCES)
    return system_trouble(name + " cannot be traced (thread " + std::to_string(thread) + ")",
                          error);
  const std::string status = read_text(proc_path(pid, thread, "status"));
  const std::string own = read_text("/proc/self/status");
  if (status.empty()) return Trouble(name + " has ended");
  const std::string tracer = field_of(status, "TracerPid");
  if (decimal(tracer) > 0)
    return Trouble(name + " is traced already, by " + name_of(static_cast<pid_t>(decimal(tracer))) +
                   ": end that one first");
  if (may_trace_anything(own))
    return Trouble(name +
                   " may not be traced though hoop has CAP_SYS_PTRACE: a security module or "
                   "another user namespace forbids it; run hoop on the host");
  if (first_word(field_of(own, "Uid")) != first_word(field_of(status, "Uid")))
    return Trouble(name + " belongs to another user (uid " + first_word(field_of(status, "Uid")) +
                   "): run hoop as that user, or as root");
  Trouble yama = refusal_by_yama(name);
  if (yama) return yama;
  if (hexadecimal(field_of(status, "CapPrm")) & ~hexadecimal(field_of(own, "CapPrm")))
    return Trouble(name + " has capabilities that hoop has not: " + kGrant);
  if (field_of(own, "Seccomp") == "2")
    return Trouble(name +
                   " may not be traced from here: a seccomp filter or a missing capability "
                   "of hoop's container forbids ptrace; " +
                   kGrant + ", or run it on the host");
  return Trouble(name +
                 " may not be traced (setuid, not dumpable, or a security module): " + kGrant);
}

Trouble look_at_process(pid_t pid, ProcessFacts& facts) {
  const std::string status = read_text(proc_path(pid, "status"));
  if (pid <= 0 || status.empty())
    return Trouble("there is no process " + std::to_string(pid) +
                   " here (a container's own numbers are not the host's: see ps on this side)");
  const std::string name = name_of(pid);
  facts.pid = static_cast<pid_t>(decimal(field_of(status, "Tgid")));
  if (facts.pid != pid)
    return Trouble(std::to_string(pid) + " is a thread of process " + std::to_string(facts.pid));
  const std::string state = first_word(field_of(status, "State"));
  facts.threads = static_cast<unsigned>(decimal(field_of(status, "Threads")));
  if (state == "Z" && facts.threads > 1)
    return Trouble(name + " goes on without its main thread, which has ended: hoop cannot copy it");
  if (state == "X" || state == "Z")
    return Trouble(name + " has ended; its parent has not waited for it (a zombie)");
  if (field_of(status, "VmSize").empty()) return Trouble(name + " is a thread of the kernel");
  if (pid == ::getpid()) return Trouble("hoop does not copy itself");
  facts.pid_inside = static_cast<pid_t>(decimal(last_word(field_of(status, "NSpid"))));
  facts.executable = read_link(proc_path(pid, "exe"));
  facts.has_other_pid_namespace = !shares_namespace(pid, "pid");
  facts.has_other_mount_namespace = !shares_namespace(pid, "mnt");
  if (field_of(status, "Seccomp") == "1")
    return Trouble(name + " is in seccomp's strict mode: it may make no copy");
  Trouble machine = refuse_other_machines(pid, name);
  if (machine) return machine;
  TargetMemory memory;
  const int error = memory.open(pid);
  return error == 0 ? Trouble() : explain_refusal(pid, pid, error);
}

}  // namespace hoop::remote
