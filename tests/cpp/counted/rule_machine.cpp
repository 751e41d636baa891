// SPDX-License-Identifier: Apache-2.0
#include "cpp/counted/rule_machine.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace hoop::testing::rules {

namespace {

class Leaf : public Thing {
 public:
  using Thing::Thing;
};

class Node : public Thing, public Copyable {
 public:
  Node(RuleMachine& machine, std::string name)
      : Thing(machine, std::move(name)), attributes(machine.heap()) {}
  void trace(Visitor& visitor) const override { visitor(attributes); }

  Holder attributes;
};

class FinalizedNode : public Node {
 public:
  FinalizedNode(RuleMachine& machine, std::string name, const Program& body)
      : Node(machine, std::move(name)), body_(body) {}
  void finalize() override {
    machine_.log("finalize " + name());
    machine_.run(body_, this);
  }

 private:
  const Program& body_;
};

Words path_of(const std::string& text) {
  std::istringstream in(text);
  Words path;
  for (std::string name; std::getline(in, name, '.');) path.push_back(name);
  return path;
}

std::string join(const Words& words, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (i == from ? "" : " ") + words[i];
  return text;
}

std::string message_of(const Error& error) {
  try {
    std::rethrow_exception(error.exception);
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

int generation_in(const Words& words) { return words.size() > 1 ? std::stoi(words[1]) : kOldest; }

}  // namespace

Thing::~Thing() {
  if (!name_.empty()) machine_.log(name_ + " freed");
}

RuleMachine::RuleMachine() : heap_({.automatic = false}), variables_(heap_) {
  heap_.set_error_handler([this](const Error& error) { log("error " + message_of(error)); });
}

RuleMachine::~RuleMachine() { ended_ = true; }

void RuleMachine::run(const Program& program, Thing* self) {
  if (ended_) return;
  struct Restore {
    Thing*& place;
    Thing* before;
    ~Restore() { place = before; }
  } const restore{self_, self_};
  for (const Statement& statement : program) {
    self_ = self;
    (this->*verb_of(statement))(statement);
  }
}

void RuleMachine::log(const std::string& line) {
  if (!ended_) log_.push_back(line);
}

RuleMachine::Verb RuleMachine::verb_of(const Statement& statement) {
  using M = RuleMachine;
  static const std::map<std::string, Verb> verbs = {
      {"make", &M::make},         {"leaf", &M::leaf},           {"chain", &M::chain},
      {"loops", &M::loops},       {"drop", &M::drop},           {"weak", &M::make_weak},
      {"copy", &M::copy},         {"deepcopy", &M::deep_copy},  {"show", &M::show},
      {"same", &M::same},         {"log", &M::log_words},       {"raise", &M::raise},
      {"collect", &M::collect},   {"collected", &M::collected}, {"freeze", &M::freeze},
      {"unfreeze", &M::unfreeze}, {"enable", &M::enable},       {"disable", &M::disable},
      {"watch", &M::watch},       {"immortal", &M::immortal},   {"tracked", &M::tracked},
      {"age", &M::age},           {"referents", &M::referents}, {"referrers", &M::referrers},
      {"garbage", &M::garbage},
  };
  if (statement.words.size() == 3 && statement.words[1] == "=") return &M::assign;
  return verbs.at(statement.words[0]);
}

// --- places --------------------------------------------------------------------------

RuleMachine::Place RuleMachine::place(const std::string& text) {
  const std::size_t dot = text.rfind('.');
  if (dot == std::string::npos) return {variables_, text};
  return {dynamic_cast<Node&>(*thing_at(text.substr(0, dot))).attributes, text.substr(dot + 1)};
}

// Null: nothing is there, or it is gone.
Thing* RuleMachine::thing_at(const std::string& text) {
  Thing* thing = nullptr;
  const Holder* holder = &variables_;
  for (const std::string& name : path_of(text)) {
    if (holder == nullptr) return nullptr;
    if (holder == &variables_ && name == "self") {
      thing = self_;
    } else if (const auto found = holder->things.find(name); found != holder->things.end()) {
      thing = found->second.get();
    } else {
      const auto weak = holder->weaks.find(name);
      thing = weak == holder->weaks.end() ? nullptr : weak->second.lock().get();
    }
    auto* const node = dynamic_cast<Node*>(thing);
    holder = node == nullptr ? nullptr : &node->attributes;
  }
  return thing;
}

// What was there before ends last: it may run programs.
void RuleMachine::store(const std::string& text, ref<Thing> thing) {
  const Place to = place(text);
  const auto old_weak = to.holder.weaks.extract(to.name);
  const ref<Thing> old = std::exchange(to.holder.things[to.name], std::move(thing));
}

void RuleMachine::store_weak(const std::string& text, weak<Thing> reference) {
  const Place to = place(text);
  const auto old_thing = to.holder.things.extract(to.name);
  const weak<Thing> old = std::exchange(to.holder.weaks[to.name], std::move(reference));
}

void RuleMachine::log_is(const std::string& text, bool is, const std::string& what) {
  log(text + (is ? " is " : " is not ") + what);
}

void RuleMachine::log_names(const std::vector<ref<Object>>& objects) {
  std::multiset<std::string> names;
  for (const ref<Object>& object : objects) names.insert(dynamic_cast<Thing&>(*object).name());
  log(join(Words(names.begin(), names.end()), 0));
}

// --- objects and references ----------------------------------------------------------

void RuleMachine::make(const Statement& statement) {
  const Words& words = statement.words;
  if (words.size() == 4 && words[3] == "finalizer")
    return store(words[1], heap_.make<FinalizedNode>(*this, words[1], statement.body));
  for (std::size_t i = 1; i < words.size(); ++i) store(words[i], heap_.make<Node>(*this, words[i]));
}

void RuleMachine::leaf(const Statement& statement) {
  store(statement.words[1], heap_.make<Leaf>(*this, statement.words[1]));
}

void RuleMachine::chain(const Statement& statement) {
  const Words& words = statement.words;
  const ref<Node> first = heap_.make<Node>(*this, words[2]);
  ref<Thing> next = heap_.make<Node>(*this, words[3]);
  store(words[2], first);
  store(words[3], next);
  for (int i = std::stoi(words[1]); i > 0; --i) {
    ref<Node> node = heap_.make<Node>(*this, "");
    node->attributes.things["x"] = std::move(next);
    next = std::move(node);
  }
  first->attributes.things["x"] = std::move(next);
}

void RuleMachine::loops(const Statement& statement) {
  for (int i = std::stoi(statement.words[1]); i > 0; --i) {
    const ref<Node> node = heap_.make<Node>(*this, "");
    node->attributes.things["x"] = node;
  }
}

void RuleMachine::assign(const Statement& statement) {
  store(statement.words[0], ref<Thing>(thing_at(statement.words[2])));
}

void RuleMachine::drop(const Statement& statement) {
  for (std::size_t i = 1; i < statement.words.size(); ++i) {
    const Place from = place(statement.words[i]);
    const auto thing = from.holder.things.extract(from.name);
    const auto weak = from.holder.weaks.extract(from.name);
  }
}

void RuleMachine::make_weak(const Statement& statement) {
  const std::string& name = statement.words[1];
  Thing* const thing = thing_at(statement.words[3]);
  if (statement.words.back() != "callback") return store_weak(name, weak<Thing>(thing));
  store_weak(name, weak<Thing>(ref<Thing>(thing), [this, &statement] {
               log("callback " + statement.words[1]);
               run(statement.body);
             }));
}

void RuleMachine::copy(const Statement& statement) {
  store(statement.words[1], hoop::copy(heap_, ref<Thing>(thing_at(statement.words[3]))));
}

void RuleMachine::deep_copy(const Statement& statement) {
  store(statement.words[1], hoop::deep_copy(heap_, ref<Thing>(thing_at(statement.words[3]))));
}

// --- what is logged ------------------------------------------------------------------

void RuleMachine::show(const Statement& statement) {
  for (std::size_t i = 1; i < statement.words.size(); ++i) {
    const Thing* const thing = thing_at(statement.words[i]);
    log_is(statement.words[i], true, thing == nullptr ? "none" : thing->name());
  }
}

void RuleMachine::same(const Statement& statement) {
  const Place a = place(statement.words[1]);
  const Place b = place(statement.words[2]);
  const bool are_weak = a.holder.weaks.contains(a.name) && b.holder.weaks.contains(b.name);
  const bool is = are_weak ? a.holder.weaks.at(a.name) == b.holder.weaks.at(b.name)
                           : a.holder.things.at(a.name) == b.holder.things.at(b.name);
  log_is(statement.words[1], is, statement.words[2]);
}

void RuleMachine::log_words(const Statement& statement) { log(join(statement.words, 1)); }

void RuleMachine::raise(const Statement& statement) {
  throw std::runtime_error(join(statement.words, 1));
}

void RuleMachine::tracked(const Statement& statement) {
  log_is(statement.words[1], Heap::is_tracked(*thing_at(statement.words[1])), "tracked");
}

void RuleMachine::age(const Statement& statement) {
  const Thing* const thing = thing_at(statement.words[1]);
  for (int generation = 0; generation <= kOldest; ++generation) {
    const std::vector<ref<Object>> objects = heap_.objects(generation);
    if (std::any_of(objects.begin(), objects.end(),
                    [&](const auto& o) { return o.get() == thing; }))
      log_is(statement.words[1], true, "in generation " + std::to_string(generation));
  }
}

void RuleMachine::referents(const Statement& statement) {
  log_names(Heap::referents(*thing_at(statement.words[2])));
}

void RuleMachine::referrers(const Statement& statement) {
  log_names(heap_.referrers(*thing_at(statement.words[2])));
}

void RuleMachine::garbage(const Statement& /*statement*/) {
  log("garbage " + std::to_string(heap_.garbage().size()));
}

// --- collections ---------------------------------------------------------------------

void RuleMachine::collect(const Statement& statement) {
  heap_.collect(generation_in(statement.words));
}

void RuleMachine::collected(const Statement& statement) {
  log("collected " + std::to_string(heap_.collect(generation_in(statement.words))));
}

void RuleMachine::freeze(const Statement& /*statement*/) { heap_.freeze(); }

void RuleMachine::unfreeze(const Statement& /*statement*/) { heap_.unfreeze(); }

void RuleMachine::enable(const Statement& /*statement*/) { heap_.enable_automatic(); }

void RuleMachine::disable(const Statement& /*statement*/) { heap_.disable_automatic(); }

void RuleMachine::watch(const Statement& /*statement*/) {
  watching_ = heap_.on_collection([this](const CollectionInfo& info) {
    const std::string generation = std::to_string(info.generation);
    if (info.phase == CollectionInfo::Phase::kStart) return log("start " + generation);
    log("stop " + generation + ", " + std::to_string(info.collected));
  });
}

void RuleMachine::immortal(const Statement& statement) {
  Heap::make_immortal(*thing_at(statement.words[1]));
}

}  // namespace hoop::testing::rules
