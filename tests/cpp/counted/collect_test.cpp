// SPDX-License-Identifier: Apache-2.0
// Collections: what they find, in which order things end, what they say of themselves.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "hoop/hoop.h"

namespace hoop {
namespace {

using Log = std::vector<std::string>;

struct Node : Object {
  using Act = std::function<void(Node&)>;
  Node(Log& to, std::string named) : log(to), name(std::move(named)) {}
  ~Node() override { log.push_back("~" + name); }
  void trace(Visitor& visitor) const override { visitor(links, watched); }
  void finalize() override {
    if (in_finalizer) in_finalizer(*this);
  }
  Log& log;
  std::string name;
  std::vector<ref<Node>> links;
  std::vector<weak<Node>> watched;
  Act in_finalizer;
};

class Collect : public ::testing::Test {
 protected:
  ref<Node> make(const std::string& name) { return heap.make<Node>(log, name); }
  // a -> b -> a
  std::pair<ref<Node>, ref<Node>> make_cycle() {
    ref<Node> a = make("a");
    ref<Node> b = make("b");
    a->links.push_back(b);
    b->links.push_back(a);
    return {a, b};
  }
  Log take_log() { return std::exchange(log, {}); }

  Log log;
  Heap heap;
};

TEST_F(Collect, FindsACycle) {
  make_cycle();
  EXPECT_EQ(log, Log{});
  EXPECT_EQ(heap.collect(), 2U);
  EXPECT_EQ(log, (Log{"~a", "~b"}));  // b lost its handle first: it is cleared, and ends last
}

TEST_F(Collect, KeepsWhatClearMadeImmortal) {
  struct Stubborn : Node {
    using Node::Node;
    void clear() override {
      decltype(links)().swap(links);
      Heap::make_immortal(*this);
    }
  };
  ref<Node> a = heap.make<Stubborn>(log, "a");
  a->links.push_back(make("b"));
  a->links[0]->links.push_back(a);
  Node* const raw = a.get();
  a = nullptr;
  EXPECT_EQ(heap.collect(), 1U);
  EXPECT_EQ(take_log(), Log{"~b"});
  EXPECT_EQ(raw->name, "a");
}

TEST_F(Collect, KeepsACycleThatSomethingRefersTo) {
  auto [a, b] = make_cycle();
  b = nullptr;
  EXPECT_EQ(heap.collect(), 0U);
  EXPECT_EQ(a->links[0]->links[0], a);
  a = nullptr;
  EXPECT_EQ(heap.collect(), 2U);
}

TEST_F(Collect, GenerationsOldObjectsWaitForAFullCollection) {
  auto [a, b] = make_cycle();
  heap.collect(0);
  heap.collect(1);
  EXPECT_EQ(heap.objects(2).size(), 2U);
  a = b = nullptr;
  EXPECT_EQ(heap.collect(0), 0U);
  EXPECT_EQ(heap.collect(1), 0U);
  EXPECT_EQ(heap.collect(2), 2U);
}

TEST_F(Collect, CostsWhatCandidatesReach) {
  std::vector<ref<Node>> live;
  for (int i = 0; i < 10'000; ++i) live.push_back(make("live"));
  heap.collect();
  const auto before = heap.stats().generations[kOldest].looked_at;
  make_cycle();
  EXPECT_EQ(heap.collect(), 2U);
  EXPECT_EQ(heap.stats().generations[kOldest].looked_at - before, 2U);
}

TEST_F(Collect, MakesItselfWhenCandidatesAreMany) {
  heap.set_thresholds({.candidates = 10});
  for (int i = 0; i < 100; ++i) make_cycle();
  EXPECT_GT(take_log().size(), 100U);
  heap.disable_automatic();
  heap.collect();
  take_log();
  for (int i = 0; i < 100; ++i) make_cycle();
  EXPECT_EQ(log, Log{});
  EXPECT_EQ(heap.stats().candidates, 200U);
}

TEST_F(Collect, GoesOnForATimeOnly) {
  heap.disable_automatic();
  for (int i = 0; i < 5000; ++i) make_cycle();
  EXPECT_FALSE(heap.collect_for(std::chrono::nanoseconds(0)));
  EXPECT_EQ(log, Log{});
  while (!heap.collect_for(std::chrono::microseconds(50))) {
  }
  EXPECT_EQ(log.size(), 10'000U);
}

TEST_F(Collect, ForATimeLeavesWhatIsTooLargeAndComesToTheRest) {
  heap.disable_automatic();
  {
    ref<Node> first = make("x");
    ref<Node> last = first;
    for (int i = 0; i < 100'000; ++i) {
      last->links.push_back(make("x"));
      last = last->links[0];
    }
    last->links.push_back(first);
  }
  for (int i = 0; i < 1000; ++i) make_cycle();
  for (int i = 0; i < 1000 && log.size() < 2000; ++i)
    heap.collect_for(std::chrono::microseconds(500));
  EXPECT_GE(log.size(), 2000U);
  heap.collect();
  EXPECT_EQ(log.size(), 102'001U);
}

TEST_F(Collect, FreezeSetsAsideAndUnfreezeTakesBack) {
  make_cycle();
  heap.freeze();
  EXPECT_EQ(heap.stats().frozen, 2U);
  EXPECT_EQ(heap.collect(), 0U);
  make_cycle();
  EXPECT_EQ(heap.collect(), 2U);
  heap.unfreeze();
  EXPECT_EQ(heap.collect(), 2U);
  EXPECT_EQ(heap.stats().frozen, 0U);
}

TEST_F(Collect, TellsCallbacksOfItsStartAndEnd) {
  std::vector<std::pair<CollectionInfo::Phase, std::size_t>> told;
  auto token = heap.on_collection(
      [&](const CollectionInfo& info) { told.emplace_back(info.phase, info.collected); });
  make_cycle();
  heap.collect(1);
  using Phase = CollectionInfo::Phase;
  EXPECT_EQ(told, (decltype(told){{Phase::kStart, 0}, {Phase::kStop, 2}}));
  token.reset();
  heap.collect();
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(Collect, WithinACollectionDoesNothing) {
  std::size_t inner = 1;
  auto [a, b] = make_cycle();
  a->in_finalizer = [&](Node&) { inner = heap.collect(); };
  a = b = nullptr;
  EXPECT_EQ(heap.collect(), 2U);
  EXPECT_EQ(inner, 0U);
}

TEST_F(Collect, FromWithinADestructorIsFine) {
  struct Collects : Object {
    explicit Collects(Heap& in) : heap(in) {}
    ~Collects() override { EXPECT_EQ(heap.collect(), 2U); }
    Heap& heap;
  };
  make_cycle();
  heap.make<Collects>(heap).reset();
  EXPECT_EQ(log.size(), 2U);
}

TEST_F(Collect, KeepsWhatADestructorTookAReferenceTo) {
  ref<Node> kept;
  struct Gives : Object {
    ~Gives() override { to = from; }
    explicit Gives(ref<Node>& into) : to(into) {}
    void trace(Visitor& visitor) const override { visitor(me, from); }
    ref<Node>& to;
    ref<Gives> me;
    ref<Node> from;
  };
  {
    ref<Gives> gives = heap.make<Gives>(kept);
    gives->from = make("kept");
    gives->from->links.push_back(gives->from);
    ref<Gives> other = heap.make<Gives>(kept);
    other->me = gives;
    gives->me = other;
  }
  heap.collect();
  EXPECT_TRUE(kept == nullptr || kept->name == "kept");
  kept = nullptr;
  heap.collect();
  EXPECT_EQ(log, Log{"~kept"});
  EXPECT_EQ(heap.report().objects, 0U);
}

TEST_F(Collect, ReportsWhatClearDoesNotLetGo) {
  struct Stubborn : Object {
    void trace(Visitor& visitor) const override { visitor(me); }
    void clear() override {}
    ref<Stubborn> me;
  };
  {
    ref<Stubborn> stubborn = heap.make<Stubborn>();
    stubborn->me = stubborn;
  }
  EXPECT_EQ(heap.collect(), 0U);
  ASSERT_EQ(heap.garbage().size(), 1U);
  EXPECT_EQ(heap.stats().generations[kOldest].uncollectable, 1U);
  static_ref_cast<Stubborn>(heap.garbage()[0])->me = nullptr;
  heap.garbage().clear();
  EXPECT_EQ(heap.report().objects, 0U);
}

TEST_F(Collect, ErrorsGoToTheHandlerAndTheCollectionGoesOn) {
  Log errors;
  heap.set_error_handler([&](const Error& error) {
    try {
      std::rethrow_exception(error.exception);
    } catch (const std::exception& exception) {
      errors.push_back(error.type + ": " + exception.what());
    }
  });
  auto [a, b] = make_cycle();
  a->in_finalizer = [](Node&) { throw std::runtime_error("of a"); };
  const weak<Node> watched(b, [] { throw std::runtime_error("of the callback"); });
  a = b = nullptr;
  EXPECT_EQ(heap.collect(), 2U);
  EXPECT_EQ(errors, (Log{": of the callback", "hoop::(anonymous namespace)::Node: of a"}));
  EXPECT_EQ(heap.stats().errors, 2U);
}

TEST_F(Collect, ErrorsWithoutAHandlerAreKept) {
  ref<Node> a = make("a");
  a->in_finalizer = [](Node&) { throw std::runtime_error("kept"); };
  a = nullptr;
  ASSERT_EQ(heap.errors().size(), 1U);
  EXPECT_EQ(heap.errors()[0].where, Error::Where::kFinalizer);
  EXPECT_EQ(log, Log{"~a"});
}

TEST_F(Collect, ATraceThatThrowsEndsTheCollectionAndLosesNothing) {
  struct Fails : Object {
    explicit Fails(const bool& now) : fails(now) {}
    void trace(Visitor& visitor) const override {
      visitor(me);
      if (fails) throw std::runtime_error("trace");
    }
    ref<Fails> me;
    const bool& fails;
  };
  bool fails = true;
  make_cycle();
  {
    ref<Fails> object = heap.make<Fails>(fails);
    object->me = object;
  }
  EXPECT_EQ(heap.collect(), 0U);
  EXPECT_EQ(heap.errors().back().where, Error::Where::kTrace);
  fails = false;
  EXPECT_EQ(heap.collect(), 3U);
}

TEST_F(Collect, ATraceThatThrowsOnTheSecondLookKeepsTheGarbage) {
  struct Fails : Object {
    explicit Fails(bool& now) : fails(now) {}
    void trace(Visitor& visitor) const override {
      visitor(me);
      if (fails) throw std::runtime_error("trace");
    }
    void finalize() override { fails = true; }
    ref<Fails> me;
    bool& fails;
  };
  bool fails = false;
  {
    ref<Fails> object = heap.make<Fails>(fails);
    object->me = object;
  }
  EXPECT_EQ(heap.collect(), 0U);
  EXPECT_EQ(heap.errors().back().where, Error::Where::kTrace);
  fails = false;
  EXPECT_EQ(heap.collect(), 1U);
}

TEST_F(Collect, ATraceThatNamesTooMuchIsReportedAndHarmsNobody) {
  struct Boasts : Object {
    void trace(Visitor& visitor) const override { visitor(borrowed, borrowed); }
    ref<Node> borrowed;
  };
  ref<Boasts> boasts = heap.make<Boasts>();
  boasts->borrowed = make("lent");
  { const ref<Node> candidate = boasts->borrowed; }
  { const ref<Boasts> candidate = boasts; }
  EXPECT_EQ(heap.collect(), 0U);
  EXPECT_EQ(log, Log{});
  ASSERT_FALSE(heap.errors().empty());
  EXPECT_EQ(heap.errors().back().where, Error::Where::kTrace);
}

TEST_F(Collect, ATraceMayCopyReferences) {
  struct Sloppy : Object {
    void trace(Visitor& visitor) const override {
      for (auto copied : links) visitor(copied);  // NOLINT: on purpose
    }
    std::vector<ref<Sloppy>> links;
  };
  {
    ref<Sloppy> a = heap.make<Sloppy>();
    ref<Sloppy> b = heap.make<Sloppy>();
    a->links = {b, a, b};
    b->links = {a};
  }
  // Copies are let go of, the members stay: nothing can be broken, and nothing is harmed.
  EXPECT_EQ(heap.collect(), 0U);
  ASSERT_EQ(heap.garbage().size(), 2U);
  for (const ref<Object>& object : heap.garbage()) static_ref_cast<Sloppy>(object)->links.clear();
  heap.garbage().clear();
  EXPECT_EQ(heap.report().objects, 0U);
}

// --- what a visitor takes ---

struct Part {
  ref<Node> node;
  void trace(Visitor& visitor) const { visitor(node); }
};

struct Holder : Object {
  void trace(Visitor& visitor) const override {
    visitor(sets, maps, variant, parts, nested, array, number);
  }
  std::set<ref<Node>> sets;
  std::map<ref<Node>, std::string> maps;
  std::variant<int, ref<Node>> variant;
  std::vector<Part> parts;
  std::vector<std::map<int, std::vector<ref<Holder>>>> nested;
  std::array<ref<Node>, 2> array;
  int number = 0;
};

TEST_F(Collect, SeesReferencesInEveryStandardContainer) {
  ref<Node> node = make("n");
  {
    ref<Holder> holder = heap.make<Holder>();
    holder->sets.insert(node);
    holder->maps.emplace(node, "x");
    holder->variant = node;
    holder->parts.push_back({node});
    holder->array[1] = node;
    holder->nested.push_back({{1, {holder, holder}}});
    EXPECT_EQ(node.use_count(), 6);
    EXPECT_EQ(Heap::referents(*holder).size(), 7U);
  }
  EXPECT_EQ(heap.collect(), 1U);
  EXPECT_EQ(node.use_count(), 1);
}

// --- questions ---

TEST_F(Collect, AnswersWhoRefersToWhom) {
  auto [a, b] = make_cycle();
  EXPECT_EQ(heap.referrers(*a), std::vector<ref<Object>>{b});
  EXPECT_EQ(Heap::referents(*a), std::vector<ref<Object>>{b});
  EXPECT_EQ(heap.objects().size(), 2U);
  EXPECT_EQ(&Heap::of(*a), &heap);
}

TEST_F(Collect, ReportsTypesCyclesAndGarbage) {
  auto [a, b] = make_cycle();
  make_cycle();
  const ref<Object> numbers = heap.make_array<int>(10);
  const HeapReport report = heap.report();
  EXPECT_EQ(report.objects, 5U);
  EXPECT_EQ(report.cyclic_groups, 2U);
  EXPECT_EQ(report.objects_in_cycles, 4U);
  EXPECT_EQ(report.garbage_objects, 2U);
  ASSERT_EQ(report.types.size(), 2U);
  EXPECT_EQ(report.types[0].objects, 4U);
  EXPECT_EQ(report.types[1].name, "hoop::Array<int>");
  EXPECT_NE(report.text().find("5 objects"), std::string::npos);
  EXPECT_NE(report.text().find("4 of them in 2 cyclic groups; 2 garbage"), std::string::npos);
}

TEST_F(Collect, DrawsAGraph) {
  auto [a, b] = make_cycle();
  std::ostringstream out;
  heap.graph(out);
  EXPECT_NE(out.str().find("n0 -> n1"), std::string::npos);
  EXPECT_NE(out.str().find("n1 -> n0"), std::string::npos);
  std::ostringstream cut;
  heap.graph(cut, 1);
  EXPECT_NE(cut.str().find("and 1 objects more"), std::string::npos);
}

// --- copies ---

struct Tree : Object, Copyable {
  void trace(Visitor& visitor) const override { visitor(children, parent, names); }
  std::vector<ref<Tree>> children;
  ref<Tree> parent;
  std::map<ref<Tree>, int> names;
  int value = 0;
};

TEST(Copy, IsShallowOrDeepWithAMemo) {
  Heap heap;
  ref<Tree> root = heap.make<Tree>();
  for (int i = 0; i < 3; ++i) {
    ref<Tree> child = heap.make<Tree>();
    child->parent = root;
    child->value = i;
    root->children.push_back(child);
    root->names.emplace(child, i);
  }
  root->children.push_back(root->children[0]);

  const ref<Tree> shallow = copy(heap, root);
  EXPECT_EQ(shallow->children, root->children);

  const ref<Tree> deep = deep_copy(heap, root);
  EXPECT_NE(deep, root);
  ASSERT_EQ(deep->children.size(), 4U);
  EXPECT_EQ(deep->children[3], deep->children[0]);
  EXPECT_NE(deep->children[0], root->children[0]);
  EXPECT_EQ(deep->children[2]->parent, deep);
  EXPECT_EQ(deep->names.at(deep->children[1]), 1);
  EXPECT_EQ(root->names.at(root->children[1]), 1);
  EXPECT_EQ(heap.report().objects, 9U);
}

TEST(Copy, OfWhatIsNotCopyableThrowsAndLeavesNothing) {
  struct Alone : Object {
    void trace(Visitor& visitor) const override { visitor(other); }
    ref<Alone> other;
  };
  Heap heap;
  const ref<Alone> alone = heap.make<Alone>();
  EXPECT_THROW((void)copy(heap, alone), NotCopyable);
  EXPECT_THROW((void)deep_copy(heap, alone), NotCopyable);
  EXPECT_EQ(heap.report().objects, 1U);
}

TEST(Copy, OfALongListDoesNotRecurse) {
  Heap heap;
  ref<Tree> head;
  for (int i = 0; i < 200'000; ++i) {
    ref<Tree> next = heap.make<Tree>();
    next->parent = std::move(head);
    head = std::move(next);
  }
  const ref<Tree> copied = deep_copy(heap, head);
  EXPECT_EQ(heap.report().objects, 400'000U);
}

// --- owners ---

TEST(Owner, AHeapMovesToAnotherThread) {
  Heap heap;
  Log log;
  ref<Node> a = heap.make<Node>(log, "a");
  heap.detach();
  std::thread([&] {
    heap.attach();
    a->links.push_back(a);
    a = nullptr;
    EXPECT_EQ(heap.collect(), 1U);
    heap.detach();
  }).join();
  heap.attach();
  EXPECT_EQ(log, Log{"~a"});
}

TEST(Owner, ThreadsHaveHeapsOfTheirOwn) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      Log log;
      Heap heap;
      for (int i = 0; i < 2000; ++i) {
        ref<Node> a = heap.make<Node>(log, "a");
        a->links.push_back(a);
      }
      heap.collect();
      EXPECT_EQ(log.size(), 2000U);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace hoop
