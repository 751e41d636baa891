// SPDX-License-Identifier: Apache-2.0
#include "evaluator.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lisp {

namespace {

// How deep evaluate() is in itself, so that it ends with an Error before the stack does.
class Depth {
 public:
  Depth() {
    if (depth_ == kDeepest) throw Error("recursion too deep");
    ++depth_;
  }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;
  ~Depth() { --depth_; }

 private:
  static constexpr int kDeepest = 2000;
  static thread_local int depth_;
};
thread_local int Depth::depth_ = 0;

hoop::Heap& heap_of(const ref<Environment>& environment) { return hoop::Heap::of(*environment); }

std::vector<Value> evaluate_each(const Value& list, const ref<Environment>& environment) {
  std::vector<Value> values = elements(list);
  for (Value& value : values) value = evaluate(std::move(value), environment);
  return values;
}

// Evaluates all expressions but the last, which is the next task.
Task enter_body(const Value& body, ref<Environment> environment) {
  if (std::holds_alternative<Nil>(body)) return {Nil(), std::move(environment)};
  ref<Pair> expression = expect_pair(body);
  while (const auto* const next = std::get_if<ref<Pair>>(&expression->rest)) {
    evaluate(expression->first, environment);
    expression = ref(*next);
  }
  return {expression->first, std::move(environment)};
}

// A parameter list may be, or end with, the name of a list of all further arguments.
void bind(Environment& scope, hoop::Heap& heap, const Closure& closure, Arguments arguments) {
  const Value* parameters = &closure.parameters;
  while (const auto* const pair = std::get_if<ref<Pair>>(parameters)) {
    if (arguments.empty()) throw Error("too few arguments for " + closure.name);
    scope.define(expect_symbol((*pair)->first), arguments.front());
    arguments = arguments.subspan(1);
    parameters = &(*pair)->rest;
  }
  if (!std::holds_alternative<Nil>(*parameters)) {
    scope.define(expect_symbol(*parameters), make_list(heap, arguments));
  } else if (!arguments.empty()) {
    throw Error("too many arguments for " + closure.name);
  }
}

Task enter(hoop::Heap& heap, const Closure& closure, Arguments arguments) {
  auto scope = heap.make<Environment>(heap, closure.environment);
  bind(*scope, heap, closure, arguments);
  return enter_body(closure.body, std::move(scope));
}

Value call_builtin(hoop::Heap& heap, const Builtin& builtin, Arguments arguments) {
  if (arguments.size() < builtin.arity.least || arguments.size() > builtin.arity.most)
    throw Error("wrong number of arguments for " + builtin.name);
  return builtin.function(heap, arguments);
}

// --- special forms -------------------------------------------------------------------

using Result = std::optional<Value>;

const Value& first(const Value& list) { return expect_pair(list)->first; }
const Value& rest(const Value& list) { return expect_pair(list)->rest; }
const Value& second(const Value& list) { return first(rest(list)); }

Result go_on_with(Task& task, const Value& expression) {
  task.expression = Value(expression);  // which may be a part of the old one
  return std::nullopt;
}

Result go_on_with_body(Task& task, const Value& body) {
  task = enter_body(body, task.environment);
  return std::nullopt;
}

Result eval_quote(Task& /*task*/, const Value& form) { return first(form); }

Result eval_if(Task& task, const Value& form) {
  const Value& branches = rest(form);
  if (is_true(evaluate(first(form), task.environment))) return go_on_with(task, first(branches));
  if (std::holds_alternative<Nil>(rest(branches))) return Nil();
  return go_on_with(task, second(branches));
}

// (cond (test expression...)...)
Result eval_cond(Task& task, const Value& form) {
  for (const Value& clause : elements(form)) {
    if (is_true(evaluate(first(clause), task.environment)))
      return go_on_with_body(task, rest(clause));
  }
  return Nil();
}

ref<Closure> make_closure(const Task& task, std::string name, Value parameters, Value body) {
  return heap_of(task.environment)
      .make<Closure>(std::move(name), std::move(parameters), std::move(body), task.environment);
}

// (define name value) or (define (name parameter...) expression...)
Result eval_define(Task& task, const Value& form) {
  if (const auto* const head = std::get_if<ref<Pair>>(&first(form))) {
    const ref<Symbol>& name = expect_symbol((*head)->first);
    task.environment->define(name, make_closure(task, name->name, (*head)->rest, rest(form)));
    return name;
  }
  const ref<Symbol>& name = expect_symbol(first(form));
  task.environment->define(name, evaluate(second(form), task.environment));
  return name;
}

Result eval_set(Task& task, const Value& form) {
  Value value = evaluate(second(form), task.environment);
  task.environment->assign(expect_symbol(first(form)), value);
  return value;
}

Result eval_lambda(Task& task, const Value& form) {
  return make_closure(task, "lambda", first(form), rest(form));
}

Result eval_begin(Task& task, const Value& form) { return go_on_with_body(task, form); }

// (let ((name value)...) expression...)
Result eval_let(Task& task, const Value& form) {
  hoop::Heap& heap = heap_of(task.environment);
  auto scope = heap.make<Environment>(heap, task.environment);
  for (const Value& binding : elements(first(form)))
    scope->define(expect_symbol(first(binding)), evaluate(second(binding), task.environment));
  task = enter_body(rest(form), std::move(scope));
  return std::nullopt;
}

Result eval_while(Task& task, const Value& form) {
  while (is_true(evaluate(first(form), task.environment))) {
    for (const Value& expression : elements(rest(form))) evaluate(expression, task.environment);
  }
  return Nil();
}

// `and` stops at the first value that is false, `or` at the first that is true.
template <bool kStopAt>
Result eval_until(Task& task, const Value& form) {
  Value value = !kStopAt;
  for (const Value& expression : elements(form)) {
    value = evaluate(expression, task.environment);
    if (is_true(value) == kStopAt) break;
  }
  return value;
}

// (class Name (field...) (define (method self parameter...) expression...)...)
Result eval_class(Task& task, const Value& form) {
  hoop::Heap& heap = heap_of(task.environment);
  const ref<Symbol>& name = expect_symbol(first(form));
  auto type = heap.make<Class>(heap, name->name);
  for (const Value& field : elements(second(form))) type->fields.push_back(expect_symbol(field));
  for (const Value& method : elements(rest(rest(form)))) {
    const ref<Pair>& head = expect_pair(second(method));
    const ref<Symbol>& method_name = expect_symbol(head->first);
    auto closure = make_closure(task, method_name->name, head->rest, rest(rest(method)));
    if (method_name->name == "finalize") type->finalizer = closure;
    type->methods.insert_or_assign(method_name, std::move(closure));
  }
  task.environment->define(name, type);
  return type;
}

}  // namespace

