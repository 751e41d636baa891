// SPDX-License-Identifier: Apache-2.0
// Objects that no name leads to any more: does something that is not shown hold them, or are they
// garbage that only a collection will find?
#include <Python.h>
#include <frameobject.h>

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/life/address_table.h"
#include "cpython/life/known.h"
#include "cpython/life/recorder.h"
#include "cpython/life/references.h"

namespace hoop::cpython::life {

// Containers that lived at the last step, and to which no way leads any more. Also takes the dead
// out of the list of the living.
void Recorder::find_floating() {
  floating_.clear();
  std::uint64_t hash = 1;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < alive_.size(); ++i) {
    const Number number = alive_[i];
    Known& known = objects_[number];
    if (known.object == 0) continue;
    alive_[kept++] = number;
    if (known.visited == objects_.step()) known.is_garbage = false;
    if (known.visited == objects_.step() || !known.is_shown) continue;
    auto* const object = reinterpret_cast<PyObject*>(known.object);
    if (!may_float(object, known)) continue;
    floating_.push(number);
    for (const std::uint64_t one : {std::uint64_t{number}, std::uint64_t(Py_REFCNT(object))})
      hash = (hash ^ one) * 0x100000001B3u;
  }
  alive_.resize_down(kept);
  if (floating_.is_empty() || hash == judged_) return;
  judged_ = hash;
  judge_floating();
}

// Worth following where no name leads to it: what the program made, and what may be in a cycle.
bool Recorder::may_float(PyObject* object, const Known& known) const {
  if (PyObject_GC_IsTracked(object) == 0 || PyType_Check(object) || PyModule_Check(object))
    return false;
  if (known.is_garbage) return true;
  const Reader reader(*layout_, *this, subtype_traverse_);
  if (reader.is_of_program(Py_TYPE(object))) return true;
  const bool is_container = PyList_Check(object) || PyDict_Check(object) || PyTuple_Check(object) ||
                            PyAnySet_Check(object) || PyExceptionInstance_Check(object) ||
                            PyTraceBack_Check(object) || PyFrame_Check(object) ||
                            PyFunction_Check(object) || PyMethod_Check(object) ||
                            PyGen_CheckExact(object) || PyCoro_CheckExact(object);
  return is_container && (known.born != 0 || known.is_from_free_list);
}

// As the collector does it: what is held from outside of the group lives, and what it reaches. The
// group is what can be reached from the floating ones, as far as no step showed it to be alive.
void Recorder::judge_floating() {
  group_.clear();
  group_numbers_.clear();
  const auto enter = [](PyObject* target, void* self) {
    auto& recorder = *static_cast<Recorder*>(self);
    return recorder.enter_group(target) ? 0 : 1;
  };
  for (std::size_t i = 0; i < floating_.size(); ++i)
    enter_group(reinterpret_cast<PyObject*>(objects_[floating_[i]].object));
  bool is_complete = true;
  for (std::size_t i = 0; i < group_.size() && is_complete; ++i) {
    PyObject* const object = group_[i].object;
    is_complete = Py_TYPE(object)->tp_traverse(object, enter, this) == 0;
  }
  if (!is_complete) return;
  const auto count_down = [](PyObject* target, void* self) {
    auto& recorder = *static_cast<Recorder*>(self);
    const std::uint32_t place = recorder.group_numbers_.find(reinterpret_cast<Address>(target));
    if (place != 0) --recorder.group_[place - 1].count;
    return 0;
  };
  for (std::size_t i = 0; i < group_.size(); ++i)
    Py_TYPE(group_[i].object)->tp_traverse(group_[i].object, count_down, this);
  queue_of_living_.clear();
  for (std::uint32_t i = 0; i < group_.size(); ++i)
    if (group_[i].count > 0) {
      group_[i].lives = true;
      queue_of_living_.push(i);
    }
  const auto revive = [](PyObject* target, void* self) {
    auto& recorder = *static_cast<Recorder*>(self);
    const std::uint32_t place = recorder.group_numbers_.find(reinterpret_cast<Address>(target));
    if (place == 0 || recorder.group_[place - 1].lives) return 0;
    recorder.group_[place - 1].lives = true;
    recorder.queue_of_living_.push(place - 1);
    return 0;
  };
  while (!queue_of_living_.is_empty()) {
    PyObject* const object = group_[queue_of_living_.pop()].object;
    Py_TYPE(object)->tp_traverse(object, revive, this);
  }
  for (std::size_t i = 0; i < floating_.size(); ++i) {
    Known& known = objects_[floating_[i]];
    const std::uint32_t place = group_numbers_.find(known.object);
    known.is_garbage = place != 0 && !group_[place - 1].lives;
  }
}

// False: there are too many.
bool Recorder::enter_group(PyObject* object) {
  constexpr std::size_t kMost = 5000;
  if (!PyObject_IS_GC(object) || PyObject_GC_IsTracked(object) == 0) return true;
  if (PyModule_Check(object)) return true;
  const Number number = objects_.find(object);
  if (number != 0 && objects_[number].visited == objects_.step()) return true;
  if (PyType_Check(object) && number == 0) return true;
  if (group_numbers_.find(reinterpret_cast<Address>(object)) != 0) return true;
  if (group_.size() >= kMost) return false;
  group_.push({object, Py_REFCNT(object), false});
  return group_numbers_.put(reinterpret_cast<Address>(object),
                            static_cast<std::uint32_t>(group_.size()));
}

}  // namespace hoop::cpython::life
