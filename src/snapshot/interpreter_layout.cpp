// SPDX-License-Identifier: Apache-2.0
#include "snapshot/interpreter_layout.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {
namespace {

constexpr InterpreterLayout k310 = {.bytes = 113528,
                                    .threads_head = 8,
                                    .collector = 616,
                                    .collector_bytes = 240,
                                    .exit_callbacks = 3488,
                                    .interpreters_head = 32,
                                    .fields = {{{856, "sys.modules"},
                                                {872, "sys"},
                                                {880, "builtins"},
                                                {912, "codecs: search functions"},
                                                {920, "codecs: found before"},
                                                {928, "codecs: error handlers"},
                                                {1344, "dict of the interpreter"},
                                                {3424, "os.register_at_fork(before)"},
                                                {3432, "os.register_at_fork(after_in_parent)"},
                                                {3440, "os.register_at_fork(after_in_child)"},
                                                {3504, "sys.addaudithook"}}}};

constexpr InterpreterLayout k311 = {.bytes = 107752,
                                    .threads_head = 16,
                                    .collector = 648,
                                    .collector_bytes = 240,
                                    .exit_callbacks = 3536,
                                    .interpreters_head = 40,
                                    .fields = {{{888, "sys.modules"},
                                                {904, "sys"},
                                                {912, "builtins"},
                                                {936, "codecs: search functions"},
                                                {944, "codecs: found before"},
                                                {952, "codecs: error handlers"},
                                                {1400, "dict of the interpreter"},
                                                {3480, "os.register_at_fork(before)"},
                                                {3488, "os.register_at_fork(after_in_parent)"},
                                                {3496, "os.register_at_fork(after_in_child)"},
                                                {3552, "sys.addaudithook"}}}};

constexpr InterpreterLayout k312 = {.bytes = 383552,
                                    .threads_head = 72,
                                    .collector = 112,
                                    .collector_bytes = 240,
                                    .exit_callbacks = 3928,
                                    .interpreters_head = 40,
                                    .fields = {{{944, "sys.modules"},
                                                {352, "sys"},
                                                {360, "builtins"},
                                                {1248, "codecs: search functions"},
                                                {1256, "codecs: found before"},
                                                {1264, "codecs: error handlers"},
                                                {1720, "dict of the interpreter"},
                                                {3872, "os.register_at_fork(before)"},
                                                {3880, "os.register_at_fork(after_in_parent)"},
                                                {3888, "os.register_at_fork(after_in_child)"},
                                                {267208, "sys.addaudithook"}}}};

// _Py_DebugOffsets, at the beginning of _PyRuntime.
constexpr char kCookie[] = "xdebugpy";
constexpr std::size_t kCookieBytes = 8;

struct DebugOffsets {
  Offset interpreters_head, size, threads_head, collector, modules, sys, builtins;
};
constexpr DebugOffsets k313 = {40, 48, 72, 80, 88, 96, 104};
constexpr DebugOffsets k314 = {40, 48, 72, 88, 96, 104, 112};

InterpreterLayout read_debug_offsets(Address runtime, const DebugOffsets& at) {
  InterpreterLayout found;
  if (std::memcmp(reinterpret_cast<const void*>(runtime), kCookie, kCookieBytes) != 0) return found;
  const auto offset = [&](Offset place) {
    return static_cast<std::uint32_t>(load<std::uint64_t>(runtime + place));
  };
  found.bytes = offset(at.size);
  found.threads_head = offset(at.threads_head);
  found.collector = offset(at.collector);
  found.collector_bytes = 264;
  found.interpreters_head = offset(at.interpreters_head);
  found.fields = {{{offset(at.modules), "sys.modules"},
                   {offset(at.sys), "sys"},
                   {offset(at.builtins), "builtins"}}};
  return found;
}

// The rest of the names, for the very states that they were read off.
struct OtherFields {
  std::uint32_t bytes;
  std::uint32_t exit_callbacks;
  std::array<NamedField, 9> fields;
};

constexpr OtherFields k313Others = {194968,
                                    10696,
                                    {{{7960, "codecs: search functions"},
                                      {7968, "codecs: found before"},
                                      {7976, "codecs: error handlers"},
                                      {8448, "dict of the interpreter"},
                                      {10632, "os.register_at_fork(before)"},
                                      {10640, "os.register_at_fork(after_in_parent)"},
                                      {10648, "os.register_at_fork(after_in_child)"},
                                      {10808, "sys.addaudithook"}}}};

// Of 3.14.6. The callbacks of atexit are a list there.
constexpr OtherFields k314Others = {225864,
                                    0,
                                    {{{8000, "codecs: search functions"},
                                      {8008, "codecs: found before"},
                                      {8016, "codecs: error handlers"},
                                      {8496, "dict of the interpreter"},
                                      {10696, "os.register_at_fork(before)"},
                                      {10704, "os.register_at_fork(after_in_parent)"},
                                      {10712, "os.register_at_fork(after_in_child)"},
                                      {10792, "atexit.register"},
                                      {10912, "sys.addaudithook"}}}};

InterpreterLayout with_others(InterpreterLayout layout, const OtherFields& others) {
  if (layout.bytes != others.bytes) return layout;
  layout.exit_callbacks = others.exit_callbacks;
  std::size_t next = 3;
  for (const NamedField& field : others.fields) layout.fields[next++] = field;
  return layout;
}

}  // namespace

InterpreterLayout find_interpreter_layout(Address runtime, const PythonLayout& layout) {
  switch (layout.minor) {
    case 10:
      return k310;
    case 11:
      return k311;
    case 12:
      return k312;
    case 13:
      return with_others(read_debug_offsets(runtime, k313), k313Others);
    default:
      return with_others(read_debug_offsets(runtime, k314), k314Others);
  }
}

}  // namespace hoop::snapshot
