// SPDX-License-Identifier: Apache-2.0
// A document tree with std::shared_ptr. It leaks.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Node {
  explicit Node(std::string title) : title(std::move(title)) { ++alive; }
  ~Node() { --alive; }

  static inline int alive = 0;
  std::string title;
  std::shared_ptr<Node> parent;
  std::vector<std::shared_ptr<Node>> children;
};

void add(const std::shared_ptr<Node>& parent, std::shared_ptr<Node> child) {
  child->parent = parent;
  parent->children.push_back(std::move(child));
}

}  // namespace

int main() {
  {
    auto book = std::make_shared<Node>("Book");
    add(book, std::make_shared<Node>("Chapter 1"));
    add(book, std::make_shared<Node>("Chapter 2"));
  }
  std::printf("%d nodes are left\n", Node::alive);
}