std::vector<std::pair<std::string_view, SpecialForm>> special_forms() {
  return {{"quote", eval_quote},      {"if", eval_if},       {"cond", eval_cond},
          {"define", eval_define},    {"set!", eval_set},    {"lambda", eval_lambda},
          {"begin", eval_begin},      {"let", eval_let},     {"while", eval_while},
          {"and", eval_until<false>}, {"class", eval_class}, {"or", eval_until<true>}};
}

Value evaluate(Value expression, ref<Environment> environment) {
  const Depth depth;
  Task task{std::move(expression), std::move(environment)};
  for (;;) {
    if (const auto* const symbol = std::get_if<ref<Symbol>>(&task.expression))
      return task.environment->lookup(*symbol);
    if (!std::holds_alternative<ref<Pair>>(task.expression)) return std::move(task.expression);
    const ref<Pair> form = std::get<ref<Pair>>(task.expression);
    const auto* const head = std::get_if<ref<Symbol>>(&form->first);
    if (head != nullptr && (*head)->form != nullptr) {
      if (Result result = (*head)->form(task, form->rest)) return *std::move(result);
      continue;
    }
    const Value function = evaluate(form->first, task.environment);
    const std::vector<Value> arguments = evaluate_each(form->rest, task.environment);
    const auto* const closure = std::get_if<ref<Closure>>(&function);
    if (closure == nullptr) return call(heap_of(task.environment), function, arguments);
    task = enter(heap_of(task.environment), **closure, arguments);
  }
}

Value call(hoop::Heap& heap, const Value& function, Arguments arguments) {
  if (const auto* const builtin = std::get_if<ref<Builtin>>(&function))
    return call_builtin(heap, **builtin, arguments);
  if (const auto* const type = std::get_if<ref<Class>>(&function))
    return heap.make<Instance>(heap, *type, arguments);
  const ref<Closure> closure = expect<ref<Closure>>(function, "a function");
  Task task = enter(heap, *closure, arguments);
  return evaluate(std::move(task.expression), std::move(task.environment));
}

}  // namespace lisp
