// SPDX-License-Identifier: Apache-2.0
// Objects that lost a reference and kept others: where garbage cycles may begin. (Bacon and Rajan's
// "possible roots".) Every garbage cycle has one: the last reference to it from outside went.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "base/units.h"
#include "counted/header.h"
#include "counted/slot_table.h"
#include "hoop/object.h"

namespace hoop::counted {

// A vector that grows only when it is told to, and never throws.
class CandidateList {
 public:
  CandidateList() = default;
  CandidateList(const CandidateList&) = delete;
  CandidateList& operator=(const CandidateList&) = delete;
  ~CandidateList() = default;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] const Object*& operator[](std::size_t place) noexcept { return objects_[place]; }
  [[nodiscard]] const Object*& front() noexcept { return objects_[0]; }
  [[nodiscard]] const Object* back() const noexcept { return objects_[size_ - 1]; }
  [[nodiscard]] const Object* const* begin() const noexcept { return objects_.get(); }
  [[nodiscard]] const Object* const* end() const noexcept { return objects_.get() + size_; }

  [[nodiscard]] bool is_full() const noexcept { return size_ == capacity_; }
  // REQUIRES: not is_full().
  void push_back(const Object* object) noexcept { objects_[size_++] = object; }
  void pop_back() noexcept { --size_; }
  void clear() noexcept { size_ = 0; }
  // False: no memory.
  [[nodiscard]] bool grow() noexcept {
    const std::size_t capacity = std::max<std::size_t>(kFewest, 2 * capacity_);
    std::unique_ptr<const Object*[]> objects(new (std::nothrow) const Object*[capacity]);
    if (objects == nullptr) return false;
    std::copy_n(objects_.get(), size_, objects.get());
    objects_ = std::move(objects);
    capacity_ = capacity;
    return true;
  }

 private:
  static constexpr std::size_t kFewest = 1024;

  std::unique_ptr<const Object*[]> objects_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

// One list for each generation, and one for frozen objects. An object is in the list that its flags
// name, at the place that the slot table holds, exactly if kBuffered is set and no collection has
// taken the list.
class Candidates {
 public:
  using List = CandidateList;
  static constexpr unsigned kFrozenList = detail::kFrozen;

  explicit Candidates(SlotTable& slots) : slots_(slots) {}

  // False: no memory for it.
  [[nodiscard]] bool note(const Object* object) noexcept {
    List& list = lists_[generation_of(object)];
    const Address address = address_of(object);
    if (!slots_.is_prepared(address) || list.is_full()) [[unlikely]] {
      if (!make_room_slow(address, list)) return false;
    }
    slots_.set(address, static_cast<std::uint32_t>(list.size()));
    list.push_back(object);
    set(object, detail::kBuffered);
    return true;
  }

  // The last of the list takes its place.
  void forget(const Object* object) noexcept {
    List& list = lists_[generation_of(object)];
    const std::uint32_t place = slots_.get(address_of(object));
    const Object* const last = list.back();
    list[place] = last;
    slots_.set(address_of(last), place);
    list.pop_back();
    unset(object, detail::kBuffered);
  }

  void move_to_front(const Object* object) noexcept {
    List& list = lists_[generation_of(object)];
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
  [[gnu::noinline]] bool make_room_slow(Address address, List& list) noexcept {
    return slots_.prepare(address) && (!list.is_full() || list.grow());
  }

  SlotTable& slots_;
  std::array<List, 4> lists_;
};

}  // namespace hoop::counted
