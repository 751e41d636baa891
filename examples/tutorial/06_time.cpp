// SPDX-License-Identifier: Apache-2.0
// When collections happen, and how long they take.
#include <hoop/hoop.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

using std::chrono_literals::operator""us;

class Node : public hoop::Object {
 public:
  explicit Node(std::string title) : title(std::move(title)) { ++alive; }
  ~Node() override { --alive; }
  void trace(hoop::Visitor& visitor) const override { visitor(parent, children); }

  void add(hoop::ref<Node> child) {
    child->parent = hoop::ref(this);
    children.push_back(std::move(child));
  }

  static inline int alive = 0;
  std::string title;
  hoop::ref<Node> parent;
  std::vector<hoop::ref<Node>> children;
};

hoop::ref<Node> book_of(hoop::Heap& heap, int chapters) {
  auto book = heap.make<Node>("Book");
  for (int i = 1; i <= chapters; ++i) book->add(heap.make<Node>("Chapter " + std::to_string(i)));
  return book;
}

void by_itself() {
  hoop::Heap heap;
  int collections = 0;
  const auto token = heap.on_collection([&](const hoop::CollectionInfo& info) {
    if (info.phase == hoop::CollectionInfo::Phase::kStop) ++collections;
  });
  for (int i = 0; i < 100'000; ++i) book_of(heap, 10);
  std::printf("by itself: %s collections, %s nodes wait\n", collections > 10 ? "many" : "no",
              Node::alive < 100'000 ? "few" : "all");
}

void in_a_frame_loop() {
  hoop::Heap heap;
  heap.disable_automatic();
  for (int frame = 0; frame < 60; ++frame) {
    for (int i = 0; i < 10; ++i) book_of(heap, 10);  // what a frame makes and drops
    heap.collect_for(500us);
  }
  while (!heap.collect_for(500us)) {
  }
  std::printf("in a frame loop: %d nodes are left\n", Node::alive);
}

void after_loading() {
  hoop::Heap heap;
  const auto library = book_of(heap, 100'000);
  heap.collect();
  heap.freeze();
  const auto before = heap.stats().generations[hoop::kOldest].looked_at;
  library->children.front()->title = "Preface";
  book_of(heap, 10);
  heap.collect();
  const auto looked_at = heap.stats().generations[hoop::kOldest].looked_at - before;
  std::printf("after loading: %zu nodes frozen, %zu looked at\n", heap.stats().frozen,
              static_cast<std::size_t>(looked_at));
}

}  // namespace

int main() {
  by_itself();
  in_a_frame_loop();
  after_loading();
}
