// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: Heap::attach\(\) while another thread owns the heap; .*
#include <thread>

#include "hoop/hoop.h"

int main() {
  hoop::Heap heap;
  std::thread([&] { heap.attach(); }).join();
}
