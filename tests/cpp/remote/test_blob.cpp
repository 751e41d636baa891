// SPDX-License-Identifier: Apache-2.0
// What the tests run in copies of processes: writes a part of the copy's memory, or misbehaves.
#include "cpp/remote/test_blob.h"

#include <cstddef>
#include <cstdint>

#include "os/bare.h"

namespace hoop::testing {
namespace {

using os::bare::call;

void write_all(int output, const char* from, std::size_t bytes) {
  while (bytes > 0) {
    const long done = os::bare::write(output, from, bytes);
    if (done <= 0) call(SYS_exit_group, 3);
    from += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

std::uint64_t open_descriptors() {
  std::uint64_t count = 0;
  constexpr int kGetFlags = 1;  // F_GETFD
  for (int i = 0; i < 4096; ++i) count += call(SYS_fcntl, i, kGetFlags) >= 0 ? 1 : 0;
  return count;
}

void rest_for_ever() {
  const long second[2] = {1, 0};
  while (true) call(SYS_nanosleep, reinterpret_cast<long>(second));
}

// Reached by way of relocations: a table of addresses in writable data.
const char* const kGreetings[] = {"copied", "twice"};
const char* const* volatile greetings = kGreetings;

}  // namespace

extern "C" [[noreturn]] __attribute__((visibility("default"))) void hoop_test_blob(
    const BlobOrder* order, unsigned long bytes, int output) {
  if (bytes != sizeof(BlobOrder)) call(SYS_exit_group, 2);
  const BlobReport report{greetings[0][0], open_descriptors(),
                          static_cast<std::uint64_t>(call(SYS_getpid)), order->bytes};
  switch (order->deed) {
    case BlobDeed::kWrite:
      write_all(output, reinterpret_cast<const char*>(&report), sizeof report);
      write_all(output, reinterpret_cast<const char*>(order->from), order->bytes);
      call(SYS_exit_group, 0);
      break;
    case BlobDeed::kCrash:
      *reinterpret_cast<volatile char*>(0x1234) = 1;
      break;
    case BlobDeed::kGiveUp:
      call(SYS_exit_group, 7);
      break;
    case BlobDeed::kHang:
      write_all(output, reinterpret_cast<const char*>(&report), sizeof report);
      rest_for_ever();
      break;
  }
  while (true) call(SYS_exit_group, 9);
}

}  // namespace hoop::testing
