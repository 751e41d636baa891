// SPDX-License-Identifier: Apache-2.0
// The first stage of factoring by continued fractions: expand the square root of a 38-digit number,
// keep the convergents, and look for smooth residues. Nearly all work happens in numbers of a few
// words that live shortly.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <utility>

#include "contest.h"
#include "natural.h"

namespace {

constexpr std::array<std::uint32_t, 24> kPrimes = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37,
                                                   41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89};
constexpr unsigned kStepsPerRun = 500;

// Expands sqrt(target): each step gives a residue `q` and a convergent `a` with a * a = +-q (mod
// target).
template <class Access>
class Expansion {
 public:
  using Number = hoop::bench::Natural<Access>;

  explicit Expansion(const Access& access)
      : target_(make_target(access)),
        root_(target_.square_root()),
        p_(access, std::uint64_t{0}),
        q_(access, 1),
        quotient_(root_.copy()),
        older_(access, 1),
        convergent_(root_.copy()) {}

  void step() {
    p_ = quotient_.times(q_).minus(p_);
    q_ = target_.minus(p_.times(p_)).divided_by(q_).first;
    quotient_ = root_.plus(p_).divided_by(q_).first;
    Number next = quotient_.times(convergent_).plus(older_).divided_by(target_).second;
    older_ = std::move(convergent_);
    convergent_ = std::move(next);
  }

  // What is left of the residue when all small primes are divided out of it.
  [[nodiscard]] Number unfactored() const {
    Number rest = q_.copy();
    for (const std::uint32_t prime : kPrimes) {
      while (true) {
        std::uint32_t remainder = 0;
        Number quotient = rest.divided_by(prime, remainder);
        if (remainder != 0) break;
        rest = std::move(quotient);
      }
    }
    return rest;
  }

  [[nodiscard]] std::uint32_t low_bits() const { return convergent_.low_limb(); }

 private:
  // (10^19 - 39) * (10^19 - 57)
  static Number make_target(const Access& access) {
    constexpr std::uint64_t kTenTo19 = 10'000'000'000'000'000'000U;
    return Number(access, kTenTo19 - 39).times(Number(access, kTenTo19 - 57));
  }

  Number target_;
  Number root_;
  Number p_;
  Number q_;
  Number quotient_;
  Number older_;
  Number convergent_;
};

template <class Access>
void expand(benchmark::State& state, const Access& access) {
  std::uint32_t checksum = 0;
  for (auto _ : state) {
    Expansion<Access> expansion(access);
    checksum = 0;
    for (unsigned i = 0; i < kStepsPerRun; ++i) {
      expansion.step();
      checksum = checksum * 31 + expansion.low_bits() + expansion.unfactored().low_limb();
    }
  }
  state.counters["checksum"] = checksum;
  state.SetItemsProcessed(state.iterations() * kStepsPerRun);
}

}  // namespace

int main(int argc, char** argv) {
  hoop::bench::register_contest(
      "cfrac", [](benchmark::State& state, const auto& access) { expand(state, access); });
  return hoop::bench::run_contest(argc, argv);
}
