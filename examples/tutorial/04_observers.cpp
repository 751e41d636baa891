// SPDX-License-Identifier: Apache-2.0
// Views observe nodes, and nodes do not keep them alive.
#include <hoop/hoop.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

class Node;

class View : public hoop::Object {
 public:
  View(std::string name, hoop::ref<Node> shown) : name(std::move(name)), shown(std::move(shown)) {}
  void trace(hoop::Visitor& visitor) const override;

  void title_changed();

  std::string name;
  hoop::ref<Node> shown;
};

class Node : public hoop::Object {
 public:
  explicit Node(std::string title) : title(std::move(title)) {}
  void trace(hoop::Visitor& visitor) const override { visitor(views); }

  void watch(const hoop::ref<View>& view) {
    views.emplace_back(view, [this] { drop_expired(); });
  }

  void rename(std::string new_title) {
    title = std::move(new_title);
    for (const auto& view : views) {
      if (const auto live = view.lock()) live->title_changed();
    }
  }

  void drop_expired() {
    std::erase_if(views, [](const auto& view) { return view.expired(); });
    std::printf("a view is gone, %zu left\n", views.size());
  }

  std::string title;
  std::vector<hoop::weak<View>> views;
};

void View::trace(hoop::Visitor& visitor) const { visitor(shown); }

void View::title_changed() { std::printf("%s shows \"%s\"\n", name.c_str(), shown->title.c_str()); }

}  // namespace

int main() {
  hoop::Heap heap;
  auto chapter = heap.make<Node>("Chapter 1");

  auto outline = heap.make<View>("outline", chapter);
  auto page = heap.make<View>("page", chapter);
  chapter->watch(outline);
  chapter->watch(page);
  chapter->rename("In the beginning");

  outline.reset();
  chapter->rename("The beginning");
}
