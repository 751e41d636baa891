// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: an object was asked for its heap, which it has outlived
#include <memory>

#include "hoop/hoop.h"

int main() {
  struct Thing : hoop::Object {};
  auto heap = std::make_unique<hoop::Heap>();
  const hoop::ref<Thing> thing = heap->make<Thing>();
  heap.reset();
  (void)hoop::Heap::of(*thing);
}
