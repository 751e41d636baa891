// SPDX-License-Identifier: Apache-2.0
#include "os/proc.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "os/pages.h"

namespace hoop::os {
namespace {

// A file read line by line through a buffer on the stack.
class LineReader {
 public:
  explicit LineReader(const char* path) : descriptor_(::open(path, O_RDONLY | O_CLOEXEC)) {}
  ~LineReader() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  // The next line without its newline, cut at the buffer's length; nullptr at the end.
  const char* next() {
    while (true) {
      char* const begin = buffer_ + begin_;
      if (auto* newline = static_cast<char*>(std::memchr(begin, '\n', end_ - begin_))) {
        *newline = 0;
        begin_ = static_cast<std::size_t>(newline + 1 - buffer_);
        return begin;
      }
      if (!refill()) return nullptr;
    }
  }

 private:
  bool refill() {
    std::memmove(buffer_, buffer_ + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == sizeof buffer_ - 1) buffer_[end_ - 1] = '\n';
    const std::size_t room = sizeof buffer_ - 1 - end_;
    if (room == 0) return true;
    ssize_t got = 0;
    do got = ::read(descriptor_, buffer_ + end_, room);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    end_ += static_cast<std::size_t>(got);
    return true;
  }

  int descriptor_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  char buffer_[8192];
};

Address parse_hex(const char*& text) {
  Address value = 0;
  for (;; ++text) {
    const char c = *text;
    if (c >= '0' && c <= '9')
      value = value * 16 + static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      value = value * 16 + static_cast<unsigned>(c - 'a' + 10);
    else
      return value;
  }
}

// "start-end rwxp offset dev inode   path"; false where the line is another one.
bool parse_header(const char* line, Mapping& mapping) {
  const char* text = line;
  const Address start = parse_hex(text);
  if (text == line || *text != '-') return false;
  const Address end = parse_hex(++text);
  if (*text != ' ') return false;
  mapping = Mapping{};
  mapping.start = start;
  mapping.end = end;
  mapping.writable = text[2] == 'w';
  mapping.executable = text[3] == 'x';
  for (int field = 0; field < 4; ++field) {
    while (*text == ' ') ++text;
    while (*text != ' ' && *text != 0) ++text;
  }
  while (*text == ' ') ++text;
  mapping.path = text;
  return true;
}

std::size_t kibibytes_after(const char* line, std::size_t prefix) {
  const char* text = line + prefix;
  while (*text == ' ' || *text == '\t') ++text;
  return parse_decimal(text) * kKiB;
}

}  // namespace

std::size_t read_file(const char* path, char* buffer, std::size_t capacity) noexcept {
  const int saved = errno;
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC);
  std::size_t length = 0;
  while (descriptor >= 0 && length < capacity) {
    const ssize_t got = ::read(descriptor, buffer + length, capacity - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (descriptor >= 0) ::close(descriptor);
  errno = saved;
  return length;
}

MemoryUse read_memory_use() noexcept {
  char text[128];
  const std::size_t length = read_file("/proc/self/statm", text, sizeof text - 1);
  text[length] = 0;
  const char* cursor = text;
  MemoryUse use;
  use.virtual_bytes = parse_decimal(cursor) * kPageBytes;
  if (*cursor == ' ') ++cursor;
  use.resident_bytes = parse_decimal(cursor) * kPageBytes;
  return use;
}

std::size_t read_peak_resident_bytes() noexcept {
  LineReader reader("/proc/self/status");
  while (const char* line = reader.is_open() ? reader.next() : nullptr) {
    if (std::strncmp(line, "VmHWM:", 6) == 0) return kibibytes_after(line, 6);
  }
  return 0;
}

CopyFacts read_copy_facts() noexcept {
  CopyFacts facts;
  LineReader reader("/proc/self/status");
  while (const char* line = reader.is_open() ? reader.next() : nullptr) {
    if (std::strncmp(line, "RssAnon:", 8) == 0) {
      facts.anonymous_bytes = kibibytes_after(line, 8);
    } else if (std::strncmp(line, "VmPin:", 6) == 0) {
      facts.pinned_bytes = kibibytes_after(line, 6);
    } else if (std::strncmp(line, "Seccomp_filters:", 16) == 0) {
      facts.system_call_filters = static_cast<unsigned>(kibibytes_after(line, 16) / kKiB);
    }
  }
  return facts;
}

bool for_each_mapping(void (*visit)(void* context, const Mapping&), void* context) noexcept {
  LineReader reader("/proc/self/smaps");
  if (!reader.is_open()) return false;
  Mapping mapping;
  char path[512] = "";
  bool have_one = false;
  while (const char* line = reader.next()) {
    Mapping next;
    if (parse_header(line, next)) {
      if (have_one) visit(context, mapping);
      have_one = true;
      mapping = next;
      TextBuffer(path, sizeof path).add(next.path);
      mapping.path = path;
    } else if (std::strncmp(line, "Rss:", 4) == 0) {
      mapping.resident_bytes = kibibytes_after(line, 4);
    } else if (std::strncmp(line, "AnonHugePages:", 14) == 0) {
      mapping.huge_page_bytes = kibibytes_after(line, 14);
    }
  }
  if (have_one) visit(context, mapping);
  return have_one;
}

}  // namespace hoop::os
