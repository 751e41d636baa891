// SPDX-License-Identifier: Apache-2.0
// The last words of an object: finalize(), with all that it refers to still there.
#include <hoop/hoop.h>

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

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

class Draft : public Node {
 public:
  using Node::Node;
  ~Draft() override { std::printf("  destroyed, parent %s\n", parent ? "there" : "gone"); }

  void finalize() override {
    std::printf("  finalized, parent \"%s\"\n", parent->title.c_str());
    if (text.empty()) throw std::runtime_error("nothing to save");
    rescued.push_back(hoop::ref(this));
  }

  static inline std::vector<hoop::ref<Draft>> rescued;
  std::string text;
};

void make_draft(hoop::Heap& heap, const std::string& text) {
  auto book = heap.make<Node>("Book");
  auto draft = heap.make<Draft>("Chapter 1");
  draft->text = text;
  book->add(draft);
}

}  // namespace

int main() {
  hoop::Heap heap;
  heap.set_error_handler([](const hoop::Error& error) {
    try {
      std::rethrow_exception(error.exception);
    } catch (const std::exception& exception) {
      std::printf("  error: %s\n", exception.what());
    }
  });

  std::printf("an empty draft\n");
  make_draft(heap, "");
  std::printf("%zu collected\n", heap.collect());

  std::printf("a draft that is not saved\n");
  make_draft(heap, "It was a dark and stormy night.");
  std::printf("%zu collected\n", heap.collect());
  std::printf("\"%s\" is rescued\n", Draft::rescued.front()->text.c_str());

  Draft::rescued.clear();
  std::printf("%zu collected\n", heap.collect());
}
