// SPDX-License-Identifier: Apache-2.0
// What is wrong with a file, in one line that says what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace hoop::analysis {

class FileError : public std::runtime_error {
 public:
  explicit FileError(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace hoop::analysis
