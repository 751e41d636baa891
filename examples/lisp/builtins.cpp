// SPDX-License-Identifier: Apache-2.0
// The functions that the language begins with.
#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "evaluator.h"
#include "interpreter.h"
#include "value.h"

namespace lisp {

namespace {

constexpr std::size_t kAny = Arity::kAny;
using hoop::Heap;

double number(const Value& value) { return expect<double>(value, "a number"); }

// --- numbers -------------------------------------------------------------------------

template <class Operation>
void define_arithmetic(Interpreter& lisp, const char* name, double neutral, Operation operation) {
  lisp.define(name, {1, kAny}, [=](Heap& /*heap*/, Arguments arguments) -> Value {
    if (arguments.size() == 1) return operation(neutral, number(arguments[0]));
    double result = number(arguments[0]);
    for (const Value& argument : arguments.subspan(1)) result = operation(result, number(argument));
    return result;
  });
}

void define_numbers(Interpreter& lisp) {
  define_arithmetic(lisp, "+", 0, std::plus<>());
  define_arithmetic(lisp, "-", 0, std::minus<>());
  define_arithmetic(lisp, "*", 1, std::multiplies<>());
  define_arithmetic(lisp, "/", 1, std::divides<>());
  lisp.define("mod", {2, 2}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return std::fmod(number(arguments[0]), number(arguments[1]));
  });
  lisp.define("<", {2, 2}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return number(arguments[0]) < number(arguments[1]);
  });
  lisp.define("=", {2, 2}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return equal(arguments[0], arguments[1]);
  });
  lisp.define("not", {1, 1},
              [](Heap& /*heap*/, Arguments arguments) -> Value { return !is_true(arguments[0]); });
}

// --- lists, vectors, dicts -----------------------------------------------------------

void define_lists(Interpreter& lisp) {
  lisp.define("cons", {2, 2}, [](Heap& heap, Arguments arguments) -> Value {
    return heap.make<Pair>(arguments[0], arguments[1]);
  });
  lisp.define("list", {0, kAny},
              [](Heap& heap, Arguments arguments) -> Value { return make_list(heap, arguments); });
  lisp.define("car", {1, 1}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return expect_pair(arguments[0])->first;
  });
  lisp.define("cdr", {1, 1}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return expect_pair(arguments[0])->rest;
  });
  lisp.define("set-car!", {2, 2}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return expect_pair(arguments[0])->first = arguments[1];
  });
  lisp.define("set-cdr!", {2, 2}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return expect_pair(arguments[0])->rest = arguments[1];
  });
  lisp.define("pair?", {1, 1}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return std::holds_alternative<ref<Pair>>(arguments[0]);
  });
}

// (get what key) and (put! what key value) work on vectors, dicts and instances.
Value get(Heap& /*heap*/, Arguments arguments) {
  if (const auto* const vector = std::get_if<ref<Vector>>(&arguments[0])) {
    const double index = number(arguments[1]);
    const auto& elements = (*vector)->elements;
    if (!(index >= 0 && index < static_cast<double>(elements.size())))
      throw Error("no element " + text(arguments[1]));
    return elements[static_cast<std::size_t>(index)];
  }
  if (const auto* const instance = std::get_if<ref<Instance>>(&arguments[0]))
    return (*instance)->field(expect_symbol(arguments[1]));
  const auto& entries = expect<ref<Dict>>(arguments[0], "a vector, a dict or an instance")->entries;
  const auto found = entries.find(arguments[1]);
  return found == entries.end() ? Value() : found->second;
}

Value put(Heap& /*heap*/, Arguments arguments) {
  Value old = arguments[2];  // what was there ends when all is in order again
  if (const auto* const vector = std::get_if<ref<Vector>>(&arguments[0])) {
    const double index = number(arguments[1]);
    auto& elements = (*vector)->elements;
    if (!(index >= 0 && index < static_cast<double>(elements.size())))
      throw Error("no element " + text(arguments[1]));
    std::swap(elements[static_cast<std::size_t>(index)], old);
  } else if (const auto* const instance = std::get_if<ref<Instance>>(&arguments[0])) {
    std::swap((*instance)->field(expect_symbol(arguments[1])), old);
  } else {
    auto& entries = expect<ref<Dict>>(arguments[0], "a vector, a dict or an instance")->entries;
    std::swap(entries[arguments[1]], old);
  }
  return arguments[2];
}

