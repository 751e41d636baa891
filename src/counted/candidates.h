// SPDX-License-Identifier: Apache-2.0
// Objects that lost a reference and kept others: where garbage cycles may begin. (Bacon and Rajan's
// "possible roots".) Every garbage cycle has one: the last reference to it from outside went.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "counted/slot_table.h"
#include "hoop/object.h"

namespace hoop::counted {

// One list for each generation, and one for frozen objects. An object is in the list that its flags
// name, at the place that the slot table holds, exactly if kBuffered is set and no collection has
// taken the list.
class Candidates {
 public:
  using List = std::vector<const Object*>;
  static constexpr unsigned kFrozenList = detail::kFrozen;

  explicit Candidates(SlotTable& slots) : slots_(slots) {}

  // False: no memory for it.
  [[nodiscard]] bool note(const Object* object) noexcept {
    const Address address = address_of(object);
    if (!slots_.prepare(address)) [[unlikely]]
      return false;
    List& list = lists_[list_of(object)];
    slots_.set(address, static_cast<std::uint32_t>(list.size()));
    if (list.size() == list.capacity() && !grow(list)) [[unlikely]]
      return false;
    list.push_back(object);
    detail::Access::flags(object) |= detail::kBuffered;
    return true;
  }

  // The last of the list takes its place.
  void forget(const Object* object) noexcept {
    List& list = lists_[list_of(object)];
    const std::uint32_t place = slots_.get(address_of(object));
    const Object* const last = list.back();
    list[place] = last;
    slots_.set(address_of(last), place);
    list.pop_back();
    detail::Access::flags(object) &= static_cast<std::uint16_t>(~detail::kBuffered);
  }

  void move_to_front(const Object* object) noexcept {
    List& list = lists_[list_of(object)];
    const std::uint32_t place = slots_.get(address_of(object));
    std::swap(list.front(), list[place]);
    slots_.set(address_of(list[place]), place);
    slots_.set(address_of(object), 0);
  }

  [[nodiscard]] List& list(unsigned number) noexcept { return lists_[number]; }
  [[nodiscard]] std::size_t size() const noexcept {
    return lists_[0].size() + lists_[1].size() + lists_[2].size();
  }

 private:
  static Address address_of(const Object* object) { return reinterpret_cast<Address>(object); }
  static unsigned list_of(const Object* object) {
    return detail::Access::flags(object) & detail::kGeneration;
  }
  static bool grow(List& list) noexcept {
    try {
      list.reserve(list.empty() ? 1024 : 2 * list.size());
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  SlotTable& slots_;
  std::array<List, 4> lists_;
};

}  // namespace hoop::counted
