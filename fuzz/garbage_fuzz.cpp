// SPDX-License-Identifier: Apache-2.0
// Bytes as a graph of objects, searched as in a copy of a process (tests/cpp/support/
// recorded_search.h) and held against a naive search.
//
//   byte 0   0: memory suffices; else mappings fail from the n-th on, n in bits 0-3
//   the rest the graph, where its objects lie, and its roots; a number takes as many bytes as its
//            bound needs
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "../tests/cpp/support/fake_graph.h"
#include "../tests/cpp/support/fuzzed_numbers.h"
#include "../tests/cpp/support/placed_graph.h"
#include "../tests/cpp/support/recorded_search.h"
#include "os/pages.h"

namespace {

using hoop::testing::FakeGraph;
using hoop::testing::FuzzedNumbers;

[[noreturn]] void report(const std::string& problem) {
  std::fprintf(stderr, "garbage_fuzz: %s\n", problem.c_str());
  std::abort();
}

std::vector<std::size_t> some_roots(const FakeGraph& graph, FuzzedNumbers& numbers) {
  std::vector<std::size_t> roots;
  for (std::size_t i = 0; i < graph.size(); ++i)
    if (graph.external(i) != 0 && numbers.below(2) == 0) roots.push_back(i);
  return roots;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedNumbers numbers(data, size);
  const std::uint8_t setup = numbers.byte();
  FakeGraph graph = hoop::testing::some_graph(numbers);
  graph.count_references();
  const hoop::testing::PlacedGraph placed(graph, numbers);
  hoop::testing::RecordedSearch search(placed, some_roots(graph, numbers));
  if (setup != 0) hoop::os::fail_mappings_from_for_testing(1 + setup % 16);
  const std::optional<hoop::testing::Garbage> found = search.run();
  hoop::os::fail_mappings_from_for_testing(0);
  if (!found) {
    if (setup == 0) report("out of memory");
    return 0;
  }
  const std::string problem = problem_with(*found, graph);
  if (!problem.empty()) report(problem);
  if (found->overcounts != 0) report("more references than there are");
  return 0;
}
