// SPDX-License-Identifier: Apache-2.0
// Natural numbers of any size, immutable, each in a block of its own: what makes small short-lived
// blocks by the million. Written for the cfrac bench only: schoolbook arithmetic, one allocation
// per result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace hoop::bench {

template <class Access>
class Natural {
 public:
  using Limb = std::uint32_t;
  using Wide = std::uint64_t;
  static constexpr unsigned kLimbBits = 32;

  Natural(const Access& access, Wide value) : Natural(access, reserve(access, 2)) {
    body_->limbs[0] = static_cast<Limb>(value);
    body_->limbs[1] = static_cast<Limb>(value >> kLimbBits);
    trim();
  }
  Natural(Natural&& other) noexcept
      : access_(other.access_), body_(std::exchange(other.body_, nullptr)) {}
  Natural& operator=(Natural&& other) noexcept {
    std::swap(body_, other.body_);
    return *this;
  }
  Natural(const Natural&) = delete;
  Natural& operator=(const Natural&) = delete;
  ~Natural() {
    if (body_ != nullptr) access_->release(body_);
  }

  [[nodiscard]] Natural copy() const {
    Natural result = with_limbs(size());
    std::memcpy(result.body_->limbs, body_->limbs, size() * sizeof(Limb));
    return result;
  }
  [[nodiscard]] bool is_zero() const { return size() == 0; }
  [[nodiscard]] Limb low_limb() const { return is_zero() ? 0 : limb(0); }

  [[nodiscard]] int compare(const Natural& other) const {
    if (size() != other.size()) return size() < other.size() ? -1 : 1;
    for (std::size_t i = size(); i-- > 0;) {
      if (limb(i) != other.limb(i)) return limb(i) < other.limb(i) ? -1 : 1;
    }
    return 0;
  }

  [[nodiscard]] Natural plus(const Natural& other) const {
    if (size() < other.size()) return other.plus(*this);
    Natural result = with_limbs(size() + 1);
    Wide carry = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      carry += Wide{limb(i)} + (i < other.size() ? other.limb(i) : 0);
      result.body_->limbs[i] = static_cast<Limb>(carry);
      carry >>= kLimbBits;
    }
    result.body_->limbs[size()] = static_cast<Limb>(carry);
    result.trim();
    return result;
  }

  // REQUIRES: other <= *this.
  [[nodiscard]] Natural minus(const Natural& other) const {
    Natural result = with_limbs(size());
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      borrow += std::int64_t{limb(i)} - (i < other.size() ? other.limb(i) : 0);
      result.body_->limbs[i] = static_cast<Limb>(borrow);
      borrow >>= kLimbBits;
    }
    result.trim();
    return result;
  }

  [[nodiscard]] Natural times(const Natural& other) const {
    Natural result = with_limbs(size() + other.size());
    std::memset(result.body_->limbs, 0, result.size() * sizeof(Limb));
    for (std::size_t i = 0; i < size(); ++i) {
      Wide carry = 0;
      for (std::size_t j = 0; j < other.size(); ++j) {
        carry += Wide{limb(i)} * other.limb(j) + result.limb(i + j);
        result.body_->limbs[i + j] = static_cast<Limb>(carry);
        carry >>= kLimbBits;
      }
      result.body_->limbs[i + other.size()] = static_cast<Limb>(carry);
    }
    result.trim();
    return result;
  }

  // Quotient; the remainder goes to `remainder`. REQUIRES: divisor > 0.
  [[nodiscard]] Natural divided_by(Limb divisor, Limb& remainder) const {
    Natural result = with_limbs(size());
    Wide rest = 0;
    for (std::size_t i = size(); i-- > 0;) {
      rest = rest << kLimbBits | limb(i);
      result.body_->limbs[i] = static_cast<Limb>(rest / divisor);
      rest %= divisor;
    }
    remainder = static_cast<Limb>(rest);
    result.trim();
    return result;
  }

  // Bit by bit: slow, but its many temporaries are what a bench of allocators wants. REQUIRES:
  // divisor > 0.
  [[nodiscard]] std::pair<Natural, Natural> divided_by(const Natural& divisor) const {
    Natural quotient = with_limbs(size());
    std::memset(quotient.body_->limbs, 0, size() * sizeof(Limb));
    Natural rest(*access_, Wide{0});
    for (std::size_t bit = size() * kLimbBits; bit-- > 0;) {
      rest.double_and_add(limb(bit / kLimbBits) >> bit % kLimbBits & 1);
      if (rest.compare(divisor) < 0) continue;
      rest = rest.minus(divisor);
      quotient.body_->limbs[bit / kLimbBits] |= Limb{1} << bit % kLimbBits;
    }
    quotient.trim();
    return {std::move(quotient), std::move(rest)};
  }

  // Largest root with root * root <= *this, by Newton's method.
  [[nodiscard]] Natural square_root() const {
    Natural root = copy();
    while (true) {
      Limb ignored = 0;
      Natural next = divided_by(root).first.plus(root).divided_by(2, ignored);
      if (next.compare(root) >= 0) return root;
      root = std::move(next);
    }
  }

 private:
  struct Body {
    std::uint32_t count;
    std::uint32_t capacity;
    Limb limbs[];
  };

  Natural(const Access& access, Body* body) : access_(&access), body_(body) {}

  static Body* reserve(const Access& access, std::size_t count) {
    auto* body = static_cast<Body*>(access.allocate(sizeof(Body) + count * sizeof(Limb)));
    body->count = body->capacity = static_cast<std::uint32_t>(count);
    return body;
  }
  [[nodiscard]] Natural with_limbs(std::size_t count) const {
    return {*access_, reserve(*access_, count)};
  }
  [[nodiscard]] std::size_t size() const { return body_->count; }
  [[nodiscard]] Limb limb(std::size_t index) const { return body_->limbs[index]; }
  void trim() {
    while (body_->count > 0 && body_->limbs[body_->count - 1] == 0) --body_->count;
  }

  void double_and_add(Limb bit) {
    if (size() == body_->capacity) grow();
    Limb carry = bit;
    for (std::size_t i = 0; i < size(); ++i) {
      const Limb next = body_->limbs[i] >> (kLimbBits - 1);
      body_->limbs[i] = body_->limbs[i] << 1 | carry;
      carry = next;
    }
    if (carry != 0) body_->limbs[body_->count++] = carry;
  }
  void grow() {
    Natural larger = with_limbs(size() + 2);
    std::memcpy(larger.body_->limbs, body_->limbs, size() * sizeof(Limb));
    larger.body_->count = body_->count;
    std::swap(body_, larger.body_);
  }

  const Access* access_;
  Body* body_;
};

}  // namespace hoop::bench
