// SPDX-License-Identifier: Apache-2.0
// A server's heap in the manner of Larson's benchmark, with one thread: many live blocks of many
// sizes, and each step replaces one that was chosen at random. Sizes have a long tail (most are
// small, none over 1 KiB).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "contest.h"
#include "patterns.h"

namespace {

constexpr std::size_t kStepsPerRun = std::size_t{1} << 16;
constexpr std::size_t kLargest = 1024;

struct Step {
  std::uint32_t slot;
  std::uint32_t size;
};

std::uint32_t long_tailed_size(std::mt19937& random) {
  constexpr double kSmallest = 16;
  constexpr double kShape = 1.1;
  const double uniform = std::uniform_real_distribution<>(1e-9, 1)(random);
  const double size = kSmallest / std::pow(uniform, 1 / kShape);
  return static_cast<std::uint32_t>(std::min<double>(size, kLargest));
}

// Drawn beforehand, so that only the allocator is measured.
std::vector<Step> draw_steps(std::size_t slots) {
  std::mt19937 random(12345);
  std::vector<Step> steps(kStepsPerRun);
  for (Step& step : steps) {
    step.slot = static_cast<std::uint32_t>(random() % slots);
    step.size = long_tailed_size(random);
  }
  return steps;
}

template <class Access>
void replace_at_random(benchmark::State& state, const Access& access, std::size_t slots) {
  const std::vector<Step> steps = draw_steps(slots);
  std::vector<void*> live(slots);
  for (std::size_t i = 0; i < slots; ++i) live[i] = access.allocate(steps[i % kStepsPerRun].size);
  for (auto _ : state) {
    for (const Step& step : steps) {
      access.release(live[step.slot]);
      live[step.slot] = access.allocate(step.size);
      hoop::bench::touch(live[step.slot]);
    }
  }
  for (void* block : live) access.release(block);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kStepsPerRun));
}

}  // namespace

int main(int argc, char** argv) {
  for (const std::size_t slots : {1'000, 100'000}) {
    hoop::bench::register_contest("larson-" + std::to_string(slots),
                                  [slots](benchmark::State& state, const auto& access) {
                                    replace_at_random(state, access, slots);
                                  });
  }
  return hoop::bench::run_contest(argc, argv);
}
