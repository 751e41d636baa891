// SPDX-License-Identifier: Apache-2.0
// One thread at a time: a heap is handed over as a whole.
#include <hoop/hoop.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace {

class Node : public hoop::Object {
 public:
  explicit Node(std::string title) : title(std::move(title)) {}

  std::string title;
};

struct Document {
  hoop::Heap heap;
  hoop::ref<Node> root;
};

std::unique_ptr<Document> load() {
  auto document = std::make_unique<Document>();
  document->root = document->heap.make<Node>("Book");
  document->heap.detach();
  return document;
}

}  // namespace

int main() {
  std::unique_ptr<Document> document;
  std::thread loader([&] { document = load(); });
  loader.join();

  document->heap.attach();
  std::printf("\"%s\" was loaded by another thread\n", document->root->title.c_str());
}
