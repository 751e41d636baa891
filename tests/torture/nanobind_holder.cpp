// SPDX-License-Identifier: Apache-2.0
// A nanobind class that holds an object and takes part in cycles: a shape for torture.py, built by
// hand where nanobind is installed:
//
//   nb=$(python -m nanobind --include_dir); nb=${nb%/include}
//   g++ -std=c++17 -O2 -shared -fPIC -fvisibility=hidden -fno-strict-aliasing
//       $(python3-config --includes) -I$nb/include -I$nb/ext/robin_map/include
//       tests/torture/nanobind_holder.cpp $nb/src/nb_combined.cpp
//       -o hoopsnake_test_nanobind$(python3-config --extension-suffix)
#include <Python.h>
#include <nanobind/nanobind.h>

namespace nb = nanobind;

namespace {

struct Holder {
  nb::object value;
};

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (!nb::inst_ready(self)) return 0;
  const Holder* const holder = nb::inst_ptr<Holder>(self);
  Py_VISIT(holder->value.ptr());
  return 0;
}

int clear(PyObject* self) {
  nb::inst_ptr<Holder>(self)->value.reset();
  return 0;
}

PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {0, nullptr}};

}  // namespace

NB_MODULE(hoopsnake_test_nanobind, module) {
  nb::class_<Holder>(module, "Holder", nb::type_slots(slots), nb::dynamic_attr(),
                     nb::is_weak_referenceable())
      .def(nb::init<>())
      .def_rw("value", &Holder::value, nb::for_setter(nb::arg("value").none()));
}
