// SPDX-License-Identifier: Apache-2.0
// Pairs of allocate and free: one at a time, in batches, of mixed sizes, and just above what
// pymalloc serves itself.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "contest.h"
#include "patterns.h"

namespace {

using benchmark::State;

// `run` makes and frees kPairsPerRun blocks.
template <class Run>
void repeat(State& state, Run run) {
  for (auto _ : state) run();
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(hoop::bench::kPairsPerRun));
}

void register_patterns() {
  using namespace hoop::bench;
  register_contest("single-48", [](State& state, const auto& access) {
    repeat(state, [&] { single_pairs<48>(access); });
  });
  register_contest("batch-48", [](State& state, const auto& access) {
    repeat(state, [&] { batch_lifo<48>(access); });
  });
  register_contest("mixed-16-480", [](State& state, const auto& access) {
    repeat(state, [&] { batch_mixed_fifo(access); });
  });
  register_contest("single-600", [](State& state, const auto& access) {
    repeat(state, [&] { single_pairs<600>(access); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  register_patterns();
  return hoop::bench::run_contest(argc, argv);
}
