// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: an object was used by a thread that does not own its heap
#define HOOP_CHECK_OWNER 1  // in release builds too
#include <thread>

#include "hoop/hoop.h"

int main() {
  struct Thing : hoop::Object {};
  hoop::Heap heap;
  const hoop::ref<Thing> thing = heap.make<Thing>();
  std::thread([&] { const hoop::ref<Thing> copy = thing; }).join();
}
