// SPDX-License-Identifier: Apache-2.0
#include "value.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "evaluator.h"

namespace lisp {

namespace {

const std::string* string_in(const Value& value) {
  const auto* const string = std::get_if<ref<String>>(&value);
  return string == nullptr ? nullptr : &(*string)->text;
}

}  // namespace

bool equal(const Value& a, const Value& b) {
  const std::string* const string_a = string_in(a);
  const std::string* const string_b = string_in(b);
  return string_a != nullptr && string_b != nullptr ? *string_a == *string_b : a == b;
}

std::size_t hash(const Value& value) {
  if (const std::string* const string = string_in(value)) return std::hash<std::string>()(*string);
  return std::visit(
      []<class T>(const T& alternative) {
        if constexpr (std::is_same_v<T, Nil>) {
          return std::size_t{0};
        } else {
          return std::hash<T>()(alternative);
        }
      },
      value);
}

// --- environments --------------------------------------------------------------------

void Environment::define(const ref<Symbol>& name, Value value) {
  values_.insert_or_assign(name, std::move(value));
}

void Environment::assign(const ref<Symbol>& name, Value value) {
  for (Environment* scope = this; scope != nullptr; scope = scope->outer_.get()) {
    if (const auto found = scope->values_.find(name); found != scope->values_.end()) {
      std::swap(found->second, value);  // the old value ends when the map is whole
      return;
    }
  }
  throw Error("set! of " + name->name + ", which is not defined");
}

const Value& Environment::lookup(const ref<Symbol>& name) const {
  for (const Environment* scope = this; scope != nullptr; scope = scope->outer_.get()) {
    if (const auto found = scope->values_.find(name); found != scope->values_.end())
      return found->second;
  }
  throw Error(name->name + " is not defined");
}

// --- instances -----------------------------------------------------------------------

Instance::Instance(hoop::Heap& heap, ref<Class> of, Arguments fields)
    : type(std::move(of)), fields_(fields.begin(), fields.end(), heap) {
  if (fields.size() > type->fields.size())
    throw Error(type->name + " has " + std::to_string(type->fields.size()) + " fields");
  fields_.resize(type->fields.size());
}

void Instance::finalize() {
  if (type->finalizer == nullptr) return;
  const Value self = ref(this);
  call(hoop::Heap::of(*this), type->finalizer, {&self, 1});
}

Value& Instance::field(const ref<Symbol>& name) {
  const auto found = std::find(type->fields.begin(), type->fields.end(), name);
  if (found == type->fields.end()) throw Error(type->name + " has no field " + name->name);
  return fields_[static_cast<std::size_t>(found - type->fields.begin())];
}

const ref<Closure>& Instance::method(const ref<Symbol>& name) const {
  const auto found = type->methods.find(name);
  if (found == type->methods.end()) throw Error(type->name + " has no method " + name->name);
  return found->second;
}

// The std::function may hold `this`: it goes when this object does. A Value in it would be hidden
// from the collector.
Weak::Weak(const ref<Instance>& target, Value callback) : callback_(std::move(callback)) {
  if (std::holds_alternative<Nil>(callback_)) {
    target_ = target;
  } else {
    target_ = {target, [this] { call(hoop::Heap::of(*this), Value(callback_), {}); }};
  }
}

Value Weak::target() const {
  ref<Instance> found = target_.lock();
  return found == nullptr ? Value() : Value(std::move(found));
}

// --- lists ---------------------------------------------------------------------------

std::vector<Value> elements(Value list) {
  std::vector<Value> found;
  while (!std::holds_alternative<Nil>(list)) {
    const ref<Pair> pair = expect_pair(list);
    found.push_back(pair->first);
    list = pair->rest;
  }
  return found;
}

Value make_list(hoop::Heap& heap, Arguments elements, Value rest) {
  for (auto element = elements.rbegin(); element != elements.rend(); ++element)
    rest = heap.make<Pair>(*element, std::move(rest));
  return rest;
}

// --- text ----------------------------------------------------------------------------

namespace {

// Values may be deep, and may contain themselves.
class Printer {
 public:
  std::string text(const Value& value) {
    write(value);
    return std::move(out_);
  }

 private:
  static constexpr int kDeepest = 16;
  static constexpr int kLongest = 100;           // elements of a list
  static constexpr std::size_t kMost = 1 << 16;  // characters

  void write(const Value& value) {
    if (++depth_ > kDeepest || out_.size() > kMost) {
      out_ += "...";
    } else {
      std::visit([this](const auto& alternative) { print(alternative); }, value);
    }
    --depth_;
  }

  void print(Nil /*value*/) { out_ += "nil"; }
  void print(bool value) { out_ += value ? "true" : "false"; }
  void print(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.12g", value);
    out_ += digits;
  }
  void print(const ref<Symbol>& symbol) { out_ += symbol->name; }
  void print(const ref<String>& string) { out_ += '"' + string->text + '"'; }
  void print(const ref<Pair>& pair) {
    out_ += '(';
    write(pair->first);
    Value rest = pair->rest;
    for (int length = 1; const auto* next = std::get_if<ref<Pair>>(&rest); ++length) {
      out_ += ' ';
      if (length == kLongest) {
        out_ += "...)";
        return;
      }
      write((*next)->first);
      rest = Value((*next)->rest);
    }
    if (!std::holds_alternative<Nil>(rest)) {
      out_ += " . ";
      write(rest);
    }
    out_ += ')';
  }
  void print(const ref<Vector>& vector) {
    out_ += '[';
    for (const char* between = ""; const Value& element : vector->elements) {
      out_ += std::exchange(between, " ");
      write(element);
    }
    out_ += ']';
  }
  void print(const ref<Dict>& dict) {
    out_ += '{';
    for (const char* between = ""; const auto& [key, value] : dict->entries) {
      out_ += std::exchange(between, ", ");
      write(key);
      out_ += ' ';
      write(value);
    }
    out_ += '}';
  }
  void print(const ref<Builtin>& builtin) { out_ += "<builtin " + builtin->name + '>'; }
  void print(const ref<Closure>& closure) { out_ += "<function " + closure->name + '>'; }
  void print(const ref<Class>& type) { out_ += "<class " + type->name + '>'; }
  void print(const ref<Instance>& instance) { out_ += '<' + instance->type->name + '>'; }
  void print(const ref<Weak>& weak) {
    out_ += std::holds_alternative<Nil>(weak->target()) ? "<weak, gone>" : "<weak>";
  }

  std::string out_;
  int depth_ = 0;
};

}  // namespace

std::string text(const Value& value) { return Printer().text(value); }

std::string spoken(const Value& value) {
  const std::string* const string = string_in(value);
  return string == nullptr ? text(value) : *string;
}

}  // namespace lisp
