// SPDX-License-Identifier: Apache-2.0
// Bytes as a stream of operations on a heap, held against a naive model.
//
//   byte 0   bits 0-1: reservation 2, 6, 64 MiB or 1 GiB   bit 2: huge pages from the first chunk
//   on
//            bit 3: mappings fail from the n-th on, n in byte 1
//   the rest  what testing::HeapDriver asks for; a number takes as many bytes as its bound needs
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "../tests/cpp/support/fuzzed_numbers.h"
#include "../tests/cpp/support/heap_driver.h"
#include "../tests/cpp/support/heap_model.h"
#include "heap/heap.h"
#include "os/pages.h"

namespace {

using hoop::kGiB;
using hoop::kMiB;
using hoop::testing::FuzzedNumbers;
using hoop::testing::HeapModel;

void check(HeapModel& model) {
  model.check();
  if (model.problem().empty()) return;
  std::fprintf(stderr, "heap_ops_fuzz: %s\n", model.problem().c_str());
  std::abort();
}

void run(hoop::heap::Heap& heap, FuzzedNumbers& numbers) {
  HeapModel model(heap, HeapModel::Refusals::kAreFine);
  hoop::testing::DriverOptions driving;
  driving.most_live_bytes = 8 * kMiB;
  driving.rarity = 1;
  driving.large_one_in = 8;
  hoop::testing::HeapDriver<FuzzedNumbers> driver(heap, model, numbers, driving);
  for (unsigned step = 1; !numbers.at_end() && model.problem().empty(); ++step) {
    driver.step();
    if (step % 64 == 0) check(model);
  }
  check(model);
  hoop::os::fail_mappings_from_for_testing(0);
  model.close_log();
  model.free_all();
  heap.trim();
  check(model);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedNumbers numbers(data, size);
  const std::uint8_t setup = numbers.byte();
  constexpr std::size_t kReservations[] = {2 * kMiB, 6 * kMiB, 64 * kMiB, kGiB};
  hoop::heap::Options options;
  options.reservation_bytes = kReservations[setup & 3];
  options.huge_pages = (setup & 4) != 0;
  options.huge_page_threshold = 0;
  if ((setup & 8) != 0) hoop::os::fail_mappings_from_for_testing(1 + numbers.byte() % 24);
  static constinit hoop::heap::Heap heap;
  if (heap.init(options)) {
    hoop::testing::without_own_ticks(heap);
    run(heap, numbers);
    heap.release();
  }
  hoop::os::fail_mappings_from_for_testing(0);
  return 0;
}
