// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: a destructor kept a reference to its object; that is what .*
#include "hoop/hoop.h"

namespace {

hoop::ref<hoop::Object> kept;

struct Clings : hoop::Object {
  ~Clings() override { kept = hoop::ref<hoop::Object>(this); }
};

}  // namespace

int main() {
  hoop::Heap heap;
  heap.make<Clings>().reset();
}
