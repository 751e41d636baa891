// SPDX-License-Identifier: Apache-2.0
// Two objects that refer to each other, and are collected.
#include <hoop/hoop.h>

#include <cstdio>
#include <stdexcept>

namespace {

class Node : public hoop::Object {
 public:
  hoop::ref<Node> other;

 private:
  void trace(hoop::Visitor& visitor) const override { visitor(other); }
};

bool is_copyable(hoop::Heap& heap, const hoop::ref<Node>& node) {
  try {
    return hoop::copy(heap, node) != nullptr;
  } catch (const std::logic_error&) {  // from inside of the archive
    return false;
  }
}

}  // namespace

int main() {
  hoop::Heap heap;
  auto node = heap.make<Node>();
  node->other = heap.make<Node>();
  node->other->other = node;
  if (is_copyable(heap, node)) return 1;
  node.reset();
  const auto collected = heap.collect();
  std::printf("%zu objects collected\n", collected);
  return collected == 2 ? 0 : 1;
}
