// SPDX-License-Identifier: Apache-2.0
#include "cpython/life/references.h"

#include <Python.h>
#include <frameobject.h>
#include <structmember.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/units.h"
#include "snapshot/frames.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::cpython::life {
namespace {

using snapshot::word_at;

constexpr std::size_t kCollectorHeader = 16;

PyObject* object_at(Address address) { return reinterpret_cast<PyObject*>(address); }

Label attribute(PyObject* name) { return {LabelKind::kAttribute, 0, name, nullptr}; }
Label literal(const char* text) { return {LabelKind::kText, 0, nullptr, text}; }
Label item(std::size_t index) { return {LabelKind::kIndex, index, nullptr, nullptr}; }

// A cell stands for what is in it.
PyObject* behind_cell(PyObject* object) {
  return object != nullptr && PyCell_Check(object) ? PyCell_GET(object) : object;
}

bool has_managed_dict(const PyTypeObject* type, const snapshot::PythonLayout& layout) {
  return layout.minor > 10 && (type->tp_flags & snapshot::type_flag::kManagedDict) != 0;
}

bool is_part_of_class(PyObject* value) {
  const PyTypeObject* const type = Py_TYPE(value);
  return PyFunction_Check(value) || type == &PyClassMethod_Type || type == &PyStaticMethod_Type ||
         type == &PyProperty_Type || type == &PyMemberDescr_Type || type == &PyGetSetDescr_Type ||
         type == &PyMethodDescr_Type || type == &PyWrapperDescr_Type;
}

// What tp_traverse shows and nobody asked for.
bool is_machinery(PyObject* object) {
  return PyType_Check(object) || PyModule_Check(object) || PyCode_Check(object);
}

std::size_t free_variable_slot(PyObject* code, std::size_t closure_size,
                               const snapshot::PythonLayout& layout) {
  const Address at = address_of(code);
  auto count = static_cast<std::size_t>(snapshot::load<std::int32_t>(at + layout.code.local_count));
  if (layout.minor == 10) {
    count += static_cast<std::size_t>(snapshot::size_of(word_at(at + layout.code.cell_names)));
    count += static_cast<std::size_t>(snapshot::size_of(word_at(at + layout.code.free_names)));
  }
  return count - closure_size;
}

PyObject* name_of_local(PyObject* code, std::size_t slot, const snapshot::PythonLayout& layout) {
  snapshot::FrameView view;
  view.code = address_of(code);
  return object_at(snapshot::local_name(view, slot, layout));
}

}  // namespace

const char* plain_text(PyObject* name) {
  if (name == nullptr || !PyUnicode_Check(name) || !PyUnicode_IS_COMPACT_ASCII(name))
    return nullptr;
  return static_cast<const char*>(PyUnicode_DATA(name));
}

bool is_dunder(PyObject* name) {
  const char* const text = plain_text(name);
  const std::size_t length = text != nullptr ? std::strlen(text) : 0;
  return length > 4 && std::memcmp(text, "__", 2) == 0 &&
         std::memcmp(text + length - 2, "__", 2) == 0;
}

void Reader::visit(PyObject* object, Visitor& visitor) const {
  if (visit_known(object, visitor)) return;
  PyTypeObject* const type = Py_TYPE(object);
  if (PyDict_Check(object)) {
    visit_dict(object, visitor);
  } else if (PyList_Check(object) || PyTuple_Check(object)) {
    visit_sequence(object, visitor);
  } else if (PyWeakref_Check(object)) {
    visit_weak(object, visitor);
    if (PyWeakref_CheckRefExact(object)) return;
  } else if (!is_class(type)) {
    return visit_rest(object, type->tp_traverse, visitor);
  } else if (const PyTypeObject* const base = base_in_c(type); base != &PyBaseObject_Type) {
    visit_rest(object, base->tp_traverse, visitor);
  }
  if (visit_attributes(object, visitor)) visit_slots(object, visitor);
}

