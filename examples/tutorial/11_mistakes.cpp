// SPDX-License-Identifier: Apache-2.0
// What the collector cannot see, and what it is told that is not so.
#include <hoop/hoop.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

class Button : public hoop::Object {
 public:
  void trace(hoop::Visitor& /*visitor*/) const override {}

  std::function<void()> pressed;
};

class BetterButton : public hoop::Object {
 public:
  void trace(hoop::Visitor& visitor) const override { visitor(target); }

  hoop::ref<BetterButton> target;
  std::function<void(BetterButton&)> pressed;
};

void capture(hoop::Heap& heap) {
  auto button = heap.make<Button>();
  button->pressed = [button] { std::printf("pressed\n"); };
  auto better = heap.make<BetterButton>();
  better->target = better;
  better->pressed = [](BetterButton& /*self*/) { std::printf("pressed\n"); };
  auto hidden = button.get();
  button.reset();
  better.reset();
  std::printf("%zu collected: the captured reference is not seen\n", heap.collect());
  const auto by_hand = std::move(hidden->pressed);
}

void say(const hoop::Error& error) {
  try {
    std::rethrow_exception(error.exception);
  } catch (const std::exception& exception) {
    std::printf("%s\n", exception.what());
  }
}

class Word : public hoop::Object {
 public:
  void trace(hoop::Visitor& visitor) const override { visitor(next, next); }

  hoop::ref<Word> next;
};

void name_twice(hoop::Heap& heap) {
  auto word = heap.make<Word>();
  word->next = heap.make<Word>();
  word->next->next = word;
  word.reset();
  heap.collect();
  for (const hoop::Error& error : heap.errors()) say(error);
}

struct Link {
  hoop::ref<Word> to;
  std::string comment;
  void trace(hoop::Visitor& visitor) const { visitor(to); }
};

class Index : public hoop::Object {
 public:
  void trace(hoop::Visitor& visitor) const override { visitor(links); }

  std::vector<Link> links;
};

}  // namespace

int main() {
  hoop::Heap heap;
  capture(heap);
  name_twice(heap);
  heap.make<Index>()->links.push_back({heap.make<Word>(), "see also"});
}
