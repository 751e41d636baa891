// SPDX-License-Identifier: Apache-2.0
#include "snapshot/known_types.h"

#include <string_view>

#include "snapshot/format.h"
#include "snapshot/python_layout.h"
#include "snapshot/types.h"

namespace hoop::snapshot {
namespace {

constexpr KnownType kKnownTypes[] = {
    {"str", Layout::kStr, Walk::kParts, SizeRule::kStr},
    {"bytes", Layout::kBytes, Walk::kParts, SizeRule::kPlain},
    {"int", Layout::kInt, Walk::kParts, SizeRule::kInt},
    {"bool", Layout::kBool, Walk::kParts, SizeRule::kInt},
    {"float", Layout::kFloat, Walk::kParts, SizeRule::kPlain},
    {"complex", Layout::kComplex, Walk::kParts, SizeRule::kPlain},
    {"NoneType", Layout::kNone, Walk::kParts, SizeRule::kPlain},
    {"tuple", Layout::kTuple, Walk::kTuple, SizeRule::kPlain},
    {"list", Layout::kList, Walk::kList, SizeRule::kList},
    {"dict", Layout::kDict, Walk::kDict, SizeRule::kDict},
    {"collections.OrderedDict", Layout::kDict, Walk::kOrderedDict, SizeRule::kOrderedDict},
    {"collections.defaultdict", Layout::kDict, Walk::kDict, SizeRule::kDict},
    {"set", Layout::kSet, Walk::kSet, SizeRule::kSet},
    {"frozenset", Layout::kSet, Walk::kSet, SizeRule::kSet},
    {"type", Layout::kType, Walk::kTraverse, SizeRule::kType},
    {"function", Layout::kFunction, Walk::kTraverse, SizeRule::kPlain},
    {"builtin_function_or_method", Layout::kBuiltinFunction, Walk::kTraverse, SizeRule::kPlain},
    {"method", Layout::kMethod, Walk::kTraverse, SizeRule::kPlain},
    {"code", Layout::kCode, Walk::kParts, SizeRule::kCode},
    {"frame", Layout::kFrame, Walk::kTraverse, SizeRule::kFrame},
    {"cell", Layout::kCell, Walk::kTraverse, SizeRule::kPlain},
    {"module", Layout::kModule, Walk::kTraverse, SizeRule::kPlain},
    {"weakref", Layout::kWeakReference, Walk::kTraverse, SizeRule::kPlain},
    {"weakproxy", Layout::kWeakReference, Walk::kTraverse, SizeRule::kPlain},
    {"weakcallableproxy", Layout::kWeakReference, Walk::kTraverse, SizeRule::kPlain},
    {"weakref.ReferenceType", Layout::kWeakReference, Walk::kTraverse, SizeRule::kPlain},
    {"weakref.ProxyType", Layout::kWeakReference, Walk::kTraverse, SizeRule::kPlain},
    {"weakref.CallableProxyType", Layout::kWeakReference, Walk::kTraverse, SizeRule::kPlain},
    {"generator", Layout::kGenerator, Walk::kTraverse, SizeRule::kGenerator},
    {"coroutine", Layout::kGenerator, Walk::kTraverse, SizeRule::kGenerator},
    {"async_generator", Layout::kGenerator, Walk::kTraverse, SizeRule::kGenerator},
    {"bytearray", Layout::kByteArray, Walk::kParts, SizeRule::kByteArray},
    {"collections.deque", Layout::kDeque, Walk::kDeque, SizeRule::kDeque},
    {"array.array", Layout::kOther, Walk::kTraverse, SizeRule::kArray},
    {"_io.BufferedReader", Layout::kOther, Walk::kTraverse, SizeRule::kBuffered},
    {"_io.BufferedWriter", Layout::kOther, Walk::kTraverse, SizeRule::kBuffered},
    {"_io.BufferedRandom", Layout::kOther, Walk::kTraverse, SizeRule::kBuffered},
    {"xml.etree.ElementTree.Element", Layout::kOther, Walk::kTraverse, SizeRule::kElement},
    {"_struct.Struct", Layout::kOther, Walk::kTraverse, SizeRule::kStruct},
    {"StgDict", Layout::kDict, Walk::kTraverse, SizeRule::kCtypesDict},
    {"_ctypes.CType_Type", Layout::kType, Walk::kTraverse, SizeRule::kCtypesClass},
    {"numpy.ndarray", Layout::kOther, Walk::kNumpyArray, SizeRule::kNumpyArray},
    {"mmap.mmap", Layout::kOther, Walk::kTraverse, SizeRule::kPlain, BufferRule::kMapping,
     OpenRule::kPointer},
    {"_io.FileIO", Layout::kOther, Walk::kTraverse, SizeRule::kPlain, BufferRule::kNone,
     OpenRule::kDescriptor},
    {"_socket.socket", Layout::kOther, Walk::kTraverse, SizeRule::kPlain, BufferRule::kNone,
     OpenRule::kDescriptor},
    {"sqlite3.Connection", Layout::kOther, Walk::kTraverse, SizeRule::kPlain, BufferRule::kNone,
     OpenRule::kPointer},
    {"BaseException", Layout::kException, Walk::kTraverse, SizeRule::kPlain},
    {"traceback", Layout::kTraceback, Walk::kTraverse, SizeRule::kPlain},
    {"functools.partial", Layout::kPartial, Walk::kTraverse, SizeRule::kPlain},
    {"functools._lru_cache_wrapper", Layout::kLruCache, Walk::kTraverse, SizeRule::kPlain},
    {"Context", Layout::kContext, Walk::kTraverse, SizeRule::kPlain},
    {"_contextvars.Context", Layout::kContext, Walk::kTraverse, SizeRule::kPlain},
    {"hamt_bitmap_node", Layout::kOther, Walk::kContextNode, SizeRule::kPlain},
    {"property", Layout::kProperty, Walk::kTraverse, SizeRule::kPlain},
    {"classmethod", Layout::kMethodWrapper, Walk::kTraverse, SizeRule::kPlain},
    {"staticmethod", Layout::kMethodWrapper, Walk::kTraverse, SizeRule::kPlain},
    {"mappingproxy", Layout::kMappingProxy, Walk::kTraverse, SizeRule::kPlain},
    {"memoryview", Layout::kMemoryView, Walk::kTraverse, SizeRule::kPlain},
    {"_asyncio.Future", Layout::kOther, Walk::kTraverse, SizeRule::kPlain},
};

void add_function(const PythonLayout& layout, KnownParts& parts) {
  parts.add(at::kFunctionGlobals, "__globals__");
  parts.add(at::kFunctionBuiltins, "__builtins__");
  parts.add(at::kFunctionName, "__name__");
  parts.add(at::kFunctionQualifiedName, "__qualname__");
  parts.add(at::kFunctionCode, "__code__");
  parts.add(at::kFunctionDefaults, "__defaults__");
  parts.add(at::kFunctionKeywordDefaults, "__kwdefaults__");
  parts.add(at::kFunctionClosure, "__closure__");
  parts.add(at::kFunctionDoc, "__doc__");
  parts.add(at::kFunctionModule, "__module__");
  parts.add(at::kFunctionAnnotations, "__annotations__");
  parts.add(layout.function_type_parameters, "__type_params__");
  parts.add(layout.function_annotate, "__annotate__");
}

void add_code(const CodeLayout& code, KnownParts& parts) {
  parts.add(code.constants, "co_consts");
  parts.add(code.names, "co_names");
  parts.add(code.file_name, "co_filename");
  parts.add(code.name, "co_name");
  parts.add(code.qualified_name, "co_qualname");
  parts.add(code.line_table, "co_linetable");
  parts.add(code.exception_table, "co_exceptiontable");
  parts.add(code.local_names, "co_localsplusnames");
  parts.add(code.local_kinds, "co_localspluskinds");
  parts.add(code.variable_names, "co_varnames");
  parts.add(code.free_names, "co_freevars");
  parts.add(code.cell_names, "co_cellvars");
  parts.add(code.bytecode, "co_code");
}

// Static types have no names and slots; what lies there is not theirs: see TypeInfo's user.
void add_type(KnownParts& parts) {
  parts.add(at::kTypeDict, "__dict__", EdgeKind::kDict);
  parts.add(at::kTypeBases, "__bases__");
  parts.add(at::kTypeMro, "__mro__");
  parts.add(at::kTypeBase, "__base__");
}

void add_exception(const PythonLayout& layout, KnownParts& parts) {
  const bool has_notes = layout.minor >= 11;
  const Offset traceback = has_notes ? 40 : 32;
  parts.add(at::kExceptionDict, "__dict__", EdgeKind::kDict);
  parts.add(at::kExceptionArguments, "args");
  parts.add(has_notes ? Offset{32} : kAbsent, "__notes__");
  parts.add(traceback, "__traceback__");
  parts.add(static_cast<Offset>(traceback + 8), "__context__");
  parts.add(static_cast<Offset>(traceback + 16), "__cause__");
}

void add_generator(const PythonLayout& layout, KnownParts& parts) {
  parts.add(layout.generator_name, "__name__");
  parts.add(layout.generator_qualified_name, "__qualname__");
  if (layout.minor == 10) parts.add(layout.generator_frame, "gi_frame");
  if (layout.minor <= 11) parts.add(24, "gi_code");
}

void add_future(const PythonLayout& layout, KnownParts& parts) {
  parts.add(16, "_loop");
  parts.add(24, "_callback");
  parts.add(32, "_context");
  parts.add(40, "_callbacks");
  parts.add(48, "_exception");
  parts.add(layout.minor >= 11 ? 64 : 56, "_result");
}

}  // namespace

const KnownType* known_type(std::string_view name) {
  for (const KnownType& type : kKnownTypes)
    if (type.name == name) return &type;
  return nullptr;
}

void find_known_parts(const KnownType& type, const PythonLayout& layout, KnownParts& parts) {
  switch (type.layout) {
    case Layout::kFunction:
      return add_function(layout, parts);
    case Layout::kCode:
      return add_code(layout.code, parts);
    case Layout::kType:
      return add_type(parts);
    case Layout::kException:
      return add_exception(layout, parts);
    case Layout::kGenerator:
      return add_generator(layout, parts);
    case Layout::kBuiltinFunction:
      parts.add(at::kBuiltinSelf, "__self__");
      return parts.add(at::kBuiltinModule, "__module__");
    case Layout::kMethod:
      parts.add(at::kMethodFunction, "__func__");
      return parts.add(at::kMethodSelf, "__self__");
    case Layout::kCell:
      return parts.add(at::kCell, "cell_contents");
    case Layout::kModule:
      return parts.add(at::kModuleDict, "__dict__", EdgeKind::kDict);
    case Layout::kWeakReference:
      return parts.add(at::kWeakCallback, "__callback__");
    case Layout::kTraceback:
      parts.add(at::kTracebackNext, "tb_next");
      return parts.add(at::kTracebackFrame, "tb_frame");
    case Layout::kLruCache:
      parts.add(at::kLruCache, "cache");
      return parts.add(at::kLruFunction, "__wrapped__");
    case Layout::kMappingProxy:
      return parts.add(at::kProxyMapping, "mapping");
    case Layout::kContext:
      return parts.add(24, "variables");
    case Layout::kFrame:
      parts.add(layout.minor == 10 ? 24 : 16, "f_back");
      return parts.add(layout.frame_object_trace, "f_trace");
    default:
      if (type.name == "_asyncio.Future") add_future(layout, parts);
      if (type.name == "numpy.ndarray") {
        parts.add(at::kNumpyBase, "base");
        parts.add(at::kNumpyDescription, "dtype");
      }
  }
}

}  // namespace hoop::snapshot
