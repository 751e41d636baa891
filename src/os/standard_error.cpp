// SPDX-License-Identifier: Apache-2.0
#include "os/standard_error.h"

#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <ctime>

namespace hoop::os {
namespace {

bool is_pending(int number) {
  sigset_t pending;
  ::sigemptyset(&pending);
  ::sigpending(&pending);
  return sigismember(&pending, number) == 1;
}

}  // namespace

void write_to_standard_error(const char* text, std::size_t length) noexcept {
  sigset_t pipe;
  sigset_t before;
  ::sigemptyset(&pipe);
  ::sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  const bool was_pending = is_pending(SIGPIPE);
  [[maybe_unused]] const auto written = ::write(2, text, length);
  constexpr timespec kAtOnce{};
  if (!was_pending && is_pending(SIGPIPE)) ::sigtimedwait(&pipe, nullptr, &kAtOnce);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace hoop::os
