// SPDX-License-Identifier: Apache-2.0
#include "cpython/life/stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/text.h"

namespace hoop::cpython::life {

Text& Text::add_number(std::uint64_t value) {
  FixedText<24> digits;
  digits.add_decimal(value);
  for (std::size_t i = 0; i < digits.size(); ++i) bytes_.push(digits.data()[i]);
  return *this;
}

Text& Text::add_signed(std::int64_t value) {
  if (value < 0) add_char('-');
  return add_number(value < 0 ? 0 - static_cast<std::uint64_t>(value)
                              : static_cast<std::uint64_t>(value));
}

Text& Text::add_clean(std::string_view text) {
  for (const char c : text) bytes_.push(static_cast<unsigned char>(c) < ' ' || c == 127 ? '?' : c);
  return *this;
}

bool Stream::open(const char* path) noexcept {
  file_.take(::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  return file_.is_ours();
}

void Stream::flush() noexcept {
  const int saved = errno;
  std::string_view left = text_.view();
  const int file = file_.number();
  while (file >= 0 && !left.empty()) {
    const long written = ::write(file, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  text_.clear();
  errno = saved;
}

}  // namespace hoop::cpython::life
