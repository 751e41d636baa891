// SPDX-License-Identifier: Apache-2.0
// A cache that keeps what somebody uses, and nothing else.
#include <hoop/hoop.h>

#include <cstddef>
#include <cstdio>
#include <string>
#include <unordered_map>
#include <utility>

namespace {

class Layout : public hoop::Object {
 public:
  explicit Layout(std::string text) : text(std::move(text)) {}

  std::string text;
};

class LayoutCache {
 public:
  explicit LayoutCache(hoop::Heap& heap) : heap_(heap) {}

  hoop::ref<Layout> layout_of(const std::string& text) {
    if (const auto found = layouts_.find(text); found != layouts_.end()) {
      if (auto layout = found->second.lock()) return layout;
    }
    auto layout = heap_.make<Layout>(text);
    layouts_[text] = {layout, [this, text] { layouts_.erase(text); }};
    return layout;
  }

  [[nodiscard]] std::size_t size() const { return layouts_.size(); }

 private:
  hoop::Heap& heap_;
  std::unordered_map<std::string, hoop::weak<Layout>> layouts_;
};

}  // namespace

int main() {
  hoop::Heap heap;
  LayoutCache cache(heap);

  auto first = cache.layout_of("In the beginning");
  auto second = cache.layout_of("In the beginning");
  std::printf("%s, %zu in the cache\n", first == second ? "the same" : "another", cache.size());

  first.reset();
  second.reset();
  std::printf("%zu in the cache\n", cache.size());
}
