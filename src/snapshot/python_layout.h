// SPDX-License-Identifier: Apache-2.0
// Where CPython keeps things, per minor version, in bytes. 64-bit builds with a GIL. The agent's
// compilation compares what public headers show (src/cpython/compat/layout_proof.cpp); the rest is
// the same in all releases of a minor version, and tests compare what is read with what Python
// says.
#pragma once

#include <cstdint>

namespace hoop::snapshot {

using Offset = std::uint16_t;
inline constexpr Offset kAbsent = 0xFFFF;

// The same on all versions.
namespace at {
inline constexpr Offset kCount = 0, kType = 8, kSize = 16;  // of an object
inline constexpr Offset kTypeName = 24, kTypeBasicSize = 32, kTypeItemSize = 40, kTypeFlags = 168;
inline constexpr Offset kTypeTraverse = 184, kTypeMembers = 240, kTypeBase = 256, kTypeDict = 264;
inline constexpr Offset kTypeDictOffset = 288, kTypeIsGc = 328, kTypeBases = 336, kTypeMro = 344;
inline constexpr Offset kTypeSubclasses = 360;
inline constexpr Offset kListItems = 24, kListAllocated = 32;
inline constexpr Offset kDictUsed = 16, kDictKeys = 32, kDictValues = 40;
inline constexpr Offset kSetUsed = 24, kSetMask = 32, kSetTable = 40, kSetSmallTable = 64;
inline constexpr Offset kStrLength = 16, kStrState = 32;
inline constexpr Offset kByteArrayAllocated = 24;
inline constexpr Offset kDequeFirst = 24, kDequeLast = 32, kDequeFirstIndex = 40;
inline constexpr Offset kDequeLastIndex = 48;
inline constexpr Offset kCell = 16, kMethodFunction = 16, kMethodSelf = 24;
inline constexpr Offset kBuiltinDefinition = 16, kBuiltinSelf = 24, kBuiltinModule = 32;
inline constexpr Offset kModuleDict = 16, kWeakReferent = 16, kWeakCallback = 24;
inline constexpr Offset kFunctionGlobals = 16, kFunctionBuiltins = 24, kFunctionName = 32;
inline constexpr Offset kFunctionQualifiedName = 40, kFunctionCode = 48, kFunctionDefaults = 56;
inline constexpr Offset kFunctionKeywordDefaults = 64, kFunctionClosure = 72, kFunctionDoc = 80;
inline constexpr Offset kFunctionDict = 88, kFunctionModule = 104, kFunctionAnnotations = 112;
inline constexpr Offset kTracebackNext = 16, kTracebackFrame = 24, kTracebackLine = 36;
inline constexpr Offset kExceptionDict = 16, kExceptionArguments = 24;
inline constexpr Offset kLruCache = 72, kLruFunction = 88, kLruMaximum = 96;
inline constexpr Offset kPartialFunction = 16, kPartialArguments = 24, kPartialKeywords = 32;
inline constexpr Offset kThreadNext = 8;
inline constexpr Offset kProxyMapping = 16;
// numpy's arrays: the same in 1.x and 2.x.
inline constexpr Offset kNumpyData = 16, kNumpyDimensions = 24, kNumpyShape = 32;
inline constexpr Offset kNumpyStrides = 40, kNumpyBase = 48, kNumpyDescription = 56;
inline constexpr Offset kNumpyFlags = 64, kNumpyKind = 24;  // the kind: of the description
}  // namespace at

enum class KeysKind : std::uint8_t {
  kByLookup,  // 3.10: one form, sizes in full
  kByKind,    // 3.11 and later: general, or of strings only
};

enum class ValuesKind : std::uint8_t {
  kNone,    // 3.10
  kBeside,  // 3.11: one word for the values, one for the dict
  kTagged,  // 3.12: one word for either
  kInline,  // 3.13 and later: behind the object
};

struct CodeLayout {
  Offset constants, names, file_name, name, qualified_name, line_table, first_line;
  Offset positional_count, exception_table, local_names, local_kinds, local_count, cached, extra;
  Offset instructions;
  // 3.10 only
  Offset variable_names, free_names, cell_names, bytecode;
};

struct FrameLayout {  // of the interpreter's frame; 3.11 and later
  Offset code, previous, function, globals, builtins, locals_dict, object, instruction, stack_top;
  Offset owner, locals;
};

struct PythonLayout {
  unsigned minor;
  Offset type_bytes, heap_type_bytes;
  Offset type_name, type_slots, type_qualified_name, type_cached_keys, type_module;
  Offset str_ascii_data, str_compact_data, str_any_data, str_utf8_length, str_utf8;
  Offset tuple_items;
  Offset function_type_parameters, function_annotate;
  KeysKind keys;
  ValuesKind values;
  CodeLayout code;
  FrameLayout frame;
  Offset generator_frame, generator_state, generator_name, generator_qualified_name;
  Offset frame_object_frame, frame_object_trace, frame_object_line;
  Offset thread_dict, thread_context, thread_id, thread_native_id, thread_frame;
  Offset object_values, object_dict;  // before an object with a managed dict
};

constexpr CodeLayout kCode310 = {56,      64, 104,     112, kAbsent, 120, 40, 16, kAbsent, kAbsent,
                                 kAbsent, 28, kAbsent, 144, kAbsent, 72,  80, 88, 48};
constexpr CodeLayout kCode311 = {24,  32, 112, 120, 128, 136,     72,      56,      40,     96,
                                 104, 76, 152, 176, 184, kAbsent, kAbsent, kAbsent, kAbsent};
constexpr CodeLayout kCode312 = {24,  32, 112, 120, 128, 136,     68,      52,      40,     96,
                                 104, 72, 152, 184, 192, kAbsent, kAbsent, kAbsent, kAbsent};
constexpr CodeLayout kCode313 = {24,  32, 112, 120, 128, 136,     68,      52,      40,     96,
                                 104, 72, 160, 192, 200, kAbsent, kAbsent, kAbsent, kAbsent};
constexpr CodeLayout kCode314 = {24,  32, 112, 120, 128, 136,     68,      52,      40,     96,
                                 104, 72, 160, 200, 208, kAbsent, kAbsent, kAbsent, kAbsent};

constexpr FrameLayout kNoFrame = {};
constexpr FrameLayout kFrame311 = {32, 48, 0, 8, 16, 24, 40, 56, 64, 69, 72};
constexpr FrameLayout kFrame312 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 70, 72};
constexpr FrameLayout kFrame314 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 74, 80};

