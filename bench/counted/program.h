// SPDX-License-Identifier: Apache-2.0
// The main() of every contestant:
//
//   PROGRAM WORKLOAD SIZE   does it, prints figures and a checksum as JSON; or why it cannot
//   PROGRAM --check         does all of them, small: is every object that was made ended, once?
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "cache.h"
#include "workloads.h"

namespace hoop::bench {

inline void print(const Figures& result) {
  std::printf("{\"figures\": {");
  const char* comma = "";
  for (const Figure& figure : result.figures) {
    std::printf("%s\"%s\": %.3f", comma, figure.name, figure.value);
    comma = ", ";
  }
  std::printf("}, \"checksum\": %lld}\n", static_cast<long long>(result.checksum));
}

inline int print_remark(const char* remark) {
  std::printf("{\"remark\": \"%s\"}\n", remark);
  return 0;
}

// Kit<Tally> -> the workloads that it can do.
template <class Kit>
int run_workload(const std::string& name, std::size_t size) {
  Kit kit;
  const auto run = [&](auto workload) {
    print(workload(kit, size));
    return 0;
  };
  if (name == "pair") return run(pair<Kit>);
  if (name == "held") return run(held<Kit>);
  if (name == "list") return run(list<Kit>);
  if (name == "tree") return run(tree<Kit>);
  if (name == "gcbench") return run(gcbench<Kit>);
  if (name == "cycle" || name == "live") {
    if constexpr (Kit::kCycles == Cycles::kLeak) {
      return print_remark("leaks");
    } else {
      return name == "cycle" ? run(cycle<Kit>) : run(live<Kit>);
    }
  }
  if (name == "cache") {
    if constexpr (Kit::kHasWeak) return run(cache<Kit>);
  }
  if constexpr (requires { &Kit::pooled_pair; }) {
    if (name == "pooled") return run(Kit::pooled_pair);
  }
  return print_remark("-");
}

template <class Kit>
void check_workloads() {
  Kit kit;
  pair(kit, 100);
  held(kit, 1000);
  list(kit, 1000);
  tree(kit, 2);
  gcbench(kit, 6);
  if constexpr (Kit::kCycles == Cycles::kCollected) {
    cycle(kit, 1000);
    live(kit, 1000);
    kit.finish();
  }
  if constexpr (Kit::kHasWeak) cache(kit, 20000);
}

template <class Kit>
int check() {
  using Tally = typename Kit::Tally;
  check_workloads<Kit>();
  std::printf("made %lld, ended %lld\n", static_cast<long long>(Tally::made()),
              static_cast<long long>(Tally::ended()));
  const bool all_ended = !Kit::kEndsAll || Tally::made() == Tally::ended();
  return Tally::made() > 0 && all_ended ? EXIT_SUCCESS : EXIT_FAILURE;
}

template <template <class> class Kit>
int run_program(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--check") == 0) return check<Kit<Tally>>();
  if (argc == 3) return run_workload<Kit<NoTally>>(argv[1], std::strtoull(argv[2], nullptr, 10));
  std::fprintf(stderr, "%s WORKLOAD SIZE | --check\n", argv[0]);
  return EXIT_FAILURE;
}

}  // namespace hoop::bench
