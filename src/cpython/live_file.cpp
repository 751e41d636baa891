// SPDX-License-Identifier: Apache-2.0
#include "cpython/live_file.h"

#include <Python.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "cpython/compat/python_version.h"
#include "cpython/process.h"
#include "os/file.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kFileBytes = 32 * kKiB;
constexpr unsigned kMaxImages = 1000;  // exec after exec in one process

// A server may fork for ever, and each process that leaves figures costs 48 KB of a disk that is
// memory, often. The reader knows this number too: docs/format/run-directory.md.
constexpr std::uint64_t kMostChildren = 500;

// Counts this process among the children of the run. False: it is one too many.
bool child_may_leave_figures(const char* run_dir) {
  FixedText<512> path;
  path.add(run_dir).add("/children");
  void* const mapped = os::map_common_file(path.data(), sizeof(std::uint64_t));
  if (mapped == nullptr) return true;
  const std::uint64_t before = std::atomic_ref(*static_cast<std::uint64_t*>(mapped)).fetch_add(1);
  os::unmap(mapped, sizeof(std::uint64_t));
  return before < kMostChildren;
}

}  // namespace

bool LiveFile::open(const char* run_dir) noexcept {
  static_assert(sizeof(LiveHeader) + kCapacity * sizeof(LiveSample) <= kFileBytes);
  if (!process.is_root && !child_may_leave_figures(run_dir)) return false;
  for (image_ = 0; image_ < kMaxImages; ++image_) {
    FixedText<512> path;
    path.add(run_dir)
        .add_char('/')
        .add_decimal(static_cast<std::uint64_t>(::getpid()))
        .add_char('.');
    path.add_decimal(image_).add(".live");
    if (::access(path.data(), F_OK) == 0) continue;
    void* const pages = os::map_new_file(path.data(), kFileBytes);
    if (pages == nullptr) return false;
    header_ = static_cast<LiveHeader*>(pages);
    samples_ = reinterpret_cast<LiveSample*>(header_ + 1);
    break;
  }
  if (header_ == nullptr) return false;
  header_->version = 1;
  header_->header_bytes = sizeof(LiveHeader);
  header_->pid = static_cast<std::uint32_t>(::getpid());
  header_->ppid = static_cast<std::uint32_t>(::getppid());
  header_->start_wall = process.start_wall;
  header_->start_monotonic = process.start_monotonic;
  header_->python_version = static_cast<std::uint32_t>(python_version_number());
  header_->sample_bytes = sizeof(LiveSample);
  header_->sample_capacity = kCapacity;
  const std::size_t length =
      os::read_file("/proc/self/cmdline", header_->program, sizeof header_->program - 1);
  for (std::size_t i = 0; i + 1 < length; ++i) {
    if (header_->program[i] == 0) header_->program[i] = ' ';
  }
  set_state(LiveState::kRunning);
  std::memcpy(header_->magic, "HOOPLIV1", sizeof header_->magic);
  return true;
}

void LiveFile::abandon() noexcept {
  if (header_ != nullptr) os::unmap(header_, kFileBytes);
  *this = LiveFile();
}

void LiveFile::set_state(LiveState state) noexcept {
  if (header_ != nullptr) header_->state = static_cast<std::uint32_t>(state);
}

void LiveFile::add(const LiveSample& sample, Nanoseconds now) noexcept {
  if (header_ == nullptr) return;
  std::uint32_t count = header_->sample_count;
  if (count == kCapacity) {
    count /= 2;
    for (std::uint32_t i = 0; i < count; ++i) samples_[i] = samples_[2 * i + 1];
    interval_ *= 2;
  }
  samples_[count] = sample;
  header_->sample_count = count + 1;
  if (sample.resident_bytes > header_->peak_resident_bytes) {
    header_->peak_resident_bytes = sample.resident_bytes;
    header_->peak_at = sample.at;
  }
  next_sample_ = now + interval_;
}

}  // namespace hoop::cpython
