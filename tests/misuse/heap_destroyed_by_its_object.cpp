// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: a heap was destroyed by one of its objects
#include <memory>

#include "hoop/hoop.h"

namespace {

std::unique_ptr<hoop::Heap> heap;

struct Ends : hoop::Object {
  ~Ends() override { heap.reset(); }
};

}  // namespace

int main() {
  heap = std::make_unique<hoop::Heap>();
  heap->make<Ends>().reset();
}
