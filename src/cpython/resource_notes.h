// SPDX-License-Identifier: Apache-2.0
// What the parts of the watch over resources share: what is open, and how it is noted. Thread rule:
// the GIL of the main interpreter.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/resource_places.h"
#include "cpython/resource_table.h"

namespace hoop::cpython {

inline constexpr std::size_t kMaxDescriptors = 8192;  // that have a time of last use
// The last that were made: of older ones nothing is known.
inline constexpr std::size_t kPaths = 128;
inline constexpr std::size_t kPathBytes = 160;
inline constexpr std::size_t kProcesses = 1024;
// The identity of a pool of workers that Python itself had to end.
inline constexpr std::uint64_t kLeftOpen = 1;

struct ResourceWatch {
  bool is_on = false;
  PyInterpreterState* interpreter = nullptr;
  PyObject* closefd = nullptr;  // the name
  Nanoseconds late_after = 0;
  Nanoseconds* uses = nullptr;  // mapped: of a descriptor, when it was last used
  std::uint64_t paths_made = 0;
  std::uint64_t processes_made = 0;
  std::uintptr_t processes[kProcesses] = {};  // keys
  char paths[kPaths][kPathBytes] = {};
};
extern constinit ResourceWatch resource_watch;
extern constinit ResourceTable resources;

[[nodiscard]] bool is_watching() noexcept;

// What is no object has an odd key.
[[nodiscard]] std::uintptr_t key_of(PyObject* object) noexcept;
[[nodiscard]] std::uintptr_t key_of_process(long pid) noexcept;
[[nodiscard]] std::uintptr_t key_of_descriptor(long descriptor) noexcept;
[[nodiscard]] std::uintptr_t key_of_path(const char* path, std::size_t length) noexcept;
[[nodiscard]] bool is_object(const OpenResource& one) noexcept;

// The value of an int; -1 of anything else.
[[nodiscard]] long as_long(PyObject* number) noexcept;

// nullptr: there is no room.
OpenResource* note(std::uintptr_t key, const Caller& caller, ResourceKind kind) noexcept;
// The first type that is told of a place is kept.
void name_type(Place& place, PyTypeObject* type) noexcept;
// Where nothing is known of its use, since it was opened.
[[nodiscard]] Nanoseconds unused_for(const OpenResource& one, ResourceKind kind) noexcept;
// Nobody closed it.
void count_finalized(OpenResource* one) noexcept;

}  // namespace hoop::cpython
