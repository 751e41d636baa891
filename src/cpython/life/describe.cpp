// SPDX-License-Identifier: Apache-2.0
// What objects look like in a line.
#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/units.h"
#include "cpython/life/references.h"
#include "cpython/life/stream.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::cpython::life {
namespace {

constexpr Py_ssize_t kMostCharacters = 60;
constexpr std::size_t kMostLabel = 40;
constexpr std::uint64_t kMostDigits = 8, kBitsPerDigit = 30;

void add_string(Text& text, PyObject* str) {
  Py_ssize_t size = 0;
  const char* const bytes = PyUnicode_AsUTF8AndSize(str, &size);
  if (bytes == nullptr)
    PyErr_Clear();
  else
    text.add_clean({bytes, static_cast<std::size_t>(size)});
}

// Of types whose repr runs no code of the program's.
void add_repr(Text& text, PyObject* object) {
  PyObject* const repr = PyObject_Repr(object);
  if (repr == nullptr) {
    PyErr_Clear();  // an int of more digits than are shown
    text.add("int of many digits");
    return;
  }
  PyObject* shown = repr;
  if (PyUnicode_GET_LENGTH(repr) > 2 * kMostCharacters)
    shown = PyUnicode_Substring(repr, 0, 2 * kMostCharacters);
  if (shown != nullptr) add_string(text, shown);
  if (shown != repr) {
    text.add("...");
    Py_XDECREF(shown);
  }
  Py_DECREF(repr);
}

// No UTF-8 that stays with the string: what is written is a repr of its own.
void add_cut(Text& text, PyObject* sequence, Py_ssize_t length) {
  PyObject* const part = PySequence_GetSlice(sequence, 0, kMostCharacters);
  if (part == nullptr) return PyErr_Clear();
  add_repr(text, part);
  Py_DECREF(part);
  text.add("... of ").add_number(static_cast<std::uint64_t>(length));
}

void add_count(Text& text, const char* what, Py_ssize_t count) {
  text.add(what).add(" of ").add_number(static_cast<std::uint64_t>(count < 0 ? 0 : count));
}

std::uint64_t digits_of(PyObject* number, unsigned minor) {
  const auto word =
      snapshot::load<std::int64_t>(reinterpret_cast<Address>(number) + snapshot::at::kSize);
  if (minor >= 12) return static_cast<std::uint64_t>(word) >> 3;
  return static_cast<std::uint64_t>(word < 0 ? -word : word);
}

PyObject* qualified_name(PyObject* function) {
  return reinterpret_cast<PyFunctionObject*>(function)->func_qualname;
}

}  // namespace

bool Reader::is_constant(PyObject* object) {
  const PyTypeObject* const type = Py_TYPE(object);
  return type == &PyLong_Type || type == &PyUnicode_Type || type == &PyFloat_Type ||
         type == &PyBool_Type || type == &PyBytes_Type || type == &PyComplex_Type ||
         object == Py_None || object == Py_Ellipsis || object == Py_NotImplemented;
}

void Reader::describe_type(PyTypeObject* type, Text& text) const {
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) {
    text.add_clean(type->tp_name);
    return;
  }
  const Address module =
      type->tp_dict != nullptr
          ? snapshot::find_by_text(reinterpret_cast<Address>(type->tp_dict), "__module__", layout_)
          : 0;
  const char* const name = plain_text(reinterpret_cast<PyObject*>(module));
  if (name != nullptr && std::strcmp(name, "builtins") != 0 && std::strcmp(name, "__main__") != 0)
    text.add_clean(name).add_char('.');
  const char* const qualified = plain_text(reinterpret_cast<PyHeapTypeObject*>(type)->ht_qualname);
  text.add_clean(qualified != nullptr ? qualified : type->tp_name);
}

void Reader::describe_constant(PyObject* object, Text& text) const {
  const PyTypeObject* const type = Py_TYPE(object);
  if (type == &PyLong_Type && digits_of(object, layout_.minor) > kMostDigits) {
    text.add("int of ").add_number(digits_of(object, layout_.minor) * kBitsPerDigit);
    text.add(" bits");
    return;
  }
  const bool is_sequence = type == &PyUnicode_Type || type == &PyBytes_Type;
  const Py_ssize_t length = is_sequence ? PyObject_Size(object) : 0;
  if (length > kMostCharacters) return add_cut(text, object, length);
  add_repr(text, object);
}

namespace {

// False: it is none.
bool describe_container(PyObject* object, Text& text) {
  const PyTypeObject* const type = Py_TYPE(object);
  if (PyList_CheckExact(object))
    add_count(text, "list", Py_SIZE(object));
  else if (PyTuple_CheckExact(object))
    add_count(text, "tuple", Py_SIZE(object));
  else if (PyDict_CheckExact(object))
    add_count(text, "dict", PyDict_GET_SIZE(object));
  else if (type == &PySet_Type)
    add_count(text, "set", PySet_GET_SIZE(object));
  else if (type == &PyFrozenSet_Type)
    add_count(text, "frozenset", PySet_GET_SIZE(object));
  else if (PyByteArray_CheckExact(object))
    add_count(text, "bytearray", Py_SIZE(object));
  else
    return false;
  return true;
}

void add_plain(Text& text, const char* what, const char* name) {
  text.add(what).add_clean(name != nullptr ? name : "");
}

const char* function_name(PyObject* function) {
  return PyFunction_Check(function) ? plain_text(qualified_name(function)) : nullptr;
}

}  // namespace

