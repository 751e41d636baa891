// SPDX-License-Identifier: Apache-2.0
// What an object refers to, by the names that a program has for it, and what it looks like: read
// without running any of the program's code, and without a reference of ours.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/life/stream.h"
#include "snapshot/python_layout.h"

namespace hoop::cpython::life {

enum class LabelKind : std::uint8_t { kIndex, kKey, kAttribute, kLocal, kCell, kDefault, kText };

struct Label {
  LabelKind kind;
  std::size_t index = 0;
  PyObject* name = nullptr;    // of kKey: the key; else a str, or nullptr
  const char* text = nullptr;  // of kText
};
// `[0]`, `['key']`, `.name`, `(local x)`, `(cell x)`, `(default x)`.
void add_label(Text& text, const Label& label);

enum class Strength : std::uint8_t { kStrong, kWeak };

// What the program is, as far as readers of objects need to know. Nothing is pure: that would need
// a function of libstdc++.
class ProgramView {
 public:
  virtual bool is_module_dict(PyObject*) const { return false; }
  virtual bool is_module_name(PyObject*) const { return false; }
  virtual bool is_running(Address /*locals*/) const { return false; }

 protected:
  ~ProgramView() = default;
};

class Visitor {
 public:
  // False: enough.
  virtual bool reference(const Label&, PyObject* /*target*/, Strength) { return false; }
  // A block that the object owns beside its own.
  virtual void storage(const void*) {}

 protected:
  ~Visitor() = default;
};

class Reader {
 public:
  // `subtype_traverse`: tp_traverse of classes made in Python.
  Reader(const snapshot::PythonLayout& layout, const ProgramView& program,
         traverseproc subtype_traverse)
      : layout_(layout), program_(program), subtype_traverse_(subtype_traverse) {}

  void visit(PyObject* object, Visitor& visitor) const;
  // Names of a frame: visitor.reference() with kLocal. `frame`: the interpreter's, or in 3.10 the
  // frame object.
  void visit_frame(Address frame, Visitor& visitor) const;
  // Names of a module, or of the body of a class.
  void visit_names(PyObject* dict, Visitor& visitor) const;

  // A class statement of the program's made it.
  [[nodiscard]] bool is_of_program(PyTypeObject* type) const;
  // A class of a library's, but for containers that a program uses as its own.
  [[nodiscard]] bool is_foreign(PyTypeObject* type) const;

  // Whether describe() says the same for as long as the object lives.
  static bool is_constant(PyObject* object);
  void describe(PyObject* object, Text& text) const;
  void describe_type(PyTypeObject* type, Text& text) const;

 private:
  void describe_constant(PyObject* object, Text& text) const;
  void describe_exception(PyObject* exception, Text& text) const;
  void describe_other(PyObject* object, Text& text) const;
  bool visit_known(PyObject* object, Visitor& visitor) const;
  void visit_sequence(PyObject* sequence, Visitor& visitor) const;
  void visit_weak(PyObject* reference, Visitor& visitor) const;
  void visit_traceback(PyObject* traceback, Visitor& visitor) const;
  bool visit_values(Address values, Address keys, Visitor& visitor) const;
  bool visit_attributes(PyObject* object, Visitor& visitor) const;
  void visit_slots(PyObject* object, Visitor& visitor) const;
  void visit_dict(PyObject* dict, Visitor& visitor) const;
  void visit_function(PyObject* function, Visitor& visitor) const;
  void visit_exception(PyObject* exception, Visitor& visitor) const;
  void visit_generator(PyObject* generator, Visitor& visitor) const;
  void visit_type(PyTypeObject* type, Visitor& visitor) const;
  void visit_rest(PyObject* object, traverseproc traverse, Visitor& visitor) const;
  bool is_class(const PyTypeObject* type) const;
  const PyTypeObject* base_in_c(const PyTypeObject* type) const;
  void visit_view(Address code, Address locals, std::size_t count, Visitor& visitor) const;

  const snapshot::PythonLayout& layout_;
  const ProgramView& program_;
  traverseproc subtype_traverse_;
};

// A str whose characters are these begins and ends so: `__name__`.
bool is_dunder(PyObject* name);
// An ASCII str; else nullptr.
const char* plain_text(PyObject* name);

}  // namespace hoop::cpython::life