// False: of another kind.
bool Reader::visit_known(PyObject* object, Visitor& visitor) const {
  if (PyFunction_Check(object)) {
    visit_function(object, visitor);
  } else if (PyType_Check(object)) {
    visit_type(reinterpret_cast<PyTypeObject*>(object), visitor);
  } else if (PyModule_Check(object)) {
    PyObject* const dict = PyModule_GetDict(object);
    if (program_.is_module_dict(dict)) visit_names(dict, visitor);
  } else if (PyExceptionInstance_Check(object)) {
    visit_exception(object, visitor);
  } else if (PyGen_CheckExact(object) || PyCoro_CheckExact(object) ||
             PyAsyncGen_CheckExact(object)) {
    visit_generator(object, visitor);
  } else if (PyMethod_Check(object)) {
    visitor.reference(literal("(self)"), PyMethod_GET_SELF(object), Strength::kStrong);
    visitor.reference(literal("(function)"), PyMethod_GET_FUNCTION(object), Strength::kStrong);
  } else if (PyTraceBack_Check(object)) {
    visit_traceback(object, visitor);
  } else if (PyFrame_Check(object)) {
    const snapshot::FrameView view = snapshot::view_frame_object(address_of(object), layout_);
    if (view.code != 0 && !program_.is_running(view.locals))
      visit_view(view.code, view.locals, view.slot_count, visitor);
  } else {
    return false;
  }
  return true;
}

void Reader::visit_sequence(PyObject* sequence, Visitor& visitor) const {
  PyObject* const* const items = PySequence_Fast_ITEMS(sequence);
  if (PyList_Check(sequence)) visitor.storage(reinterpret_cast<const void*>(items));
  for (Py_ssize_t i = 0; i < Py_SIZE(sequence); ++i) {
    const Label label = item(static_cast<std::size_t>(i));
    if (items[i] != nullptr && !visitor.reference(label, items[i], Strength::kStrong)) return;
  }
}

void Reader::visit_weak(PyObject* reference, Visitor& visitor) const {
  const Address at = address_of(reference);
  PyObject* const target = object_at(word_at(at + snapshot::at::kWeakReferent));
  PyObject* const callback = object_at(word_at(at + snapshot::at::kWeakCallback));
  if (target != nullptr && target != Py_None)
    visitor.reference(literal("(weak)"), target, Strength::kWeak);
  if (callback != nullptr) visitor.reference(literal("(callback)"), callback, Strength::kStrong);
}

void Reader::visit_traceback(PyObject* object, Visitor& visitor) const {
  const auto* const traceback = reinterpret_cast<PyTracebackObject*>(object);
  if (traceback->tb_next != nullptr)
    visitor.reference(literal(".tb_next"), reinterpret_cast<PyObject*>(traceback->tb_next),
                      Strength::kStrong);
  visitor.reference(literal(".tb_frame"), reinterpret_cast<PyObject*>(traceback->tb_frame),
                    Strength::kStrong);
}

void Reader::visit_dict(PyObject* dict, Visitor& visitor) const {
  const Address values = word_at(address_of(dict) + snapshot::at::kDictValues);
  // Instances share a table of keys.
  if (values == 0)
    visitor.storage(
        reinterpret_cast<const void*>(word_at(address_of(dict) + snapshot::at::kDictKeys)));
  bool go_on = true;
  snapshot::for_each_item(address_of(dict), layout_, [&](Address key_at, Address value) {
    if (!go_on) return;
    PyObject* const key = object_at(key_at);
    if (!is_constant(key)) go_on = visitor.reference(literal("(key)"), key, Strength::kStrong);
    if (go_on)
      go_on = visitor.reference({LabelKind::kKey, 0, key, nullptr}, object_at(value),
                                Strength::kStrong);
  });
}