void Reader::describe(PyObject* object, Text& text) const {
  PyTypeObject* const type = Py_TYPE(object);
  if (is_constant(object)) return describe_constant(object, text);
  if (type == &PyRange_Type) return add_repr(text, object);
  if (describe_container(object, text)) return;
  if (PyFunction_Check(object)) {
    add_plain(text, "function ", function_name(object));
  } else if (PyCFunction_Check(object)) {
    add_plain(text, "built-in ", reinterpret_cast<PyCFunctionObject*>(object)->m_ml->ml_name);
  } else if (PyMethod_Check(object)) {
    add_plain(text, "method ", function_name(PyMethod_GET_FUNCTION(object)));
  } else if (PyType_Check(object)) {
    text.add("class ");
    describe_type(reinterpret_cast<PyTypeObject*>(object), text);
  } else if (PyExceptionInstance_Check(object)) {
    describe_exception(object, text);
  } else {
    describe_other(object, text);
  }
}

void Reader::describe_exception(PyObject* exception, Text& text) const {
  PyObject* const arguments = reinterpret_cast<PyBaseExceptionObject*>(exception)->args;
  describe_type(Py_TYPE(exception), text);
  text.add_char('(');
  if (arguments != nullptr && PyTuple_Check(arguments) && Py_SIZE(arguments) != 0) {
    PyObject* const first = PyTuple_GET_ITEM(arguments, 0);
    if (is_constant(first))
      describe_constant(first, text);
    else
      text.add("...");
    if (Py_SIZE(arguments) > 1) text.add(", ...");
  }
  text.add_char(')');
}

void Reader::describe_other(PyObject* object, Text& text) const {
  const auto at = reinterpret_cast<Address>(object);
  PyTypeObject* const type = Py_TYPE(object);
  if (PyModule_Check(object)) {
    const auto dict = reinterpret_cast<Address>(PyModule_GetDict(object));
    const Address name = snapshot::find_by_text(dict, "__name__", layout_);
    add_plain(text, "module ", plain_text(reinterpret_cast<PyObject*>(name)));
  } else if (PyWeakref_Check(object)) {
    const Address target = snapshot::word_at(at + snapshot::at::kWeakReferent);
    const bool is_dead = target == 0 || target == reinterpret_cast<Address>(Py_None);
    text.add(is_dead ? "weak reference, cleared" : "weak reference");
  } else if (PyGen_CheckExact(object) || PyCoro_CheckExact(object) ||
             PyAsyncGen_CheckExact(object)) {
    const Address name = snapshot::word_at(at + layout_.generator_qualified_name);
    text.add_clean(type->tp_name);
    add_plain(text, " ", plain_text(reinterpret_cast<PyObject*>(name)));
  } else {
    text.add_char('<');
    describe_type(type, text);
    text.add_char('>');
    // How many there are in a container that is a class of the program's.
    if (PyList_Check(object) || PyTuple_Check(object)) add_count(text, "", Py_SIZE(object));
    if (PyDict_Check(object)) add_count(text, "", PyDict_GET_SIZE(object));
  }
}

namespace {

void add_key(Text& text, PyObject* key) {
  if (PyUnicode_CheckExact(key) && PyUnicode_GET_LENGTH(key) > static_cast<long>(kMostLabel)) {
    PyObject* const part = PyUnicode_Substring(key, 0, static_cast<long>(kMostLabel));
    if (part == nullptr) return PyErr_Clear();
    add_repr(text, part);
    Py_DECREF(part);
    text.add("...");
  } else if (Reader::is_constant(key)) {
    add_repr(text, key);
  } else {
    text.add_char('<').add_clean(Py_TYPE(key)->tp_name).add_char('>');
  }
}

void add_name(Text& text, const Label& label) {
  const char* const plain = label.text != nullptr ? label.text : plain_text(label.name);
  if (plain != nullptr)
    text.add_clean(plain);
  else if (label.name != nullptr && PyUnicode_Check(label.name))
    add_string(text, label.name);
}

}  // namespace

void add_label(Text& text, const Label& label) {
  switch (label.kind) {
    case LabelKind::kIndex:
      text.add_char('[').add_number(label.index).add_char(']');
      return;
    case LabelKind::kKey:
      text.add_char('[');
      add_key(text, label.name);
      text.add_char(']');
      return;
    case LabelKind::kAttribute:
      text.add_char('.');
      return add_name(text, label);
    case LabelKind::kLocal:
    case LabelKind::kCell:
    case LabelKind::kDefault:
      text.add(label.kind == LabelKind::kLocal  ? "(local "
               : label.kind == LabelKind::kCell ? "(cell "
                                                : "(default ");
      add_name(text, label);
      text.add_char(')');
      return;
    case LabelKind::kText:
      text.add(label.text);
      return;
  }
}

}  // namespace hoop::cpython::life
