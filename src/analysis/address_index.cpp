// SPDX-License-Identifier: Apache-2.0
#include "analysis/address_index.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "analysis/array.h"

namespace hoop::analysis {

namespace {

struct Keyed {
  std::uint64_t address;
  std::uint32_t number;
};

constexpr unsigned kDigitBits = 11;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;

// One round of a radix sort.
void scatter(const Array<Keyed>& from, Array<Keyed>& to, unsigned shift) {
  std::array<std::uint32_t, kDigits> begin{};
  for (const Keyed& item : from) ++begin[item.address >> shift & (kDigits - 1)];
  std::uint32_t sum = 0;
  for (std::uint32_t& place : begin) sum += std::exchange(place, sum);
  for (const Keyed& item : from) to[begin[item.address >> shift & (kDigits - 1)]++] = item;
}

}  // namespace

AddressIndex::AddressIndex(const Array<std::uint64_t>& address) {
  if (std::is_sorted(address.begin(), address.end()))
    sorted_data_ = address.data();
  else
    sort(address);
  for (std::size_t i = 1; i < address.size(); ++i)
    has_twins_ |= sorted_data_[i] == sorted_data_[i - 1];
  fill_pages(address.size());
}

void AddressIndex::sort(const Array<std::uint64_t>& address) {
  const std::size_t count = address.size();
  Array<Keyed> from(count);
  Array<Keyed> to(count);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < count; ++i) {
    from[i] = {address[i], static_cast<std::uint32_t>(i)};
    all |= address[i];
  }
  for (unsigned shift = 0; shift < 64 && all >> shift != 0; shift += kDigitBits) {
    scatter(from, to, shift);
    std::swap(from, to);
  }
  sorted_ = Array<std::uint64_t>(count);
  order_ = Array<std::uint32_t>(count);
  for (std::size_t i = 0; i < count; ++i) {
    sorted_[i] = from[i].address;
    order_[i] = from[i].number;
  }
  sorted_data_ = sorted_.data();
}

void AddressIndex::fill_pages(std::size_t objects) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < objects; ++i)
    count += i == 0 || sorted_data_[i] >> kPageShift != sorted_data_[i - 1] >> kPageShift ? 1 : 0;
  unsigned bits = 4;
  while (std::size_t{1} << bits < count * 2) ++bits;
  shift_ = 64 - bits;
  mask_ = (std::size_t{1} << bits) - 1;
  pages_ = Array<Page>(mask_ + 1);
  for (std::size_t i = 0; i < objects;) {
    const std::uint64_t number = sorted_data_[i] >> kPageShift;
    const std::size_t begin = i;
    while (i < objects && sorted_data_[i] >> kPageShift == number) ++i;
    pages_[place_of(number)] = {number + 1, static_cast<std::uint32_t>(begin),
                                static_cast<std::uint32_t>(i)};
  }
}

}  // namespace hoop::analysis
