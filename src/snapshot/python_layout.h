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
inline constexpr Offset kDequeLastIndex = 48, kDequeMaximum = 64;
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

constexpr CodeLayout kCode310 = {.constants = 56,
                                 .names = 64,
                                 .file_name = 104,
                                 .name = 112,
                                 .qualified_name = kAbsent,
                                 .line_table = 120,
                                 .first_line = 40,
                                 .positional_count = 16,
                                 .exception_table = kAbsent,
                                 .local_names = kAbsent,
                                 .local_kinds = kAbsent,
                                 .local_count = 28,
                                 .cached = kAbsent,
                                 .extra = 144,
                                 .instructions = kAbsent,
                                 .variable_names = 72,
                                 .free_names = 80,
                                 .cell_names = 88,
                                 .bytecode = 48};
constexpr CodeLayout kCode311 = {.constants = 24,
                                 .names = 32,
                                 .file_name = 112,
                                 .name = 120,
                                 .qualified_name = 128,
                                 .line_table = 136,
                                 .first_line = 72,
                                 .positional_count = 56,
                                 .exception_table = 40,
                                 .local_names = 96,
                                 .local_kinds = 104,
                                 .local_count = 76,
                                 .cached = 152,
                                 .extra = 176,
                                 .instructions = 184,
                                 .variable_names = kAbsent,
                                 .free_names = kAbsent,
                                 .cell_names = kAbsent,
                                 .bytecode = kAbsent};
constexpr CodeLayout kCode312 = {.constants = 24,
                                 .names = 32,
                                 .file_name = 112,
                                 .name = 120,
                                 .qualified_name = 128,
                                 .line_table = 136,
                                 .first_line = 68,
                                 .positional_count = 52,
                                 .exception_table = 40,
                                 .local_names = 96,
                                 .local_kinds = 104,
                                 .local_count = 72,
                                 .cached = 152,
                                 .extra = 184,
                                 .instructions = 192,
                                 .variable_names = kAbsent,
                                 .free_names = kAbsent,
                                 .cell_names = kAbsent,
                                 .bytecode = kAbsent};
constexpr CodeLayout kCode313 = {.constants = 24,
                                 .names = 32,
                                 .file_name = 112,
                                 .name = 120,
                                 .qualified_name = 128,
                                 .line_table = 136,
                                 .first_line = 68,
                                 .positional_count = 52,
                                 .exception_table = 40,
                                 .local_names = 96,
                                 .local_kinds = 104,
                                 .local_count = 72,
                                 .cached = 160,
                                 .extra = 192,
                                 .instructions = 200,
                                 .variable_names = kAbsent,
                                 .free_names = kAbsent,
                                 .cell_names = kAbsent,
                                 .bytecode = kAbsent};
constexpr CodeLayout kCode314 = {.constants = 24,
                                 .names = 32,
                                 .file_name = 112,
                                 .name = 120,
                                 .qualified_name = 128,
                                 .line_table = 136,
                                 .first_line = 68,
                                 .positional_count = 52,
                                 .exception_table = 40,
                                 .local_names = 96,
                                 .local_kinds = 104,
                                 .local_count = 72,
                                 .cached = 160,
                                 .extra = 200,
                                 .instructions = 208,
                                 .variable_names = kAbsent,
                                 .free_names = kAbsent,
                                 .cell_names = kAbsent,
                                 .bytecode = kAbsent};

constexpr FrameLayout kNoFrame = {};
constexpr FrameLayout kFrame311 = {32, 48, 0, 8, 16, 24, 40, 56, 64, 69, 72};
constexpr FrameLayout kFrame312 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 70, 72};
constexpr FrameLayout kFrame314 = {0, 8, 16, 24, 32, 40, 48, 56, 64, 74, 80};

