// SPDX-License-Identifier: Apache-2.0
// What is alive by itself: the interpreter's state, its threads, their frames. They are no objects;
// the file has pseudo objects for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/units.h"
#include "cycles/object_map.h"
#include "snapshot/interpreter_layout.h"
#include "snapshot/python_layout.h"
#include "snapshot/rows.h"
#include "snapshot/sections.h"
#include "snapshot/strings.h"
#include "snapshot/types.h"
#include "snapshot/walker.h"

namespace hoop::snapshot {

class Roots {
 public:
  Roots(Sections& sections, Rows& rows, Edges& edges, Walker& walker, Types& types,
        Strings& strings, const PythonLayout& layout)
      : sections_(sections),
        rows_(rows),
        edges_(edges),
        walker_(walker),
        types_(types),
        strings_(strings),
        layout_(layout) {}

  // The dict of interned strings, where the collector knows it (3.14): to each key the same as
  // value. 0: not found.
  [[nodiscard]] Address find_interned(Address interpreter, const InterpreterLayout& where,
                                      const cycles::ObjectMap& known) const;
  // `known`: the objects that are known by now; what the state refers to besides is found by name.
  // `handlers`: of signals; 0 where there is none.
  void add(Address interpreter, const InterpreterLayout& where, const cycles::ObjectMap& known,
           std::span<const Address> handlers);

 private:
  void add_interpreter(Address interpreter, const InterpreterLayout& where,
                       const cycles::ObjectMap& known, std::span<const Address> handlers);
  [[nodiscard]] bool is_table_of_strings(Address object) const;
  void add_exit_callbacks(Address callbacks);
  void add_thread(Address thread);
  void add_frame(Address frame);
  void add_row(Address address, std::uint32_t type, const Label& label);
  void scan(Address interpreter, const InterpreterLayout& where, const cycles::ObjectMap& known);
  template <class F>
  void for_each_frame(Address thread, F&& visit) const;
  [[nodiscard]] Address top_frame(Address thread) const;

  Sections& sections_;
  Rows& rows_;
  Edges& edges_;
  Walker& walker_;
  Types& types_;
  Strings& strings_;
  const PythonLayout& layout_;
  std::uint32_t interpreter_type_ = 0, thread_type_ = 0, frame_type_ = 0;
};

}  // namespace hoop::snapshot
