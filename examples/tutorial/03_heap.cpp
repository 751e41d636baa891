// SPDX-License-Identifier: Apache-2.0
// The same tree on a heap that finds cycles.
#include <hoop/hoop.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

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

hoop::ref<Node> first_chapter(hoop::Heap& heap) {
  auto book = heap.make<Node>("Book");
  book->add(heap.make<Node>("Chapter 1"));
  return book->children.front();
}

}  // namespace

int main() {
  hoop::Heap heap;

  auto chapter = first_chapter(heap);
  std::printf("%s is in %s\n", chapter->title.c_str(), chapter->parent->title.c_str());

  auto note = heap.make<Node>("Note");
  note.reset();
  std::printf("%d nodes, the note is gone\n", Node::alive);

  chapter.reset();
  std::printf("%d nodes, in a cycle\n", Node::alive);
  const auto collected = heap.collect();
  std::printf("%zu collected, %d nodes are left\n", collected, Node::alive);
}
