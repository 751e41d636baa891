// SPDX-License-Identifier: Apache-2.0
// Where in its block an object begins. Before the object may lie, in this order: a pre-header
// (managed dictionary and weak references, 3.11+) and the collector's header (two words).
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hoop::cpython {

inline constexpr std::size_t kCollectorHeaderBytes = 16;
inline constexpr std::size_t kPreHeaderBytes = 16;

#if PY_VERSION_HEX >= 0x030C0000
inline constexpr unsigned long kPreHeaderFlags =
    Py_TPFLAGS_MANAGED_DICT | Py_TPFLAGS_MANAGED_WEAKREF;
#elif PY_VERSION_HEX >= 0x030B0000
inline constexpr unsigned long kPreHeaderFlags = Py_TPFLAGS_MANAGED_DICT;
#else
inline constexpr unsigned long kPreHeaderFlags = 0;
#endif

inline constexpr std::size_t kMaxObjectOffset = kPreHeaderBytes + kCollectorHeaderBytes;

// A dead object in one of CPython's free lists. Up to 3.13 its count is 0; from 3.14 on its first
// word is a link to the next one, or 0. `spans(address)` tells whether an address is the heap's.
template <class Spans>
bool is_in_free_list(const PyObject* object, const Spans& spans) {
  if (object->ob_refcnt == 0) return true;
#if PY_VERSION_HEX >= 0x030E0000
  const void* first_word = nullptr;
  std::memcpy(&first_word, object, sizeof first_word);
  return spans(first_word);
#else
  (void)spans;
  return false;
#endif
}

// False for what can be no object's count: a word of a table or array that happens to lie there. A
// count has 32 bits on every version; what 3.14 keeps above has none in the lower half.
inline bool has_plausible_count(const PyObject* object) {
  std::uint64_t first_word = 0;
  std::memcpy(&first_word, object, sizeof first_word);
  return (first_word >> 32 & 0xFFFF) == 0 || (first_word >> 32) == 0xFFFFFFFF;
}

// The collector's header before an object is a pair of links, whose lowest bits are flags; an
// untracked object has none. The counts at the start of a dict's table are no addresses. (The links
// are not followed: a neighbour's cache line for each object would double the time of a census.)
inline bool has_plausible_collector_header(const PyObject* object) {
  constexpr std::uintptr_t kFlags = 7;
  constexpr std::uintptr_t kLowestAddress = 0x10000;
  const auto* const header = reinterpret_cast<const std::uintptr_t*>(object) - 2;
  if (header[0] == 0) return (header[1] & ~kFlags) == 0;
  return header[0] >= kLowestAddress && header[1] >= kLowestAddress;
}

inline std::size_t object_offset_of(const PyTypeObject* type) {
  const std::size_t collector =
      (type->tp_flags & Py_TPFLAGS_HAVE_GC) != 0 ? kCollectorHeaderBytes : 0;
  const std::size_t pre_header = (type->tp_flags & kPreHeaderFlags) != 0 ? kPreHeaderBytes : 0;
  return collector + pre_header;
}

}  // namespace hoop::cpython
