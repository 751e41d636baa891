// SPDX-License-Identifier: Apache-2.0
// What is on the heap, who refers to whom, and why something is still there.
#include <hoop/hoop.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

class Node : public hoop::Object {
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

class View : public hoop::Object {
 public:
  explicit View(hoop::ref<Node> shown) : shown(std::move(shown)) {}
  void trace(hoop::Visitor& visitor) const override { visitor(shown); }

  hoop::ref<Node> shown;
};

int main() {
  hoop::Heap heap;
  auto book = heap.make<Node>("Book");
  book->add(heap.make<Node>("Chapter 1"));
  const auto view = heap.make<View>(book);
  auto old = heap.make<Node>("Old book");
  old->add(heap.make<Node>("Old chapter"));
  old.reset();

  std::cout << heap.report().text();
  heap.graph(std::cout);

  for (const auto& referrer : heap.referrers(*book)) {
    if (hoop::dynamic_ref_cast<View>(referrer)) std::cout << "a view shows the book\n";
    if (hoop::dynamic_ref_cast<Node>(referrer)) std::cout << "a node has the book as its parent\n";
  }
}
