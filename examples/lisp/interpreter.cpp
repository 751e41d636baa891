// SPDX-License-Identifier: Apache-2.0
#include "interpreter.h"

#include <utility>

#include "evaluator.h"
#include "reader.h"

namespace lisp {

namespace {

// What is as well written in the language itself.
constexpr std::string_view kPrelude = R"(
(define (fold function value list)
  (if (pair? list)
      (fold function (function value (car list)) (cdr list))
      value))
(define (reverse list) (fold (lambda (done item) (cons item done)) nil list))
(define (map function list)
  (reverse (fold (lambda (done item) (cons (function item) done)) nil list)))
(define (filter wanted? list)
  (reverse (fold (lambda (done item) (if (wanted? item) (cons item done) done)) nil list)))
(define (for-each function list)
  (fold (lambda (done item) (function item) nil) nil list))
(define (range count)
  (define (from least list)
    (if (< least 0) list (from (- least 1) (cons least list))))
  (from (- count 1) nil))
)";

}  // namespace

Interpreter::Interpreter(hoop::Heap& heap, std::ostream& out)
    : heap_(heap), global_(heap.make<Environment>(heap)) {
  for (const auto& [name, form] : special_forms()) symbol(name)->form = form;
  define_builtins(*this, out);
  run(kPrelude);
}

Value Interpreter::run(std::string_view program) {
  Reader reader(*this, program);
  Value value;
  while (auto expression = reader.next()) {
    value = Nil();  // what came before must not live on through us
    value = evaluate(*std::move(expression), global_);
  }
  return value;
}

void Interpreter::define(std::string_view name, Arity arity, Builtin::Function function) {
  global_->define(symbol(name), heap_.make<Builtin>(std::string(name), arity, std::move(function)));
}

ref<Symbol> Interpreter::symbol(std::string_view name) {
  ref<Symbol>& found = symbols_[std::string(name)];
  if (found == nullptr) found = heap_.make<Symbol>(std::string(name));
  return found;
}

}  // namespace lisp