constexpr PythonLayout kLayouts[] = {
    {.minor = 10,
     .type_bytes = 408,
     .heap_type_bytes = 888,
     .type_name = 848,
     .type_slots = 856,
     .type_qualified_name = 864,
     .type_cached_keys = 872,
     .type_module = 880,
     .str_ascii_data = 48,
     .str_compact_data = 72,
     .str_any_data = 72,
     .str_utf8_length = 48,
     .str_utf8 = 56,
     .tuple_items = 24,
     .function_type_parameters = kAbsent,
     .function_annotate = kAbsent,
     .keys = KeysKind::kByLookup,
     .values = ValuesKind::kNone,
     .code = kCode310,
     .frame = kNoFrame,
     .generator_frame = 16,
     .generator_state = kAbsent,
     .generator_name = 40,
     .generator_qualified_name = 48,
     .frame_object_frame = kAbsent,
     .frame_object_trace = 72,
     .frame_object_line = 100,
     .thread_dict = 152,
     .thread_context = 240,
     .thread_id = 176,
     .thread_native_id = kAbsent,
     .thread_frame = 24,
     .object_values = kAbsent,
     .object_dict = kAbsent},
    {.minor = 11,
     .type_bytes = 408,
     .heap_type_bytes = 904,
     .type_name = 848,
     .type_slots = 856,
     .type_qualified_name = 864,
     .type_cached_keys = 872,
     .type_module = 880,
     .str_ascii_data = 48,
     .str_compact_data = 72,
     .str_any_data = 72,
     .str_utf8_length = 48,
     .str_utf8 = 56,
     .tuple_items = 24,
     .function_type_parameters = kAbsent,
     .function_annotate = kAbsent,
     .keys = KeysKind::kByKind,
     .values = ValuesKind::kBeside,
     .code = kCode311,
     .frame = kFrame311,
     .generator_frame = 80,
     .generator_state = 75,
     .generator_name = 32,
     .generator_qualified_name = 40,
     .frame_object_frame = 24,
     .frame_object_trace = 32,
     .frame_object_line = 40,
     .thread_dict = 128,
     .thread_context = 224,
     .thread_id = 152,
     .thread_native_id = 160,
     .thread_frame = 56,
     .object_values = 32,
     .object_dict = 24},
    {.minor = 12,
     .type_bytes = 416,
     .heap_type_bytes = 920,
     .type_name = 856,
     .type_slots = 864,
     .type_qualified_name = 872,
     .type_cached_keys = 880,
     .type_module = 888,
     .str_ascii_data = 40,
     .str_compact_data = 56,
     .str_any_data = 56,
     .str_utf8_length = 40,
     .str_utf8 = 48,
     .tuple_items = 24,
     .function_type_parameters = 120,
     .function_annotate = kAbsent,
     .keys = KeysKind::kByKind,
     .values = ValuesKind::kTagged,
     .code = kCode312,
     .frame = kFrame312,
     .generator_frame = 72,
     .generator_state = 67,
     .generator_name = 24,
     .generator_qualified_name = 32,
     .frame_object_frame = 24,
     .frame_object_trace = 32,
     .frame_object_line = 40,
     .thread_dict = 112,
     .thread_context = 208,
     .thread_id = 136,
     .thread_native_id = 144,
     .thread_frame = 56,
     .object_values = 24,
     .object_dict = 24},
    {.minor = 13,
     .type_bytes = 416,
     .heap_type_bytes = 928,
     .type_name = 856,
     .type_slots = 864,
     .type_qualified_name = 872,
     .type_cached_keys = 880,
     .type_module = 888,
     .str_ascii_data = 40,
     .str_compact_data = 56,
     .str_any_data = 56,
     .str_utf8_length = 40,
     .str_utf8 = 48,
     .tuple_items = 24,
     .function_type_parameters = 120,
     .function_annotate = kAbsent,
     .keys = KeysKind::kByKind,
     .values = ValuesKind::kInline,
     .code = kCode313,
     .frame = kFrame312,
     .generator_frame = 72,
     .generator_state = 67,
     .generator_name = 24,
     .generator_qualified_name = 32,
     .frame_object_frame = 24,
     .frame_object_trace = 32,
     .frame_object_line = 40,
     .thread_dict = 128,
     .thread_context = 208,
     .thread_id = 152,
     .thread_native_id = 160,
     .thread_frame = 72,
     .object_values = kAbsent,
     .object_dict = 24},
    {.minor = 14,
     .type_bytes = 416,
     .heap_type_bytes = 936,
     .type_name = 856,
     .type_slots = 864,
     .type_qualified_name = 872,
     .type_cached_keys = 880,
     .type_module = 888,
     .str_ascii_data = 40,
     .str_compact_data = 56,
     .str_any_data = 56,
     .str_utf8_length = 40,
     .str_utf8 = 48,
     .tuple_items = 32,
     .function_type_parameters = 128,
     .function_annotate = 120,
     .keys = KeysKind::kByKind,
     .values = ValuesKind::kInline,
     .code = kCode314,
     .frame = kFrame314,
     .generator_frame = 72,
     .generator_state = 67,
     .generator_name = 24,
     .generator_qualified_name = 32,
     .frame_object_frame = 24,
     .frame_object_trace = 32,
     .frame_object_line = 40,
     .thread_dict = 128,
     .thread_context = 208,
     .thread_id = 152,
     .thread_native_id = 160,
     .thread_frame = 72,
     .object_values = kAbsent,
     .object_dict = 24},
};

// nullptr: this version is not known.
constexpr const PythonLayout* layout_of(std::uint32_t version_hex) {
  for (const PythonLayout& layout : kLayouts)
    if (version_hex >> 16 == (0x0300u | layout.minor)) return &layout;
  return nullptr;
}

}  // namespace hoop::snapshot
