// SPDX-License-Identifier: Apache-2.0
// Objects by address, for the millions of look-ups that reading edges takes: a table of the pages
// in which objects begin, and in each a short search.
#pragma once

#include <cstddef>
#include <cstdint>

#include "analysis/array.h"
#include "analysis/columns.h"

namespace hoop::analysis {

class AddressIndex {
 public:
  // `address` lives longer than this.
  explicit AddressIndex(const Array<std::uint64_t>& address);

  // kNone: no object begins there.
  [[nodiscard]] ObjectId find(std::uint64_t shifted_address) const {
    const Page& page = pages_[place_of(shifted_address >> kPageShift)];
    const std::uint64_t* from = sorted_data_ + page.begin;
    std::size_t count = page.end - page.begin;
    if (count == 0) return kNone;
    while (count > 1) {
      const std::size_t half = count / 2;
      from += from[half] <= shifted_address ? half : 0;
      count -= half;
    }
    if (*from != shifted_address) return kNone;
    const auto rank = static_cast<std::size_t>(from - sorted_data_);
    return order_.empty() ? static_cast<ObjectId>(rank) : order_[rank];
  }

  // True: two objects have one address.
  [[nodiscard]] bool has_twins() const { return has_twins_; }
  // Numbers by address; empty where objects are in order as they are.
  Array<std::uint32_t> take_order() { return std::move(order_); }

 private:
  // 4 KiB, in addresses without their lowest three bits.
  static constexpr unsigned kPageShift = 9;

  struct Page {
    std::uint64_t number_and_one;  // 0: an empty place
    std::uint32_t begin, end;
  };

  [[nodiscard]] std::size_t place_of(std::uint64_t page) const {
    std::size_t place = (page * 0x9E3779B97F4A7C15u) >> shift_;
    while (pages_[place].number_and_one != 0 && pages_[place].number_and_one != page + 1)
      place = (place + 1) & mask_;
    return place;
  }
  void sort(const Array<std::uint64_t>& address);
  void fill_pages(std::size_t objects);

  Array<std::uint64_t> sorted_;  // empty where the column itself is sorted
  const std::uint64_t* sorted_data_ = nullptr;
  Array<std::uint32_t> order_;
  Array<Page> pages_;
  unsigned shift_ = 0;
  std::size_t mask_ = 0;
  bool has_twins_ = false;
};

}  // namespace hoop::analysis