// Attributes that lie apart from their names. False: enough.
bool Reader::visit_values(Address values, Address keys, Visitor& visitor) const {
  const snapshot::DictTable table = snapshot::table_of_keys(keys, layout_);
  std::size_t count = table.entry_count;
  if (layout_.values == snapshot::ValuesKind::kInline) {
    count = std::min<std::size_t>(count, snapshot::load<std::uint8_t>(values));
  } else {
    // The byte before them says where their block begins.
    const auto prefix = snapshot::load<std::uint8_t>(values - 1);
    visitor.storage(reinterpret_cast<const void*>(values - prefix));
  }
  const Address first = snapshot::split_values(values, layout_);
  for (std::size_t i = 0; i < count; ++i) {
    const Address value = word_at(first + i * sizeof(Address));
    const Address name = word_at(table.entries + i * table.entry_bytes + table.key_offset);
    if (value == 0 || name == 0) continue;
    const Label label = attribute(object_at(name));
    if (!visitor.reference(label, object_at(value), Strength::kStrong)) return false;
  }
  return true;
}

// False: enough.
bool Reader::visit_attributes(PyObject* object, Visitor& visitor) const {
  PyTypeObject* const type = Py_TYPE(object);
  const Address at = address_of(object);
  PyObject* dict = nullptr;
  if (has_managed_dict(type, layout_)) {
    const Address values = snapshot::inline_values_of(at, address_of(type), layout_);
    const Address keys = word_at(address_of(type) + layout_.type_cached_keys);
    if (values != 0 && keys != 0) return visit_values(values, keys, visitor);
    dict = object_at(snapshot::managed_dict_of(at, layout_));
  } else if (type->tp_dictoffset != 0) {
    PyObject** const place = _PyObject_GetDictPtr(object);
    dict = place != nullptr ? *place : nullptr;
  }
  if (dict == nullptr || !PyDict_Check(dict)) return true;
  visitor.storage(reinterpret_cast<const char*>(dict) - kCollectorHeader);
  if (word_at(address_of(dict) + snapshot::at::kDictValues) == 0)
    visitor.storage(
        reinterpret_cast<const void*>(word_at(address_of(dict) + snapshot::at::kDictKeys)));
  bool go_on = true;
  snapshot::for_each_item(address_of(dict), layout_, [&](Address key, Address value) {
    if (go_on)
      go_on = visitor.reference(attribute(object_at(key)), object_at(value), Strength::kStrong);
  });
  return go_on;
}

void Reader::visit_slots(PyObject* object, Visitor& visitor) const {
  for (const PyTypeObject* type = Py_TYPE(object); type != nullptr; type = type->tp_base) {
    if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) return;
    for (const PyMemberDef* member = type->tp_members; member != nullptr && member->name != nullptr;
         ++member) {
      if (member->type != T_OBJECT_EX || member->offset <= 0) continue;
      PyObject* const value =
          object_at(word_at(address_of(object) + static_cast<Address>(member->offset)));
      Label label = literal(member->name);
      label.kind = LabelKind::kAttribute;
      if (value != nullptr && !visitor.reference(label, value, Strength::kStrong)) return;
    }
  }
}

