// SPDX-License-Identifier: Apache-2.0
// What a program that embeds the language uses.
#pragma once

#include <hoop/hoop.h>

#include <iosfwd>
#include <string>
#include <string_view>
#include <unordered_map>

#include "value.h"

namespace lisp {

// Names and global values, on a heap that it may share with others. Its end ends nothing else: what
// the program made goes when nothing refers to it any more, cycles at the heap's next collection.
class Interpreter {
 public:
  Interpreter(hoop::Heap& heap, std::ostream& out);

  // Evaluates all expressions; the value of the last. Throws Error.
  Value run(std::string_view program);
  void define(std::string_view name, Arity arity, Builtin::Function function);

  [[nodiscard]] ref<Symbol> symbol(std::string_view name);
  [[nodiscard]] hoop::Heap& heap() const { return heap_; }

 private:
  hoop::Heap& heap_;
  std::unordered_map<std::string, ref<Symbol>> symbols_;
  ref<Environment> global_;
};

void define_builtins(Interpreter& interpreter, std::ostream& out);

}  // namespace lisp