constexpr PythonLayout kLayouts[] = {
    {10,
     408,
     888,
     848,
     856,
     864,
     872,
     880,
     48,
     72,
     72,
     48,
     56,
     24,
     kAbsent,
     kAbsent,
     KeysKind::kByLookup,
     ValuesKind::kNone,
     kCode310,
     kNoFrame,
     16,
     kAbsent,
     40,
     48,
     kAbsent,
     72,
     100,
     152,
     240,
     176,
     kAbsent,
     24,
     kAbsent,
     kAbsent},
    {11,
     408,
     904,
     848,
     856,
     864,
     872,
     880,
     48,
     72,
     72,
     48,
     56,
     24,
     kAbsent,
     kAbsent,
     KeysKind::kByKind,
     ValuesKind::kBeside,
     kCode311,
     kFrame311,
     80,
     75,
     32,
     40,
     24,
     32,
     40,
     128,
     224,
     152,
     160,
     56,
     32,
     24},
    {12,
     416,
     920,
     856,
     864,
     872,
     880,
     888,
     40,
     56,
     56,
     40,
     48,
     24,
     120,
     kAbsent,
     KeysKind::kByKind,
     ValuesKind::kTagged,
     kCode312,
     kFrame312,
     72,
     67,
     24,
     32,
     24,
     32,
     40,
     112,
     208,
     136,
     144,
     56,
     24,
     24},
    {13,
     416,
     928,
     856,
     864,
     872,
     880,
     888,
     40,
     56,
     56,
     40,
     48,
     24,
     120,
     kAbsent,
     KeysKind::kByKind,
     ValuesKind::kInline,
     kCode313,
     kFrame312,
     72,
     67,
     24,
     32,
     24,
     32,
     40,
     128,
     208,
     152,
     160,
     72,
     kAbsent,
     24},
    {14,
     416,
     936,
     856,
     864,
     872,
     880,
     888,
     40,
     56,
     56,
     40,
     48,
     32,
     128,
     120,
     KeysKind::kByKind,
     ValuesKind::kInline,
     kCode314,
     kFrame314,
     72,
     67,
     24,
     32,
     24,
     32,
     40,
     128,
     208,
     152,
     160,
     72,
     kAbsent,
     24},
};

// nullptr: this version is not known.
constexpr const PythonLayout* layout_of(std::uint32_t version_hex) {
  for (const PythonLayout& layout : kLayouts)
    if (version_hex >> 16 == (0x0300u | layout.minor)) return &layout;
  return nullptr;
}

}  // namespace hoop::snapshot