void Reader::visit_function(PyObject* object, Visitor& visitor) const {
  const auto* const function = reinterpret_cast<PyFunctionObject*>(object);
  PyObject* const code = function->func_code;
  if (!program_.is_module_dict(function->func_globals)) return;  // a library's
  if (function->func_defaults != nullptr) {
    const auto count = static_cast<std::size_t>(Py_SIZE(function->func_defaults));
    const auto arguments =
        static_cast<std::size_t>(reinterpret_cast<PyCodeObject*>(code)->co_argcount);
    for (std::size_t i = 0; i < count && arguments >= count; ++i)
      visitor.reference(
          {LabelKind::kDefault, 0, name_of_local(code, arguments - count + i, layout_), nullptr},
          PyTuple_GET_ITEM(function->func_defaults, static_cast<Py_ssize_t>(i)), Strength::kStrong);
  }
  if (function->func_kwdefaults != nullptr && PyDict_Check(function->func_kwdefaults)) {
    snapshot::for_each_item(address_of(function->func_kwdefaults), layout_,
                            [&](Address key, Address value) {
                              visitor.reference({LabelKind::kDefault, 0, object_at(key), nullptr},
                                                object_at(value), Strength::kStrong);
                            });
  }
  if (function->func_closure != nullptr) {
    const auto count = static_cast<std::size_t>(Py_SIZE(function->func_closure));
    const std::size_t first = free_variable_slot(code, count, layout_);
    for (std::size_t i = 0; i < count; ++i) {
      PyObject* const value =
          behind_cell(PyTuple_GET_ITEM(function->func_closure, static_cast<Py_ssize_t>(i)));
      if (value != nullptr)
        visitor.reference({LabelKind::kCell, 0, name_of_local(code, first + i, layout_), nullptr},
                          value, Strength::kStrong);
    }
  }
  if (function->func_dict != nullptr)
    snapshot::for_each_item(
        address_of(function->func_dict), layout_, [&](Address key, Address value) {
          visitor.reference(attribute(object_at(key)), object_at(value), Strength::kStrong);
        });
}

void Reader::visit_exception(PyObject* object, Visitor& visitor) const {
  const auto* const exception = reinterpret_cast<PyBaseExceptionObject*>(object);
  const auto part = [&](const char* name, PyObject* target) {
    if (target != nullptr && target != Py_None)
      visitor.reference(literal(name), target, Strength::kStrong);
  };
  part(".args", exception->args);
  part(".__traceback__", exception->traceback);
  part(".__cause__", exception->cause);
  part(".__context__", exception->context);
  if (exception->dict != nullptr)
    snapshot::for_each_item(address_of(exception->dict), layout_, [&](Address key, Address value) {
      visitor.reference(attribute(object_at(key)), object_at(value), Strength::kStrong);
    });
}

void Reader::visit_view(Address code, Address locals, std::size_t count, Visitor& visitor) const {
  snapshot::FrameView view;
  view.code = code;
  view.locals = locals;
  view.slot_count = count;
  bool go_on = true;
  snapshot::for_each_slot(view, [&](std::size_t slot, Address value, bool) {
    if (!go_on) return;
    PyObject* const name = object_at(snapshot::local_name(view, slot, layout_));
    PyObject* const target = behind_cell(object_at(value));
    if (target == nullptr) return;
    if (name == nullptr && is_machinery(target)) return;
    const Label label =
        name != nullptr ? Label{LabelKind::kLocal, 0, name, nullptr} : literal("(at work)");
    go_on = visitor.reference(label, target, Strength::kStrong);
  });
}

void Reader::visit_generator(PyObject* generator, Visitor& visitor) const {
  const Address at = address_of(generator);
  snapshot::FrameView view;
  if (layout_.minor == 10) {
    const Address frame = word_at(at + layout_.generator_frame);
    if (frame != 0) view = snapshot::view_frame_object(frame, layout_);
  } else {
    view = snapshot::view_generator(at, layout_);
  }
  if (view.code == 0 || program_.is_running(view.locals)) return;
  visit_view(view.code, view.locals, view.slot_count, visitor);
}

void Reader::visit_frame(Address frame, Visitor& visitor) const {
  const snapshot::FrameView view = layout_.minor == 10
                                       ? snapshot::view_frame_object(frame, layout_)
                                       : snapshot::view_interpreter_frame(frame, layout_);
  if (view.code == 0) return;
  // Of a frame that runs only the locals are known; values behind them have no name.
  bool go_on = true;
  snapshot::for_each_slot(view, [&](std::size_t slot, Address value, bool) {
    if (!go_on) return;
    PyObject* const name = object_at(snapshot::local_name(view, slot, layout_));
    PyObject* const target = name != nullptr ? behind_cell(object_at(value)) : nullptr;
    if (target != nullptr)
      go_on = visitor.reference({LabelKind::kLocal, 0, name, nullptr}, target, Strength::kStrong);
  });
}