Value count(Heap& /*heap*/, Arguments arguments) {
  if (const auto* const vector = std::get_if<ref<Vector>>(&arguments[0]))
    return static_cast<double>((*vector)->elements.size());
  if (const auto* const dict = std::get_if<ref<Dict>>(&arguments[0]))
    return static_cast<double>((*dict)->entries.size());
  return static_cast<double>(elements(arguments[0]).size());
}

Value keys(Heap& heap, Arguments arguments) {
  std::vector<Value> keys;
  for (const auto& [key, value] : expect<ref<Dict>>(arguments[0], "a dict")->entries)
    keys.push_back(key);
  return make_list(heap, keys);
}

void define_containers(Interpreter& lisp) {
  lisp.define("vector", {0, kAny}, [](Heap& heap, Arguments arguments) -> Value {
    return heap.make<Vector>(heap, arguments);
  });
  lisp.define("push!", {2, 2}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return expect<ref<Vector>>(arguments[0], "a vector")->elements.emplace_back(arguments[1]);
  });
  lisp.define("dict", {0, 0},
              [](Heap& heap, Arguments /*arguments*/) -> Value { return heap.make<Dict>(heap); });
  lisp.define("get", {2, 2}, get);
  lisp.define("put!", {3, 3}, put);
  lisp.define("count", {1, 1}, count);
  lisp.define("keys", {1, 1}, keys);
}

// --- instances, and the life of objects ----------------------------------------------

void define_objects(Interpreter& lisp) {
  lisp.define("send", {2, kAny}, [](Heap& heap, Arguments arguments) -> Value {
    const auto& instance = expect<ref<Instance>>(arguments[0], "an instance");
    std::vector<Value> passed(arguments.begin() + 1, arguments.end());
    passed[0] = instance;
    return call(heap, instance->method(expect_symbol(arguments[1])), passed);
  });
  lisp.define("weak", {1, 2}, [](Heap& heap, Arguments arguments) -> Value {
    return heap.make<Weak>(expect<ref<Instance>>(arguments[0], "an instance"),
                           arguments.size() == 2 ? arguments[1] : Value());
  });
  lisp.define("weak-get", {1, 1}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    return expect<ref<Weak>>(arguments[0], "a weak reference")->target();
  });
  lisp.define("gc", {0, 0}, [](Heap& heap, Arguments /*arguments*/) -> Value {
    return static_cast<double>(heap.collect());
  });
  lisp.define("objects", {0, 0}, [](Heap& heap, Arguments /*arguments*/) -> Value {
    return static_cast<double>(heap.report().objects);
  });
}

// --- the world outside ---------------------------------------------------------------

std::string joined(Arguments arguments) {
  std::string joined;
  for (const Value& argument : arguments) joined += spoken(argument);
  return joined;
}

void define_output(Interpreter& lisp, std::ostream& out) {
  lisp.define("print", {0, kAny}, [&out](Heap& /*heap*/, Arguments arguments) -> Value {
    out << joined(arguments) << '\n';
    return Nil();
  });
  lisp.define("string", {0, kAny}, [](Heap& heap, Arguments arguments) -> Value {
    return heap.make<String>(joined(arguments));
  });
  lisp.define("error", {0, kAny},
              [](Heap& /*heap*/, Arguments arguments) -> Value { throw Error(joined(arguments)); });
  lisp.define("assert", {1, kAny}, [](Heap& /*heap*/, Arguments arguments) -> Value {
    if (!is_true(arguments[0])) throw Error("assertion failed: " + joined(arguments.subspan(1)));
    return Nil();
  });
}

}  // namespace

void define_builtins(Interpreter& interpreter, std::ostream& out) {
  define_numbers(interpreter);
  define_lists(interpreter);
  define_containers(interpreter);
  define_objects(interpreter);
  define_output(interpreter, out);
}

}  // namespace lisp
