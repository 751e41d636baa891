// SPDX-License-Identifier: Apache-2.0
// The same tree, its parents held by std::weak_ptr. It does not leak, and loses its book.
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
  std::weak_ptr<Node> parent;
  std::vector<std::shared_ptr<Node>> children;
};

void add(const std::shared_ptr<Node>& parent, std::shared_ptr<Node> child) {
  child->parent = parent;
  parent->children.push_back(std::move(child));
}

std::shared_ptr<Node> first_chapter() {
  auto book = std::make_shared<Node>("Book");
  add(book, std::make_shared<Node>("Chapter 1"));
  return book->children.front();
}

}  // namespace

int main() {
  auto chapter = first_chapter();
  auto book = chapter->parent.lock();
  std::printf("%s is in %s\n", chapter->title.c_str(), book ? book->title.c_str() : "no book");
  chapter.reset();
  std::printf("%d nodes are left\n", Node::alive);
}
