// SPDX-License-Identifier: Apache-2.0
#include "os/fatal.h"

#include <cstdlib>

#include "base/text.h"
#include "os/standard_error.h"

namespace hoop::os {

void fatal(const char* message) noexcept {
  char line[512];
  TextBuffer text(line, sizeof line - 1);  // room for the newline, however long the message
  text.add("hoopsnake: ").add(message);
  line[text.size()] = '\n';
  write_to_standard_error(line, text.size() + 1);
  std::abort();
}

}  // namespace hoop::os
