// SPDX-License-Identifier: Apache-2.0
#include "remote/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "remote/proc_files.h"
#include "remote/process.h"
#include "remote/registers.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr std::size_t kMostFilters = 64;
#ifdef SECCOMP_RET_ACTION_FULL
constexpr std::uint32_t kActionMask = SECCOMP_RET_ACTION_FULL;
#else
constexpr std::uint32_t kActionMask = 0xFFFF0000U;
#endif

// The machine that runs a filter: two registers, sixteen words.
class FilterMachine {
 public:
  FilterMachine(std::span<const sock_filter> filter, const seccomp_data& call)
      : filter_(filter), call_(call) {}

  std::optional<std::uint32_t> run() {
    // Jumps go forward only.
    for (std::size_t at = 0; at < filter_.size(); ++at) {
      const sock_filter& one = filter_[at];
      switch (BPF_CLASS(one.code)) {
        case BPF_LD:
          if (!load(one, a_)) return std::nullopt;
          break;
        case BPF_LDX:
          if (!load(one, x_)) return std::nullopt;
          break;
        case BPF_ST:
          words_[one.k % words_.size()] = a_;
          break;
        case BPF_STX:
          words_[one.k % words_.size()] = x_;
          break;
        case BPF_ALU:
          if (!compute(one)) return std::nullopt;
          break;
        case BPF_JMP:
          at += jump(one);
          break;
        case BPF_RET:
          return BPF_RVAL(one.code) == BPF_A ? a_ : one.k;
        default:
          (BPF_MISCOP(one.code) == BPF_TAX ? x_ : a_) = BPF_MISCOP(one.code) == BPF_TAX ? a_ : x_;
      }
    }
    return std::nullopt;
  }

 private:
  bool load(const sock_filter& one, std::uint32_t& into) const {
    switch (BPF_MODE(one.code)) {
      case BPF_IMM:
        into = one.k;
        return true;
      case BPF_MEM:
        into = words_[one.k % words_.size()];
        return true;
      case BPF_LEN:
        into = sizeof call_;
        return true;
      case BPF_ABS:
        if (one.k > sizeof call_ - sizeof into) return false;
        std::memcpy(&into, reinterpret_cast<const char*>(&call_) + one.k, sizeof into);
        return true;
      default:
        return false;
    }
  }

  bool compute(const sock_filter& one) {
    const std::uint32_t by = BPF_SRC(one.code) == BPF_X ? x_ : one.k;
    switch (BPF_OP(one.code)) {
      case BPF_ADD:
        a_ += by;
        return true;
      case BPF_SUB:
        a_ -= by;
        return true;
      case BPF_MUL:
        a_ *= by;
        return true;
      case BPF_DIV:
        a_ = by == 0 ? 0 : a_ / by;
        return by != 0;
      case BPF_AND:
        a_ &= by;
        return true;
      case BPF_OR:
        a_ |= by;
        return true;
      case BPF_XOR:
        a_ ^= by;
        return true;
      case BPF_LSH:
        a_ = by < 32 ? a_ << by : 0;
        return true;
      case BPF_RSH:
        a_ = by < 32 ? a_ >> by : 0;
        return true;
      case BPF_NEG:
        a_ = 0U - a_;
        return true;
      default:
        return false;
    }
  }

  // How many instructions are left out.
  [[nodiscard]] std::size_t jump(const sock_filter& one) const {
    const std::uint32_t with = BPF_SRC(one.code) == BPF_X ? x_ : one.k;
    bool holds = false;
    switch (BPF_OP(one.code)) {
      case BPF_JA:
        return one.k;
      case BPF_JEQ:
        holds = a_ == with;
        break;
      case BPF_JGT:
        holds = a_ > with;
        break;
      case BPF_JGE:
        holds = a_ >= with;
        break;
      default:
        holds = (a_ & with) != 0;  // BPF_JSET
    }
    return holds ? one.jt : one.jf;
  }

  std::span<const sock_filter> filter_;
  const seccomp_data& call_;
  std::uint32_t a_ = 0;
  std::uint32_t x_ = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> words_{};
};

// Of the stopped thread; -1 with errno: may not be read. ENOENT: there are no more.
bool read_filter(pid_t thread, std::size_t number, std::vector<sock_filter>& filter) {
  const long length = ::ptrace(PTRACE_SECCOMP_GET_FILTER, thread, number, nullptr);
  if (length < 0) return false;
  filter.resize(static_cast<std::size_t>(length));
  return ::ptrace(PTRACE_SECCOMP_GET_FILTER, thread, number, filter.data()) == length;
}

long filters_of(const std::string& status) {
  const std::string count = field_of(status, "Seccomp_filters");
  return count.empty() ? -1 : std::strtol(count.c_str(), nullptr, 10);
}

// Without the right to read them: a process that has no more filters than we have got them from the
// same container as we did, and those let us fork.
Trouble guess(pid_t pid, const std::string& status) {
  const long its = filters_of(status);
  const long ours = filters_of(read_text("/proc/self/status"));
  if (its >= 0 && its <= ours) return {};
  return Trouble(name_of(pid) +
                 " has a seccomp filter that hoop may not read, and that might kill it for "
                 "making a copy: run hoop as root on the host (CAP_SYS_ADMIN)");
}

Trouble explain_answer(pid_t pid, std::uint32_t answer) {
  const std::uint32_t action = answer & kActionMask;
  if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG) return {};
  return Trouble(name_of(pid) + " may not make a copy of itself: its seccomp filter " +
                 (action == SECCOMP_RET_ERRNO ? "forbids clone or wait4"
                                              : "would kill it for clone or wait4"));
}

}  // namespace

std::optional<std::uint32_t> run_filter(std::span<const sock_filter> filter,
                                        const seccomp_data& call) {
  return FilterMachine(filter, call).run();
}

Trouble check_filters(pid_t pid, pid_t thread, Address instruction, long number,
                      const CallArguments& arguments) {
  const std::string status = read_text(proc_path(pid, thread, "status"));
  if (field_of(status, "Seccomp") != "2") return {};
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = AUDIT_ARCH_X86_64;
  call.instruction_pointer = instruction + kCallBytes;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    call.args[i] = static_cast<std::uint64_t>(arguments[i]);
  std::vector<sock_filter> filter;
  for (std::size_t i = 0; i < kMostFilters; ++i) {
    if (!read_filter(thread, i, filter))
      return errno == ENOENT && i > 0 ? Trouble() : guess(pid, status);
    const auto answer = run_filter(filter, call);
    const Trouble trouble = explain_answer(pid, answer.value_or(SECCOMP_RET_KILL));
    if (trouble) return trouble;
  }
  return {};
}

}  // namespace hoop::remote
