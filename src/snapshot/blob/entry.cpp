// SPDX-License-Identifier: Apache-2.0
// The writer as a program of its own, loaded into the copy of a process that was not prepared: the
// way in, and the few functions that a compiler takes for granted.
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "base/text.h"
#include "cycles/object_map.h"
#include "os/bare.h"
#include "snapshot/blob_arguments.h"
#include "snapshot/collector_lists.h"
#include "snapshot/interpreter_layout.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/writer.h"

#if defined(__GNUC__) && !defined(__clang__)
// The loop of memcpy is not to become a call of memcpy.
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

namespace hoop::snapshot {
namespace {

// Exit statuses.
constexpr int kUnknownPython = 2, kNoInterpreter = 3, kNotWritten = 4;

struct GivenRows {
  static constexpr std::size_t kMostRows = 32;

  std::array<MetaRow, kMostRows> meta{};
  std::size_t meta_count = 0;
  std::array<MemoryRow, kMostRows> memory{};
  std::size_t memory_count = 0;

  void read(const char* text, std::size_t bytes) {
    const char* const end = text + bytes;
    while (text < end && meta_count < kMostRows && memory_count < kMostRows) {
      const std::size_t key_bytes = std::strlen(text);
      const char* value = text + key_bytes + 1;
      const char* const next = value + std::strlen(value) + 1;
      if (text[0] == ' ')
        memory[memory_count++] = {{text + 1, key_bytes - 1}, parse_decimal(value)};
      else
        meta[meta_count++] = {{text, key_bytes}, {value, std::strlen(value)}};
      text = next;
    }
  }
};

Account account_of(void* context) {
  const auto& rows = *static_cast<const GivenRows*>(context);
  return {rows.memory.data(), rows.memory_count, rows.meta.data(), rows.meta_count};
}

void enter_objects(void* context, cycles::ObjectMap& map) {
  auto& subject = *static_cast<Subject*>(context);
  const ListFindings found = enter_collector_lists(subject.interpreter, subject.where, map);
  subject.subtype_traverse = found.subtype_traverse;
}

int write(const BlobArguments& arguments, int output) {
  Subject subject;
  subject.version = arguments.version;
  subject.layout = layout_of(arguments.version);
  if (subject.layout == nullptr) return kUnknownPython;
  subject.where = find_interpreter_layout(arguments.runtime, *subject.layout);
  if (subject.where.bytes == 0) return kUnknownPython;
  subject.interpreter = word_at(arguments.runtime + subject.where.interpreters_head);
  if (subject.interpreter == 0) return kNoInterpreter;
  subject.enter_objects = enter_objects;
  subject.context = &subject;
  GivenRows rows;
  rows.read(reinterpret_cast<const char*>(&arguments + 1), arguments.meta_bytes);
  Order order;
  order.file = output;
  order.pid = arguments.pid;
  order.taken = arguments.taken;
  order.flags = arguments.flags;
  order.key = arguments.key;
  order.account = account_of;
  order.context = &rows;
  return write_snapshot(subject, order).error == 0 ? 0 : kNotWritten;
}

}  // namespace
}  // namespace hoop::snapshot

extern "C" {

[[noreturn]] __attribute__((visibility("default"))) void hoop_blob_entry(const void* arguments,
                                                                         unsigned long,
                                                                         int output) {
  const auto& given = *static_cast<const hoop::snapshot::BlobArguments*>(arguments);
  const int status = hoop::snapshot::write(given, output);
  while (true) hoop::os::bare::call(SYS_exit_group, status);
}

void* memcpy(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < bytes; ++i) target[i] = source[i];
  return to;
}
void* memmove(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  if (target <= source) return memcpy(to, from, bytes);
  for (std::size_t i = bytes; i > 0; --i) target[i - 1] = source[i - 1];
  return to;
}
void* memset(void* to, int value, std::size_t bytes) {
  auto* target = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < bytes; ++i) target[i] = static_cast<unsigned char>(value);
  return to;
}
int memcmp(const void* left, const void* right, std::size_t bytes) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (std::size_t i = 0; i < bytes; ++i)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}
std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length] != 0) ++length;
  return length;
}
// C++ has two of them.
void* find_byte(const void* data, int value, std::size_t bytes) __asm__("memchr");
void* find_byte(const void* data, int value, std::size_t bytes) {
  const auto* from = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < bytes; ++i)
    if (from[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(from + i);
  return nullptr;
}

}  // extern "C"
