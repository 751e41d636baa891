// SPDX-License-Identifier: Apache-2.0
// Bytes as a program over counted objects, held against a naive search
// (tests/cpp/support/object_world.h). A number takes as many bytes as its bound needs.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../tests/cpp/support/fuzzed_numbers.h"
#include "../tests/cpp/support/object_world.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hoop::testing::FuzzedNumbers numbers(data, size);
  hoop::testing::ObjectWorld world(2 + numbers.byte() % 30);
  for (unsigned step = 1; !numbers.at_end() && world.problem().empty(); ++step) {
    hoop::testing::step(world, numbers);
    if (step % 16 == 0) world.check_counts();
  }
  world.check_counts();
  if (world.problem().empty()) return 0;
  std::fprintf(stderr, "objects_fuzz: %s\n", world.problem().c_str());
  std::abort();
}
