// SPDX-License-Identifier: Apache-2.0
// The version that runs, which may be a later one than the headers were of.
#pragma once

#include <Python.h>

#include <array>
#include <cstring>

namespace hoop::cpython {

// "3.14.6".
class PythonVersion {
 public:
  PythonVersion() noexcept {
    const char* const whole = Py_GetVersion();
    const std::size_t length = std::strcspn(whole, " ");
    if (length < text_.size()) std::memcpy(text_.data(), whole, length);
  }
  [[nodiscard]] const char* text() const { return text_.data(); }

 private:
  std::array<char, 32> text_{};
};

// As PY_VERSION_HEX.
inline unsigned long python_version_number() noexcept {
#if PY_VERSION_HEX >= 0x030B0000
  return Py_Version;
#else
  return PY_VERSION_HEX;
#endif
}

}  // namespace hoop::cpython
