// SPDX-License-Identifier: Apache-2.0
// Registers a workload once for each way of reaching an allocator, and the main() of every native
// bench. Names are <allocator>/<access>/<workload>, so that run.py can pick one allocator for a
// process.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

#include "access.h"

namespace hoop::bench {

// `workload` is called as workload(state, access).
template <class Workload>
void register_contest(const std::string& name, Workload workload) {
  benchmark::RegisterBenchmark(("hoop/inlined/" + name).c_str(),
                               [=](benchmark::State& state) { workload(state, InlinedHoop{}); });
  benchmark::RegisterBenchmark(("malloc/called/" + name).c_str(),
                               [=](benchmark::State& state) { workload(state, CalledMalloc{}); });
  benchmark::RegisterBenchmark(("hoop/pointers/" + name).c_str(), [=](benchmark::State& state) {
    workload(state, ThroughPointers({&hoop_allocate, &hoop_release}));
  });
  benchmark::RegisterBenchmark(("malloc/pointers/" + name).c_str(), [=](benchmark::State& state) {
    workload(state, ThroughPointers({&std::malloc, &std::free}));
  });
}

inline int run_contest(int argc, char** argv) {
  if (!bench_heap.init()) {
    std::fputs("the heap could not be set up\n", stderr);
    return 1;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace hoop::bench
