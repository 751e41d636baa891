// SPDX-License-Identifier: Apache-2.0
#include "cpython/collector_choice.h"

#include <cstring>

namespace hoop::cpython {

bool parse_collector(const char* name, CollectorChoice& choice) noexcept {
  constexpr struct {
    const char* name;
    CollectorChoice choice;
  } kChoices[] = {{"concurrent", CollectorChoice::kConcurrent},
                  {"inplace", CollectorChoice::kInPlace},
                  {"stock", CollectorChoice::kStock}};
  for (const auto& known : kChoices) {
    if (std::strcmp(name, known.name) != 0) continue;
    choice = known.choice;
    return true;
  }
  return false;
}

}  // namespace hoop::cpython
