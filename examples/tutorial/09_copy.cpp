// SPDX-License-Identifier: Apache-2.0
// Copies of one node, and of all that hangs on it.
#include <hoop/hoop.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

class Node : public hoop::Object, public hoop::Copyable, public hoop::Pooled {
 public:
  explicit Node(std::string title) : title(std::move(title)) {}
  void trace(hoop::Visitor& visitor) const override { visitor(parent, children); }

  void add(hoop::ref<Node> child) {
    child->parent = hoop::ref(this);
    children.push_back(std::move(child));
  }

  std::string title;
  hoop::ref<Node> parent;
  std::vector<hoop::ref<Node>> children;
};

}  // namespace

int main() {
  hoop::Heap heap;
  auto book = heap.make<Node>("Book");
  book->add(heap.make<Node>("Chapter 1"));

  auto shallow = hoop::copy(heap, book);
  std::printf("copy: %s chapter\n",
              shallow->children.front() == book->children.front() ? "the same" : "another");

  auto deep = hoop::deep_copy(heap, book);
  std::printf("deep copy: %s chapter, its parent is the %s\n",
              deep->children.front() == book->children.front() ? "the same" : "another",
              deep->children.front()->parent == deep ? "copy" : "old book");
}
