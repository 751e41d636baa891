// SPDX-License-Identifier: Apache-2.0
// The values of the language. Numbers and the like lie in the Value, all else on a hoop::Heap.
#pragma once

#include <hoop/hoop.h>

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lisp {

using hoop::ref;

class Symbol;
class String;
class Pair;
class Vector;
class Dict;
class Environment;
class Builtin;
class Closure;
class Class;
class Instance;
class Weak;

// nil, and the end of each list.
struct Nil {
  bool operator==(const Nil&) const = default;
};

using Value =
    std::variant<Nil, bool, double, ref<Symbol>, ref<String>, ref<Pair>, ref<Vector>, ref<Dict>,
                 ref<Builtin>, ref<Closure>, ref<Class>, ref<Instance>, ref<Weak>>;
using Arguments = std::span<const Value>;

// What a program did wrong.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What is to be evaluated next, in place of a form.
struct Task {
  Value expression;
  ref<Environment> environment;
};

// The value of a form, given what follows its name; or nothing, and `task` is what to go on with.
using SpecialForm = std::optional<Value> (*)(Task& task, const Value& rest);

// One of each name: they are compared by address.
class Symbol : public hoop::Object {
 public:
  explicit Symbol(std::string name) : name(std::move(name)) {}

  const std::string name;
  SpecialForm form = nullptr;
};

class String : public hoop::Object {
 public:
  explicit String(std::string text) : text(std::move(text)) {}

  const std::string text;
};

class Pair : public hoop::Object {
 public:
  Pair(Value first, Value rest) : first(std::move(first)), rest(std::move(rest)) {}
  void trace(hoop::Visitor& visitor) const override { visitor(first, rest); }

  Value first;
  Value rest;
};

class Vector : public hoop::Object {
 public:
  explicit Vector(hoop::Heap& heap, Arguments elements = {})
      : elements(elements.begin(), elements.end(), heap) {}
  void trace(hoop::Visitor& visitor) const override { visitor(elements); }

  hoop::vector<Value> elements;
};

// Numbers and strings are equal by what they say, all else by identity.
bool equal(const Value& a, const Value& b);
std::size_t hash(const Value& value);

struct ValueEqual {
  bool operator()(const Value& a, const Value& b) const { return equal(a, b); }
};
struct ValueHash {
  std::size_t operator()(const Value& value) const { return hash(value); }
};

class Dict : public hoop::Object {
 public:
  explicit Dict(hoop::Heap& heap) : entries(heap) {}
  void trace(hoop::Visitor& visitor) const override { visitor(entries); }

  hoop::unordered_map<Value, Value, ValueHash, ValueEqual> entries;
};

// The names of one scope, inside of another.
class Environment : public hoop::Object {
 public:
  explicit Environment(hoop::Heap& heap, ref<Environment> outer = {})
      : outer_(std::move(outer)), values_(heap) {}
  void trace(hoop::Visitor& visitor) const override { visitor(outer_, values_); }

  void define(const ref<Symbol>& name, Value value);
  void assign(const ref<Symbol>& name, Value value);  // throws Error, as the next one
  [[nodiscard]] const Value& lookup(const ref<Symbol>& name) const;

 private:
  ref<Environment> outer_;
  hoop::unordered_map<ref<Symbol>, Value> values_;
};

struct Arity {
  static constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
  std::size_t least;
  std::size_t most;
};

// A function in C++. The collector does not see into a std::function: it must not capture Values.
class Builtin : public hoop::Object {
 public:
  using Function = std::function<Value(hoop::Heap&, Arguments)>;
  Builtin(std::string name, Arity arity, Function function)
      : name(std::move(name)), arity(arity), function(std::move(function)) {}

  const std::string name;
  const Arity arity;
  const Function function;
};

// A function and the scope in which it was made. When it is defined there, these two are a cycle.
class Closure : public hoop::Object {
 public:
  Closure(std::string name, Value parameters, Value body, ref<Environment> environment)
      : name(std::move(name)),
        parameters(std::move(parameters)),
        body(std::move(body)),
        environment(std::move(environment)) {}
  void trace(hoop::Visitor& visitor) const override { visitor(parameters, body, environment); }

  const std::string name;
  Value parameters;
  Value body;
  ref<Environment> environment;
};

class Class : public hoop::Object {
 public:
  Class(hoop::Heap& heap, std::string name) : name(std::move(name)), fields(heap), methods(heap) {}
  void trace(hoop::Visitor& visitor) const override { visitor(fields, methods, finalizer); }

  const std::string name;
  hoop::vector<ref<Symbol>> fields;
  hoop::unordered_map<ref<Symbol>, ref<Closure>> methods;
  ref<Closure> finalizer;  // one of the methods: the one of that name
};

class Instance : public hoop::Object {
 public:
  Instance(hoop::Heap& heap, ref<Class> type, Arguments fields);
  void trace(hoop::Visitor& visitor) const override { visitor(type, fields_); }
  // The method `finalize`, if the class has one.
  void finalize() override;

  [[nodiscard]] Value& field(const ref<Symbol>& name);
  [[nodiscard]] const ref<Closure>& method(const ref<Symbol>& name) const;

  ref<Class> type;

 private:
  hoop::vector<Value> fields_;
};

// Refers to an instance and does not keep it alive; calls `callback`, if it is not nil, when it
// goes.
class Weak : public hoop::Object {
 public:
  Weak(const ref<Instance>& target, Value callback);
  void trace(hoop::Visitor& visitor) const override { visitor(target_, callback_); }

  [[nodiscard]] Value target() const;

 private:
  Value callback_;
  hoop::weak<Instance> target_;
};

inline bool is_true(const Value& value) {
  const bool* const truth = std::get_if<bool>(&value);
  return truth == nullptr ? !std::holds_alternative<Nil>(value) : *truth;
}

std::string text(const Value& value);    // as a program would write it
std::string spoken(const Value& value);  // strings without their quotes

// The alternative that is wanted, or an Error that says so.
template <class T>
const T& expect(const Value& value, const char* wanted) {
  if (const T* const found = std::get_if<T>(&value)) return *found;
  throw Error(std::string(wanted) + " expected, not " + text(value));
}

inline const ref<Pair>& expect_pair(const Value& value) {
  return expect<ref<Pair>>(value, "a pair");
}
inline const ref<Symbol>& expect_symbol(const Value& value) {
  return expect<ref<Symbol>>(value, "a symbol");
}

// The elements of a proper list.
std::vector<Value> elements(Value list);
Value make_list(hoop::Heap& heap, Arguments elements, Value rest = Nil());

}  // namespace lisp
