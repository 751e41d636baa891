// SPDX-License-Identifier: Apache-2.0
#include "os/memory_limit.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "os/proc.h"

namespace hoop::os {
namespace {

// The two layouts of /sys/fs/cgroup: which line of /proc/self/cgroup names the group, where it is,
// and what its files are called.
struct Layout {
  const char* line_tag;
  const char* folder;
  const char* limit;
  const char* usage;
  const char* inactive_files;  // in memory.stat
};
constexpr Layout kUnified = {"0::", "/sys/fs/cgroup", "/memory.max", "/memory.current",
                             "\ninactive_file "};
constexpr Layout kOwnHierarchy = {":memory:", "/sys/fs/cgroup/memory", "/memory.limit_in_bytes",
                                  "/memory.usage_in_bytes", "\ntotal_inactive_file "};

using Path = FixedText<768>;

// SIZE_MAX where the file is not there or holds no number ("max").
std::size_t read_number(const char* folder, const char* name) {
  Path path;
  path.add(folder).add(name);
  char text[64];
  text[read_file(path.data(), text, sizeof text - 1)] = 0;
  const char* cursor = text;
  const std::uint64_t value = parse_decimal(cursor);
  return cursor == text ? SIZE_MAX : value;
}

std::size_t read_inactive_files(const char* folder, const Layout& layout) {
  Path path;
  path.add(folder).add("/memory.stat");
  char text[4 * kKiB];
  text[read_file(path.data(), text, sizeof text - 1)] = 0;
  const char* const found = std::strstr(text, layout.inactive_files);
  if (found == nullptr) return 0;
  const char* cursor = found + std::strlen(layout.inactive_files);
  return parse_decimal(cursor);
}

std::size_t left_in(const char* folder, const Layout& layout) {
  const std::size_t limit = read_number(folder, layout.limit);
  // The old layout writes "no limit" as a number near 2^63.
  if (limit > SIZE_MAX / 4) return SIZE_MAX;
  const std::size_t usage = read_number(folder, layout.usage);
  if (usage == SIZE_MAX) return SIZE_MAX;
  const std::size_t droppable = std::min(usage, read_inactive_files(folder, layout));
  const std::size_t used = usage - droppable;
  return limit > used ? limit - used : 0;
}

// The group and all around it. In a container the names of outer groups may lead nowhere.
std::size_t left_in_layout(const char* root, const char* groups, const Layout& layout) {
  const char* const found = std::strstr(groups, layout.line_tag);
  if (found == nullptr) return SIZE_MAX;
  const char* const name = found + std::strlen(layout.line_tag);
  std::size_t length = std::strcspn(name, "\n");
  Path outermost;
  outermost.add(root).add(layout.folder);
  std::size_t left = left_in(outermost.data(), layout);
  while (length > 1) {
    Path folder;
    folder.add(outermost.data()).add(name, length);
    left = std::min(left, left_in(folder.data(), layout));
    while (length > 0 && name[length - 1] != '/') --length;
    if (length > 0) --length;
  }
  return left;
}

}  // namespace

std::size_t memory_left_in_group(const char* root) noexcept {
  Path path;
  path.add(root).add("/proc/self/cgroup");
  char groups[8 * kKiB];  // under Kubernetes a dozen lines of 300 characters
  groups[read_file(path.data(), groups, sizeof groups - 1)] = 0;
  return std::min(left_in_layout(root, groups, kUnified),
                  left_in_layout(root, groups, kOwnHierarchy));
}

}  // namespace hoop::os
