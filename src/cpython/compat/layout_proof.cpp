// SPDX-License-Identifier: Apache-2.0
// Proof of snapshot/python_layout.h by the headers of the Python that this agent is built for: what
// they show must be where the writer reads. An agent with a wrong offset does not compile.
#include <Python.h>
#include <frameobject.h>  // IWYU pragma: keep

#include <cstddef>

#include "snapshot/python_layout.h"

namespace hoop::cpython {
namespace {

namespace at = snapshot::at;
constexpr const snapshot::PythonLayout& kProved = *snapshot::layout_of(PY_VERSION_HEX);

static_assert(offsetof(PyObject, ob_type) == at::kType);
static_assert(offsetof(PyVarObject, ob_size) == at::kSize);

static_assert(sizeof(PyTypeObject) == kProved.type_bytes);
static_assert(sizeof(PyHeapTypeObject) == kProved.heap_type_bytes);
static_assert(offsetof(PyTypeObject, tp_name) == at::kTypeName);
static_assert(offsetof(PyTypeObject, tp_basicsize) == at::kTypeBasicSize);
static_assert(offsetof(PyTypeObject, tp_itemsize) == at::kTypeItemSize);
static_assert(offsetof(PyTypeObject, tp_flags) == at::kTypeFlags);
static_assert(offsetof(PyTypeObject, tp_traverse) == at::kTypeTraverse);
static_assert(offsetof(PyTypeObject, tp_members) == at::kTypeMembers);
static_assert(offsetof(PyTypeObject, tp_base) == at::kTypeBase);
static_assert(offsetof(PyTypeObject, tp_dict) == at::kTypeDict);
static_assert(offsetof(PyTypeObject, tp_dictoffset) == at::kTypeDictOffset);
static_assert(offsetof(PyTypeObject, tp_is_gc) == at::kTypeIsGc);
static_assert(offsetof(PyTypeObject, tp_bases) == at::kTypeBases);
static_assert(offsetof(PyTypeObject, tp_mro) == at::kTypeMro);
static_assert(offsetof(PyTypeObject, tp_subclasses) == at::kTypeSubclasses);
static_assert(offsetof(PyHeapTypeObject, ht_name) == kProved.type_name);
static_assert(offsetof(PyHeapTypeObject, ht_slots) == kProved.type_slots);
static_assert(offsetof(PyHeapTypeObject, ht_qualname) == kProved.type_qualified_name);
static_assert(offsetof(PyHeapTypeObject, ht_cached_keys) == kProved.type_cached_keys);
static_assert(offsetof(PyHeapTypeObject, ht_module) == kProved.type_module);

static_assert(offsetof(PyListObject, ob_item) == at::kListItems);
static_assert(offsetof(PyListObject, allocated) == at::kListAllocated);
static_assert(offsetof(PyTupleObject, ob_item) == kProved.tuple_items);
static_assert(offsetof(PyDictObject, ma_used) == at::kDictUsed);
static_assert(offsetof(PyDictObject, ma_keys) == at::kDictKeys);
static_assert(offsetof(PyDictObject, ma_values) == at::kDictValues);
static_assert(offsetof(PySetObject, used) == at::kSetUsed);
static_assert(offsetof(PySetObject, mask) == at::kSetMask);
static_assert(offsetof(PySetObject, table) == at::kSetTable);
static_assert(offsetof(PySetObject, smalltable) == at::kSetSmallTable);
static_assert(offsetof(PyByteArrayObject, ob_alloc) == at::kByteArrayAllocated);

static_assert(offsetof(PyASCIIObject, length) == at::kStrLength);
static_assert(offsetof(PyASCIIObject, state) == at::kStrState);
static_assert(sizeof(PyASCIIObject) == kProved.str_ascii_data);
static_assert(sizeof(PyCompactUnicodeObject) == kProved.str_compact_data);
static_assert(offsetof(PyUnicodeObject, data) == kProved.str_any_data);
static_assert(offsetof(PyCompactUnicodeObject, utf8_length) == kProved.str_utf8_length);
static_assert(offsetof(PyCompactUnicodeObject, utf8) == kProved.str_utf8);

static_assert(offsetof(PyFunctionObject, func_globals) == at::kFunctionGlobals);
static_assert(offsetof(PyFunctionObject, func_name) == at::kFunctionName);
static_assert(offsetof(PyFunctionObject, func_code) == at::kFunctionCode);
static_assert(offsetof(PyFunctionObject, func_defaults) == at::kFunctionDefaults);
static_assert(offsetof(PyFunctionObject, func_kwdefaults) == at::kFunctionKeywordDefaults);
static_assert(offsetof(PyFunctionObject, func_closure) == at::kFunctionClosure);
static_assert(offsetof(PyFunctionObject, func_module) == at::kFunctionModule);
static_assert(offsetof(PyFunctionObject, func_annotations) == at::kFunctionAnnotations);
static_assert(offsetof(PyMethodObject, im_func) == at::kMethodFunction);
static_assert(offsetof(PyMethodObject, im_self) == at::kMethodSelf);
static_assert(offsetof(PyCFunctionObject, m_self) == at::kBuiltinSelf);
static_assert(offsetof(PyCFunctionObject, m_module) == at::kBuiltinModule);
static_assert(offsetof(PyCellObject, ob_ref) == at::kCell);

static_assert(offsetof(PyCodeObject, co_consts) == kProved.code.constants);
static_assert(offsetof(PyCodeObject, co_names) == kProved.code.names);
static_assert(offsetof(PyCodeObject, co_filename) == kProved.code.file_name);
static_assert(offsetof(PyCodeObject, co_name) == kProved.code.name);
static_assert(offsetof(PyCodeObject, co_linetable) == kProved.code.line_table);
static_assert(offsetof(PyCodeObject, co_firstlineno) == kProved.code.first_line);
static_assert(offsetof(PyCodeObject, co_argcount) == kProved.code.positional_count);
#if PY_VERSION_HEX >= 0x030B0000
static_assert(offsetof(PyCodeObject, co_localsplusnames) == kProved.code.local_names);
static_assert(offsetof(PyCodeObject, co_nlocalsplus) == kProved.code.local_count);
static_assert(offsetof(PyCodeObject, co_code_adaptive) == kProved.code.instructions);
#endif

static_assert(offsetof(PyThreadState, next) == at::kThreadNext);
static_assert(offsetof(PyThreadState, dict) == kProved.thread_dict);
static_assert(offsetof(PyThreadState, context) == kProved.thread_context);

}  // namespace
}  // namespace hoop::cpython
