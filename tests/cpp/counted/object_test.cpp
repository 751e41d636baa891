// SPDX-License-Identifier: Apache-2.0
// References, lifetimes, layouts: what needs no collector.
#include "hoop/object.h"

#include <gtest/gtest.h>

#include <climits>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hoop/hoop.h"

namespace hoop {
namespace {

std::vector<std::string>& log() {
  static std::vector<std::string> log;
  return log;
}
using Log = std::vector<std::string>;
Log take_log() { return std::exchange(log(), {}); }

struct Named : Object {
  explicit Named(std::string named) : name(std::move(named)) {}
  ~Named() override { log().push_back(name); }
  void trace(Visitor& visitor) const override { visitor(first, second); }
  std::string name;
  ref<Named> first;
  ref<Named> second;
};

TEST(Object, EndsWithItsLastReference) {
  Heap heap;
  ref<Named> a = heap.make<Named>("a");
  ref<Named> b = a;
  EXPECT_EQ(a.use_count(), 2);
  a = nullptr;
  EXPECT_EQ(take_log(), Log{});
  b.reset();
  EXPECT_EQ(take_log(), Log{"a"});
}

TEST(Object, MembersEndAfterItInTheOrderOfTheirDeclaration) {
  Heap heap;
  ref<Named> root = heap.make<Named>("root");
  root->first = heap.make<Named>("first");
  root->first->first = heap.make<Named>("first.first");
  root->second = heap.make<Named>("second");
  root = nullptr;
  EXPECT_EQ(take_log(), (Log{"root", "first", "first.first", "second"}));
}

struct Link : Object {
  ref<Link> next;
  void trace(Visitor& visitor) const override { visitor(next); }
  static inline long ended = 0;
  ~Link() override { ++ended; }
};

TEST(Object, TenMillionLinksEndWithoutRecursion) {
  constexpr long kLinks = 10'000'000;
  Heap heap;
  Link::ended = 0;
  ref<Link> head;
  for (long i = 0; i < kLinks; ++i) {
    ref<Link> link = heap.make<Link>();
    link->next = std::move(head);
    head = std::move(link);
  }
  head = nullptr;
  EXPECT_EQ(Link::ended, kLinks);
}

TEST(Object, AHeaderIsSixteenBytes) {
  struct Empty : Object {};
  struct OneLong : Object {
    long value = 0;
  };
  EXPECT_EQ(sizeof(Empty), 16U);
  EXPECT_EQ(sizeof(OneLong), 24U);
  EXPECT_EQ(sizeof(Link), 24U);
  EXPECT_EQ(sizeof(ref<Link>), sizeof(void*));
}

TEST(Object, AReferenceMayBeMadeOfThisAtAnyTime) {
  struct Self : Object {
    Self() { early = ref(this); }
    ref<Self> me() { return ref(this); }
    void trace(Visitor& visitor) const override { visitor(early); }
    ref<Self> early;
  };
  Heap heap;
  ref<Self> self = heap.make<Self>();
  EXPECT_EQ(self.use_count(), 2);
  EXPECT_EQ(self->me(), self);
  self->early = nullptr;
  EXPECT_EQ(self.use_count(), 1);
}

TEST(Object, ReferencesInsideOfADestructorDoNotEndItTwice) {
  struct Fleeting : Object {
    ~Fleeting() override {
      const ref<Fleeting> self(this);
      log().push_back("end");
    }
  };
  Heap heap;
  heap.make<Fleeting>().reset();
  EXPECT_EQ(take_log(), Log{"end"});
}

TEST(Object, AConstructorThatThrowsLeavesNothing) {
  struct Throws : Object {
    Throws() { throw std::runtime_error("no"); }
  };
  Heap heap;
  EXPECT_THROW((void)heap.make<Throws>(), std::runtime_error);
  EXPECT_EQ(heap.report().objects, 0U);
}

TEST(Object, ACountThatIsFullStaysAndKeepsTheObject) {
  Heap heap;
  ref<Named> a = heap.make<Named>("saturated");
  detail::Access::count(a.get()) = INT_MAX;
  ref<Named> b = a;
  EXPECT_EQ(a.use_count(), -1);
  b = nullptr;
  a = nullptr;
  EXPECT_EQ(take_log(), Log{});
}

TEST(Object, AnImmortalOneStays) {
  Heap heap;
  ref<Named> a = heap.make<Named>("immortal");
  Heap::make_immortal(*a);
  Named* const raw = a.get();
  a = nullptr;
  EXPECT_EQ(heap.collect(), 0U);
  EXPECT_EQ(raw->name, "immortal");
  EXPECT_EQ(take_log(), Log{});
}

TEST(Object, OutlivesItsHeap) {
  ref<Named> last;
  weak<Named> watched;
  {
    Heap heap;
    last = heap.make<Named>("late");
    last->first = heap.make<Named>("later");
    watched = last;
  }
  EXPECT_EQ(take_log(), Log{});
  EXPECT_EQ(watched.lock(), last);
  last = nullptr;
  EXPECT_EQ(take_log(), (Log{"late", "later"}));
  EXPECT_TRUE(watched.expired());
}

TEST(Object, CyclesEndWithTheirHeap) {
  {
    Heap heap;
    ref<Named> a = heap.make<Named>("a");
    a->first = a;
  }
  EXPECT_EQ(take_log(), Log{"a"});
}

// --- kinds of inheritance ---

struct Plain {
  virtual ~Plain() = default;
  long fields[3] = {1, 2, 3};
};
struct Behind : Plain, Object {
  ref<Behind> other;
  void trace(Visitor& visitor) const override { visitor(other); }
  ~Behind() override { log().push_back("behind"); }
};

TEST(Object, MayBeASecondBase) {
  Heap heap;
  {
    ref<Behind> a = heap.make<Behind>();
    a->other = heap.make<Behind>();
    a->other->other = a;
    EXPECT_EQ(heap.referrers(*a).size(), 1U);
    EXPECT_EQ(a->other->fields[2], 3);
  }
  EXPECT_EQ(heap.collect(), 2U);
  EXPECT_EQ(take_log(), (Log{"behind", "behind"}));
}

struct Left : virtual Object {
  int left = 1;
};
struct Right : virtual Object {
  int right = 2;
};
struct Diamond : Left, Right {
  ref<Right> me;
  void trace(Visitor& visitor) const override { visitor(me); }
  ~Diamond() override { log().push_back("diamond"); }
};

TEST(Object, MayBeTheTipOfADiamond) {
  Heap heap;
  {
    ref<Diamond> diamond = heap.make<Diamond>();
    ref<Left> left = diamond;
    ref<Right> right = diamond;
    EXPECT_EQ(diamond.use_count(), 3);
    EXPECT_EQ(dynamic_ref_cast<Left>(right), left);
    diamond->me = right;
    EXPECT_EQ(heap.objects().size(), 1U);
  }
  EXPECT_EQ(heap.collect(), 1U);
  EXPECT_EQ(take_log(), Log{"diamond"});
}

// --- references as values ---

struct Base : Object {};
struct Derived : Base {
  int value = 7;
};

TEST(Ref, ConvertsAndCastsAsASharedPointerDoes) {
  Heap heap;
  ref<Derived> derived = heap.make<Derived>();
  ref<Base> base = derived;
  ref<const Derived> constant = derived;
  EXPECT_EQ(base, derived);
  EXPECT_EQ(static_ref_cast<Derived>(base)->value, 7);
  EXPECT_EQ(dynamic_ref_cast<Derived>(base), derived);
  EXPECT_EQ(dynamic_ref_cast<Derived>(ref<Base>(heap.make<Base>())), nullptr);
  EXPECT_EQ(const_ref_cast<Derived>(constant), derived);
  ref<Base> moved = std::move(derived);
  EXPECT_EQ(derived, nullptr);
  EXPECT_EQ(moved.use_count(), 3);
  static_assert(!std::is_convertible_v<ref<Base>, ref<Derived>>);
  static_assert(!std::is_convertible_v<ref<const Base>, ref<Base>>);
}

TEST(Ref, IsAKeyOfContainers) {
  Heap heap;
  ref<Base> a = heap.make<Base>();
  ref<Base> b = heap.make<Base>();
  const std::set<ref<Base>> ordered{a, b, a};
  const std::unordered_set<ref<Base>> hashed{a, b, a};
  EXPECT_EQ(ordered.size(), 2U);
  EXPECT_EQ(hashed.count(b), 1U);
  EXPECT_TRUE((a <=> b) == (a.get() <=> b.get()));
}

TEST(Ref, SurvivesItsOwnAssignment) {
  Heap heap;
  ref<Named> a = heap.make<Named>("a");
  const ref<Named>& same = a;
  a = same;
  EXPECT_EQ(a.use_count(), 1);
  a->first = heap.make<Named>("b");
  a = a->first;  // the old value dies after the new one is in
  EXPECT_EQ(take_log(), Log{"a"});
  EXPECT_EQ(a->name, "b");
  a = nullptr;
  take_log();
}

TEST(Ref, IsDetachedAndAdopted) {
  Heap heap;
  Base* const raw = heap.make<Base>().detach();
  EXPECT_EQ(heap.report().objects, 1U);
  ref<Base>::adopt(raw).reset();
  EXPECT_EQ(heap.report().objects, 0U);
}

// --- weak references ---

TEST(Weak, KnowsWhenItsObjectIsGone) {
  Heap heap;
  ref<Named> a = heap.make<Named>("a");
  const weak<Named> watched(a);
  const weak<Named> copied = watched;
  EXPECT_EQ(watched.lock(), a);
  a = nullptr;
  EXPECT_EQ(watched.lock(), nullptr);
  EXPECT_TRUE(copied.expired());
  EXPECT_EQ(watched, copied);
  take_log();
}

TEST(Weak, CallsBackTheLatestFirstWhileTheReferenceIsThere) {
  Heap heap;
  ref<Named> a = heap.make<Named>("a");
  const weak<Named> first(a, [] { log().push_back("first"); });
  const weak<Named> second(a, [] { log().push_back("second"); });
  {
    const weak<Named> dropped(a, [] { log().push_back("dropped"); });
  }
  a = nullptr;
  EXPECT_EQ(take_log(), (Log{"second", "first", "a"}));
}

struct Watches : Object {
  explicit Watches(Log& to, bool fails = false)
      : me(ref(this), [&to] { to.push_back("callback"); }), children(Heap::of(*this)) {
    if (fails) throw std::runtime_error("no");
  }
  weak<Watches> me;
  vector<ref<Object>> children;
};

TEST(Weak, MayBeMadeInAConstructor) {
  Heap heap;
  Heap other;
  ref<Watches> watches = heap.make<Watches>(log());
  EXPECT_EQ(watches->me.lock(), watches);
  const weak<Watches> outside = watches->me;
  watches = nullptr;
  EXPECT_EQ(take_log(), Log{"callback"});
  EXPECT_TRUE(outside.expired());
  weak<Watches> leaked;
  EXPECT_THROW((void)heap.make<Watches>(log(), true), std::runtime_error);
  EXPECT_EQ(heap.report().objects, 0U);
  take_log();
}

TEST(Weak, AThousandObjectsComeAndGo) {
  Heap heap;
  std::vector<ref<Base>> objects;
  std::vector<weak<Base>> watched;
  int calls = 0;
  for (int i = 0; i < 1000; ++i) {
    objects.push_back(heap.make<Base>());
    watched.emplace_back(objects.back(), [&calls] { ++calls; });
    watched.emplace_back(objects.back());
  }
  for (std::size_t i = 0; i < 1000; i += 2) objects[i] = nullptr;
  EXPECT_EQ(calls, 500);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(watched[2 * i].expired(), i % 2 == 0) << i;
}

// --- arrays and sizes ---

TEST(Array, HoldsItsElementsAndTracesThem) {
  Heap heap;
  {
    auto array = heap.make_array<ref<Object>>(100);
    (*array)[7] = array;
    EXPECT_EQ(array->size(), 100U);
    EXPECT_TRUE(Heap::is_tracked(*array));
  }
  EXPECT_EQ(heap.collect(), 1U);
  const auto numbers = heap.make_array<int>(5, 3);
  EXPECT_FALSE(Heap::is_tracked(*numbers));
  EXPECT_EQ(numbers->elements()[4], 3);
  EXPECT_TRUE(heap.make_array<std::string>(0)->empty());
}

TEST(Array, OfMoreThanAMegabyteIsCollectedToo) {
  Heap heap;
  {
    auto array = heap.make_array<ref<Object>>(1'000'000);
    (*array)[999'999] = array;
  }
  EXPECT_EQ(heap.collect(), 1U);
  EXPECT_EQ(heap.report().objects, 0U);
}

TEST(Heap, GivesRoomBehindAnObject) {
  struct Message : Object {
    std::byte* text() { return reinterpret_cast<std::byte*>(this + 1); }
  };
  Heap heap;
  ref<Message> message = heap.make_extended<Message>(1000);
  std::fill_n(message->text(), 1000, std::byte{7});
  EXPECT_EQ(message->text()[999], std::byte{7});
}

TEST(Heap, RefusesWhatDoesNotFitAndGoesOn) {
  Heap heap({.reservation_bytes = std::size_t{4} << 20});
  std::vector<ref<Link>> links;
  EXPECT_THROW(for (;;) links.push_back(heap.make<Link>()), std::bad_alloc);
  EXPECT_GT(links.size(), 50'000U);
  links.clear();
  EXPECT_NO_THROW((void)heap.make<Link>());
}

struct Small : Object, Pooled {
  static constexpr std::size_t kPoolCapacity = 2;
  long fields[3] = {};
};

TEST(Pooled, BlocksAreUsedAgainAndAreNoObjects) {
  static_assert(sizeof(Small) == 40);
  Heap heap;
  ref<Small> a = heap.make<Small>();
  const Small* const old = a.get();
  a = nullptr;
  EXPECT_EQ(heap.report().objects, 0U);
  a = heap.make<Small>();
  EXPECT_EQ(a.get(), old);
  std::vector<ref<Small>> many;
  for (int i = 0; i < 10; ++i) many.push_back(heap.make<Small>());
  many.clear();
  EXPECT_EQ(heap.report().objects, 1U);
  heap.trim();
  EXPECT_EQ(heap.report().objects, 1U);
}

// --- containers of the heap ---

TEST(Containers, TakeTheHeapsMemoryAndAreTraced) {
  struct Folder : Object {
    explicit Folder(Heap& heap) : children(heap), by_name(heap) {}
    void trace(Visitor& visitor) const override { visitor(children, by_name, best); }
    vector<ref<Folder>> children;
    unordered_map<int, ref<Folder>> by_name;
    std::optional<std::pair<int, ref<Folder>>> best;
  };
  Heap heap;
  weak<Folder> watched;
  {
    ref<Folder> folder = heap.make<Folder>(heap);
    watched = folder;
    for (int i = 0; i < 100; ++i) folder->children.push_back(folder);
    folder->by_name.emplace(1, folder);
    folder->best.emplace(2, folder);
    EXPECT_EQ(Heap::referents(*folder).size(), 102U);
  }
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(heap.collect(), 1U);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace hoop
