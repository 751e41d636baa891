// SPDX-License-Identifier: Apache-2.0
// Runs a part of a test in a forked child.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace hoop::testing {

// True when `body` ran in a child to its end without a failed expectation.
template <class F>
bool passes_in_child(F&& body) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    std::forward<F>(body)();
    std::fflush(stdout);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace hoop::testing
