// SPDX-License-Identifier: Apache-2.0
// A graph written down: objects by number, their counts, and who refers to whom. Each object is
// looked at once to make it; after that it is searched as often as need be, and the objects
// themselves are not needed any more.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cycles/host.h"
#include "os/pages.h"

namespace hoop::cycles {

// A Host (host.h) whose addresses are the numbers 0 .. size() - 1.
//
//   count   4 bytes a row
//   first   8 bytes a row: where its references begin
//   edges   4 bytes a reference; the highest bit marks a weak one
class RecordedGraph {
 public:
  static constexpr Index kMaxRows = Index{1} << 31;

  // False: no memory. REQUIRES: rows < kMaxRows.
  [[nodiscard]] bool init(Index rows) noexcept {
    rows_bytes_ = round_up(
        (std::size_t{rows} + 1) * (sizeof(std::uint64_t) + sizeof(std::uint32_t)), os::kPageBytes);
    void* const columns = os::map_sparse(rows_bytes_);
    if (columns == nullptr) return false;
    first_ = static_cast<std::uint64_t*>(columns);
    counts_ = reinterpret_cast<std::uint32_t*>(first_ + rows + 1);
    return grow();
  }
  RecordedGraph() = default;
  RecordedGraph(const RecordedGraph&) = delete;
  RecordedGraph& operator=(const RecordedGraph&) = delete;
  ~RecordedGraph() {
    if (first_ != nullptr) os::unmap(first_, rows_bytes_);
    if (edges_ != nullptr) os::unmap(edges_, capacity_ * sizeof(Index));
  }

  // In the order of rows: begin_row(), then its references.
  void begin_row(std::uint32_t count) noexcept {
    counts_[rows_] = count;
    first_[rows_++] = used_;
    first_[rows_] = used_;
  }
  void add_reference(Index target) noexcept { append(target); }
  void add_weak_reference(Index target) noexcept { append(target | kWeak); }
  // Memory ran out: rows have too few references, and nothing may be concluded.
  [[nodiscard]] bool is_damaged() const noexcept { return is_damaged_; }
  [[nodiscard]] Index size() const noexcept { return rows_; }

  // --- as a host ---

  [[nodiscard]] std::uint32_t count_of(Address row) const { return counts_[row]; }
  template <class F>
  void for_each_reference(Address row, F&& visit) const {
    for (std::uint64_t i = first_[row]; i < first_[row + 1]; ++i)
      if ((edges_[i] & kWeak) == 0) visit(Address{edges_[i]});
  }
  template <class F>
  void for_each_weak_reference(Address row, F&& visit) const {
    for (std::uint64_t i = first_[row]; i < first_[row + 1]; ++i)
      if ((edges_[i] & kWeak) != 0) visit(Address{edges_[i] & ~kWeak});
  }
  [[nodiscard]] Index index_of(Address row) const { return static_cast<Index>(row); }
  void set_index(Address, Index) const {}
  [[nodiscard]] bool in_scope(Address) const { return false; }
  void note_overcount(Address) { ++overcounts_; }
  void prefetch(Address) const {}

  // Rows to which more references were found than they count.
  [[nodiscard]] std::uint64_t overcounts() const noexcept { return overcounts_; }

 private:
  static constexpr Index kWeak = Index{1} << 31;
  static constexpr std::size_t kFirstCapacity = 256 * kKiB;

  void append(Index edge) noexcept {
    if (used_ == capacity_ && !grow()) [[unlikely]] {
      is_damaged_ = true;
      return;
    }
    edges_[used_++] = edge;
    first_[rows_] = used_;
  }
  [[gnu::noinline]] bool grow() noexcept {
    const std::size_t wanted = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    void* const pages = edges_ == nullptr
                            ? os::map_sparse(wanted * sizeof(Index))
                            : os::remap(edges_, capacity_ * sizeof(Index), wanted * sizeof(Index));
    if (pages == nullptr) return false;
    edges_ = static_cast<Index*>(pages);
    capacity_ = wanted;
    return true;
  }

  std::uint64_t* first_ = nullptr;
  std::uint32_t* counts_ = nullptr;
  Index* edges_ = nullptr;
  std::size_t rows_bytes_ = 0;
  std::size_t capacity_ = 0;  // edges
  std::uint64_t used_ = 0;
  std::uint64_t overcounts_ = 0;
  Index rows_ = 0;
  bool is_damaged_ = false;
};

}  // namespace hoop::cycles
