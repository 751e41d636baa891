// SPDX-License-Identifier: Apache-2.0
#include "remote/python_runtime.h"

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "remote/elf_symbols.h"
#include "remote/proc_files.h"
#include "remote/process.h"
#include "remote/stopped_threads.h"
#include "remote/trouble.h"

namespace hoop::remote {
namespace {

constexpr unsigned kOldest = 10;
constexpr unsigned kNewest = 14;
constexpr unsigned kFirstWithOffsets = 13;
constexpr char kCookie[] = "xdebugpy";  // at the start of _PyRuntime of 3.13 and later

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// What may hold an interpreter: the executable first, then whatever is named like Python.
std::vector<Mapping> candidates(pid_t pid) {
  const std::string executable = read_link(proc_path(pid, "exe"));
  std::vector<Mapping> found;
  for (const Mapping& one : read_mappings(pid)) {
    if (one.offset != 0 || !one.readable || one.path.empty()) continue;
    if (one.path == executable)
      found.insert(found.begin(), one);
    else if (base_name(one.path).find("python") != std::string::npos)
      found.push_back(one);
  }
  return found;
}

// The executable's file opens even when it was deleted.
std::string file_of(pid_t pid, const Mapping& image) {
  return image.path == read_link(proc_path(pid, "exe")) ? proc_path(pid, "exe")
                                                        : proc_path(pid, "root" + image.path);
}

std::optional<Address> find_symbol(pid_t pid, const TargetMemory& memory, const Mapping& image,
                                   const std::string& name) {
  const auto exported = find_exported(memory, image.start, name);
  return exported ? exported : find_in_file(memory, image.start, file_of(pid, image), name);
}

// The 12 of "python3.12", "libpython3.12.so.1.0" or "cpython-312-x86_64"; 0 where there is none.
unsigned minor_in(const std::string& path) {
  for (const char* const prefix : {"python3.", "cpython-3"}) {
    const std::size_t at = path.rfind(prefix);
    if (at == std::string::npos) continue;
    const unsigned long minor = std::strtoul(path.c_str() + at + std::strlen(prefix), nullptr, 10);
    if (minor > 0 && minor < 100) return static_cast<unsigned>(minor);
  }
  return 0;
}

unsigned minor_by_files(pid_t pid, const Mapping& image) {
  if (const unsigned minor = minor_in(base_name(image.path)); minor != 0) return minor;
  for (const Mapping& one : read_mappings(pid))
    if (const unsigned minor = minor_in(one.path); minor != 0) return minor;
  return 0;
}

// _Py_DebugOffsets, as far as it is needed, in words after the cookie.
constexpr std::size_t kWords = 48;
using Words = std::array<std::uint64_t, kWords>;

struct OffsetPlaces {
  std::size_t version = 0;
  std::size_t is_free_threaded = 1;
  std::size_t first_interpreter = 4;
  std::size_t next_interpreter = 7;
  std::size_t gil, gil_state, locked, holder;
};
constexpr OffsetPlaces kPlaces313 = {.gil = 13, .gil_state = 14, .locked = 16, .holder = 17};
// One word more about interpreters.
constexpr OffsetPlaces kPlaces314 = {.gil = 14, .gil_state = 15, .locked = 17, .holder = 18};

// How many words follow before those about thread states differs within 3.14. These begin with a
// size and then 0, 8, 16: `prev`, `next` and `interp`. 0: not found.
std::uint64_t system_id_in(const Words& words, const OffsetPlaces& places) {
  for (std::size_t i = places.holder + 1; i + 6 < kWords; ++i)
    if (words[i + 1] == 0 && words[i + 2] == 8 && words[i + 3] == 16) return words[i + 6];
  return 0;
}

bool is_plausible(const GilOffsets& gil) {
  constexpr std::uint64_t kMost = 1 << 22;
  for (const std::uint64_t one : {gil.first_interpreter, gil.next_interpreter, gil.gil, gil.locked,
                                  gil.holder, gil.system_id})
    if (one >= kMost) return false;
  return gil.system_id != 0 && gil.locked < 4 * kKiB && gil.holder < 4 * kKiB;
}

void read_offsets(const TargetMemory& memory, PythonFacts& facts) {
  char cookie[sizeof kCookie - 1];
  Words words{};
  if (!memory.read(facts.runtime, cookie, sizeof cookie) ||
      std::memcmp(cookie, kCookie, sizeof cookie) != 0 ||
      !memory.read(facts.runtime + sizeof cookie, words.data(), sizeof words))
    return;
  const OffsetPlaces& places = facts.minor == kFirstWithOffsets ? kPlaces313 : kPlaces314;
  facts.version = static_cast<std::uint32_t>(words[places.version]);
  facts.is_free_threaded = words[places.is_free_threaded] != 0;
  facts.gil = {words[places.first_interpreter],
               words[places.next_interpreter],
               words[places.gil],
               words[places.locked] - words[places.gil_state],
               words[places.holder] - words[places.gil_state],
               system_id_in(words, places)};
  facts.has_gil_offsets = is_plausible(facts.gil);
}

Trouble read_version(pid_t pid, const TargetMemory& memory, const Mapping& image,
                     PythonFacts& facts) {
  const auto symbol = find_symbol(pid, memory, image, "Py_Version");
  if (symbol)
    facts.version = static_cast<std::uint32_t>(memory.value<std::uint64_t>(*symbol).value_or(0));
  if (facts.version == 0) facts.version = 0x03000000 | minor_by_files(pid, image) << 16;
  facts.minor = (facts.version >> 16) & 0xFF;
  const std::string name = name_of(pid);
  if (facts.version >> 24 != 3 || facts.minor < kOldest || facts.minor > kNewest) {
    const std::string found = facts.minor == 0 ? "a Python of a version that cannot be told"
                                               : "Python " + std::to_string(facts.version >> 24) +
                                                     "." + std::to_string(facts.minor);
    return Trouble(name + " is " + found + "; hoop knows 3.10 to 3.14");
  }
  if (facts.minor >= kFirstWithOffsets) read_offsets(memory, facts);
  if (facts.is_free_threaded) return Trouble(name + " is a free-threaded Python, without a GIL");
  return {};
}

// Whether this interpreter's GIL is free, or held by a thread in a system call.
Verdict judge_one(const TargetMemory& memory, Address interpreter, const GilOffsets& at,
                  const std::map<std::uint64_t, bool>& in_system_call) {
  const auto gil = memory.value<Address>(interpreter + at.gil);
  if (!gil || *gil == 0) return Verdict::kUnknown;
  const auto locked = memory.value<std::int32_t>(*gil + at.locked);
  if (!locked || *locked < -1 || *locked > 1) return Verdict::kUnknown;
  if (*locked <= 0) return Verdict::kGood;
  const auto holder = memory.value<Address>(*gil + at.holder);
  if (!holder || *holder == 0) return Verdict::kUnknown;
  const auto id = memory.value<std::uint64_t>(*holder + at.system_id);
  const auto thread = id ? in_system_call.find(*id) : in_system_call.end();
  if (thread == in_system_call.end()) return Verdict::kUnknown;
  return thread->second ? Verdict::kGood : Verdict::kBad;
}

std::uint64_t id_inside(pid_t pid, pid_t thread) {
  const std::string ids = field_of(read_text(proc_path(pid, thread, "status")), "NSpid");
  return std::strtoull(ids.c_str() + ids.find_last_of(" \t") + 1, nullptr, 10);
}

}  // namespace

Trouble find_python(pid_t pid, PythonFacts& facts) {
  TargetMemory memory;
  const int error = memory.open(pid);
  if (error != 0) return explain_refusal(pid, pid, error);
  for (const Mapping& image : candidates(pid)) {
    const auto runtime = find_symbol(pid, memory, image, "_PyRuntime");
    if (!runtime) continue;
    facts.runtime = *runtime;
    facts.library = image.path;
    return read_version(pid, memory, image, facts);
  }
  return Trouble(name_of(pid) +
                 " is not Python: there is no _PyRuntime in its executable or its libraries");
}

Judge judge_by_gil(pid_t pid, const PythonFacts& facts) {
  if (!facts.has_gil_offsets) return {};
  const bool has_other_numbers =
      read_link("/proc/self/ns/pid") != read_link(proc_path(pid, "ns/pid"));
  return [pid, runtime = facts.runtime, at = facts.gil, has_other_numbers](
             const std::vector<ThreadLook>& threads, const TargetMemory& memory) {
    std::map<std::uint64_t, bool> in_system_call;
    for (const ThreadLook& one : threads) {
      const std::uint64_t id =
          has_other_numbers ? id_inside(pid, one.thread) : static_cast<std::uint64_t>(one.thread);
      in_system_call[id] = one.in_system_call;
    }
    Verdict verdict = Verdict::kUnknown;
    auto interpreter = memory.value<Address>(runtime + at.first_interpreter);
    constexpr int kMostInterpreters = 64;
    for (int i = 0; i < kMostInterpreters && interpreter && *interpreter != 0; ++i) {
      verdict = judge_one(memory, *interpreter, at, in_system_call);
      if (verdict != Verdict::kGood) return verdict;
      interpreter = memory.value<Address>(*interpreter + at.next_interpreter);
    }
    return verdict;
  };
}

}  // namespace hoop::remote
