// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: an object was used whose heap no thread owns; call .*attach.*
#define HOOP_CHECK_OWNER 1  // in release builds too
#include "hoop/hoop.h"

int main() {
  struct Thing : hoop::Object {};
  hoop::Heap heap;
  const hoop::ref<Thing> thing = heap.make<Thing>();
  heap.detach();
  const hoop::ref<Thing> copy = thing;
}