void Reader::visit_names(PyObject* dict, Visitor& visitor) const {
  bool go_on = true;
  snapshot::for_each_item(address_of(dict), layout_, [&](Address key, Address value) {
    PyObject* const name = object_at(key);
    if (!go_on || !PyUnicode_Check(name) || is_dunder(name)) return;
    go_on = visitor.reference(attribute(name), object_at(value), Strength::kStrong);
  });
}

bool Reader::is_of_program(PyTypeObject* type) const {
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0 || type->tp_dict == nullptr) return false;
  const Address module = snapshot::find_by_text(address_of(type->tp_dict), "__module__", layout_);
  return module != 0 && program_.is_module_name(object_at(module));
}

bool Reader::is_foreign(PyTypeObject* type) const {
  constexpr std::string_view kFamiliar[] = {"collections", "functools", "itertools", "weakref",
                                            "_weakref",    "builtins",  "types"};
  std::string_view module = "builtins";
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0 && type->tp_dict != nullptr) {
    if (is_of_program(type)) return false;
    const Address name = snapshot::find_by_text(address_of(type->tp_dict), "__module__", layout_);
    if (const char* const plain = plain_text(object_at(name))) module = plain;
  } else if (const char* const dot = std::strrchr(type->tp_name, '.')) {
    module = {type->tp_name, static_cast<std::size_t>(dot - type->tp_name)};
  }
  for (const std::string_view familiar : kFamiliar)
    if (module == familiar) return false;
  return true;
}

void Reader::visit_type(PyTypeObject* type, Visitor& visitor) const {
  if (!is_of_program(type)) return;
  bool go_on = true;
  snapshot::for_each_item(address_of(type->tp_dict), layout_, [&](Address key, Address value) {
    PyObject* const name = object_at(key);
    PyObject* const target = object_at(value);
    const char* const text = plain_text(name);
    if (!go_on || !PyUnicode_Check(name) || is_dunder(name) || is_part_of_class(target)) return;
    if (text != nullptr && std::strcmp(text, "_abc_impl") == 0) return;
    go_on = visitor.reference(attribute(name), target, Strength::kStrong);
  });
}

// Made by a class statement.
bool Reader::is_class(const PyTypeObject* type) const {
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0 &&
         (type->tp_traverse == subtype_traverse_ || (type->tp_flags & Py_TPFLAGS_HAVE_GC) == 0);
}

const PyTypeObject* Reader::base_in_c(const PyTypeObject* type) const {
  while (is_class(type) && type->tp_base != nullptr) type = type->tp_base;
  return type;
}

// tp_traverse knows; labels are numbers where the order means something.
void Reader::visit_rest(PyObject* object, traverseproc traverse, Visitor& visitor) const {
  const PyTypeObject* const type = Py_TYPE(object);
  if (traverse == nullptr || !PyObject_IS_GC(object)) return;
  struct Walk {
    Visitor& visitor;
    std::size_t index;
    bool is_sequence;
    bool is_set;
    bool go_on;
  };
  Walk walk{visitor, 0, std::strcmp(type->tp_name, "collections.deque") == 0,
            PyAnySet_Check(object) != 0, true};
  if (walk.is_set) {
    const auto* const table = reinterpret_cast<PySetObject*>(object)->table;
    if (table != reinterpret_cast<PySetObject*>(object)->smalltable) visitor.storage(table);
  }
  const visitproc visit = [](PyObject* target, void* context) {
    Walk& one = *static_cast<Walk*>(context);
    if (!one.go_on) return 0;
    PyObject* const shown = behind_cell(target);
    if (shown == nullptr || is_machinery(shown)) return 0;
    const Label label = one.is_sequence ? item(one.index++)
                        : one.is_set    ? literal("(element)")
                                        : literal("(part)");
    one.go_on = one.visitor.reference(label, shown, Strength::kStrong);
    return 0;
  };
  traverse(object, visit, &walk);
}

}  // namespace hoop::cpython::life
