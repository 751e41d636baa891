// SPDX-License-Identifier: Apache-2.0
// Runs the program of a rule on a heap of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/counted/rule.h"
#include "hoop/hoop.h"

namespace hoop::testing::rules {

class RuleMachine;

// Logs its end.
class Thing : public Object {
 public:
  Thing(RuleMachine& machine, std::string name) : machine_(machine), name_(std::move(name)) {}
  Thing(const Thing& other)
      : Object(other), machine_(other.machine_), name_("copy of " + other.name_) {}
  Thing& operator=(const Thing&) = delete;
  ~Thing() override;

  [[nodiscard]] const std::string& name() const { return name_; }

 protected:
  RuleMachine& machine_;

 private:
  std::string name_;  // empty: it logs nothing
};

// What variables and attributes hold: an object, or a weak reference to one.
struct Holder {
  explicit Holder(Heap& heap) : things(heap), weaks(heap) {}
  void trace(Visitor& visitor) const { visitor(things, weaks); }

  hoop::map<std::string, ref<Thing>> things;
  hoop::map<std::string, weak<Thing>> weaks;
};

class RuleMachine {
 public:
  RuleMachine();
  ~RuleMachine();
  RuleMachine(const RuleMachine&) = delete;
  RuleMachine& operator=(const RuleMachine&) = delete;

  // `self`: the object whose finalizer it is.
  void run(const Program& program, Thing* self = nullptr);
  void log(const std::string& line);
  [[nodiscard]] const Words& logged() const { return log_; }
  [[nodiscard]] Heap& heap() { return heap_; }

 private:
  using Verb = void (RuleMachine::*)(const Statement&);
  struct Place {
    Holder& holder;
    std::string name;
  };

  [[nodiscard]] static Verb verb_of(const Statement& statement);
  [[nodiscard]] Place place(const std::string& text);
  [[nodiscard]] Thing* thing_at(const std::string& text);
  void store(const std::string& text, ref<Thing> thing);
  void store_weak(const std::string& text, weak<Thing> reference);
  void log_names(const std::vector<ref<Object>>& objects);
  void log_is(const std::string& text, bool is, const std::string& what);

  void make(const Statement& statement);
  void leaf(const Statement& statement);
  void chain(const Statement& statement);
  void loops(const Statement& statement);
  void assign(const Statement& statement);
  void drop(const Statement& statement);
  void make_weak(const Statement& statement);
  void copy(const Statement& statement);
  void deep_copy(const Statement& statement);
  void show(const Statement& statement);
  void same(const Statement& statement);
  void log_words(const Statement& statement);
  void raise(const Statement& statement);
  void collect(const Statement& statement);
  void collected(const Statement& statement);
  void freeze(const Statement& statement);
  void unfreeze(const Statement& statement);
  void enable(const Statement& statement);
  void disable(const Statement& statement);
  void watch(const Statement& statement);
  void immortal(const Statement& statement);
  void tracked(const Statement& statement);
  void age(const Statement& statement);
  void referents(const Statement& statement);
  void referrers(const Statement& statement);
  void garbage(const Statement& statement);

  Words log_;
  bool ended_ = false;
  Heap heap_;
  Holder variables_;
  Thing* self_ = nullptr;
  std::shared_ptr<void> watching_;
};

}  // namespace hoop::testing::rules
