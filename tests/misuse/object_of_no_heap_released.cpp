// SPDX-License-Identifier: Apache-2.0
// EXPECT-SIGNAL: SIGABRT
// EXPECT-STDERR: hoopsnake: an object that no heap made, or not yet, was released .*
#include "hoop/hoop.h"

int main() {
  struct Thing : hoop::Object {};
  Thing thing;
  hoop::ref<Thing>::adopt(&thing).reset();
}
