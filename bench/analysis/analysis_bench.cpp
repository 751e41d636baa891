// SPDX-License-Identifier: Apache-2.0
// What opening a snapshot takes, in CPU seconds and in memory: the heap of a service with a cache
// of records, made up. Usage: analysis_bench [millions of objects] [file]
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/heap_file.h"
#include "analysis/snapshot.h"
#include "cpp/support/snapshot_builder.h"

namespace {

using hoop::analysis::Snapshot;
using hoop::snapshot::EdgeKind;
using hoop::snapshot::Layout;
using hoop::testing::BuiltEdge;
using hoop::testing::SnapshotBuilder;

// CPU time: of one thread that never waits it is what counts, on a machine that does other things.
struct Clock {
  using time_point = double;
  static double now() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }
};

// Objects of one size lie side by side, as in our heap.
class Records {
 public:
  Records() {
    for (const char* name : {"str", "int", "list", "tuple", "float", "dict"})
      builder_.add_type(name, layout_of(name));
    builder_.add_type("Record", Layout::kInstance, "app");
    builder_.add_type("<interpreter>", Layout::kInterpreter);
    builder_.add_type("module", Layout::kModule);
    const auto interpreter = add(kInterpreter, 0);
    builder_.roots = {interpreter};
    const auto modules = add(kDict, 400);
    const auto module = add(kModule, 80);
    const auto globals = add(kDict, 400);
    cache_ = add(kDict, 4000);
    link(interpreter, modules, EdgeKind::kAttribute, "modules");
    item(modules, "app", module);
    builder_.labels[module] = {"app", "", "app.py", 0, 0};
    link(module, globals, EdgeKind::kDict);
    item(globals, "CACHE", cache_);
  }

  void grow_to(std::size_t objects) {
    while (builder_.objects.size() < objects) add_record();
  }
  void write(const std::string& path) { builder_.write(path); }

 private:
  enum Type : std::uint32_t {
    kStr,
    kInt,
    kList,
    kTuple,
    kFloat,
    kDict,
    kRecord,
    kInterpreter,
    kModule
  };
  static Layout layout_of(const std::string& name) {
    if (name == "str") return Layout::kStr;
    if (name == "int") return Layout::kInt;
    if (name == "list") return Layout::kList;
    if (name == "tuple") return Layout::kTuple;
    return name == "float" ? Layout::kFloat : Layout::kDict;
  }
  std::uint32_t add(Type type, std::uint64_t bytes) {
    hoop::testing::BuiltObject object;
    object.type = type;
    object.bytes = bytes;
    object.address = 0x7F0000000000 + (std::uint64_t{type} << 34) + counts_[type]++ * 64;
    return builder_.add(object);
  }
  void link(std::uint32_t from, std::uint32_t to, EdgeKind kind, const char* name = "",
            std::uint32_t index = 0) {
    builder_.objects[from].edges.push_back({to, kind, name, index});
  }
  void item(std::uint32_t dict, const char* name, std::uint32_t value) {
    link(dict, add(kStr, 56), EdgeKind::kKey);
    link(dict, value, EdgeKind::kValue, name);
  }
  void add_record() {
    const auto record = add(kRecord, 56);
    link(record, add(kStr, 60), EdgeKind::kAttribute, "user");
    link(record, add(kInt, 32), EdgeKind::kAttribute, "id");
    const auto rows = add(kList, 120);
    link(record, rows, EdgeKind::kAttribute, "rows");
    for (std::uint32_t i = 0; i < 3; ++i) {
      const auto row = add(kTuple, 64);
      link(rows, row, EdgeKind::kItem, "", i);
      link(row, add(kStr, 70), EdgeKind::kItem, "", 0);
      link(row, add(kFloat, 24), EdgeKind::kItem, "", 1);
      link(row, record, EdgeKind::kItem, "", 2);
    }
    if (last_ != 0) link(record, last_, EdgeKind::kAttribute, "before");
    last_ = record;
    item(cache_, "", record);
  }

  SnapshotBuilder builder_;
  std::uint32_t cache_ = 0;
  std::uint32_t last_ = 0;
  std::uint64_t counts_[9] = {};
};

double seconds_since(Clock::time_point begin) { return Clock::now() - begin; }

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void measure(const std::string& path) {
  const double before = peak_mib();
  Clock::time_point begin = Clock::now();
  const hoop::analysis::HeapFile file(path);
  hoop::analysis::Columns columns = hoop::analysis::read_columns(file, {});
  const double read = seconds_since(begin);
  const auto objects = static_cast<double>(columns.objects());
  const auto edges = static_cast<double>(columns.edges());
  Clock::time_point last = begin;
  const auto tell = [&](const char* what, double) {
    std::printf("  %6.2f s, then %s\n", seconds_since(last), what);
    last = Clock::now();
  };
  last = Clock::now();
  {
    const hoop::analysis::Graph graph = hoop::analysis::build_graph(std::move(columns), tell);
    const double all = seconds_since(begin);
    std::printf(
        "  %6.2f s\n%.0f objects, %.0f edges, %.1f MB: read %.2f s, all %.2f s, %.2f million/s\n",
        seconds_since(last), objects, edges, static_cast<double>(file.state().bytes) / 1e6, read,
        all, objects / all / 1e6);
    std::printf("peak %.0f MiB, %.1f bytes for each object\n", peak_mib(),
                (peak_mib() - before) * (1 << 20) / objects);
  }
  begin = Clock::now();
  { Snapshot made(path, hoop::analysis::IndexUse::kAlways); }
  std::printf("with writing the index %.2f s\n", seconds_since(begin));
  begin = Clock::now();
  Snapshot snapshot(path);
  std::printf("opened by its index in %.2f s\n", seconds_since(begin));
  for (const char* name : {"app.Record", "str"}) {
    begin = Clock::now();
    std::size_t groups = 0;
    for (std::uint32_t row = 0; row < snapshot.columns().types.size(); ++row)
      if (snapshot.columns().type_name(row) == name)
        groups += snapshot.holders(snapshot.objects_of_type(row)).groups.size();
    std::printf("why %s: %.2f s, %zu groups\n", name, seconds_since(begin), groups);
  }
  begin = Clock::now();
  snapshot.by_type();
  std::printf("top by type: %.2f s\n", seconds_since(begin));
}

}  // namespace

int main(int argc, char** argv) {
  const double millions = argc > 1 ? std::atof(argv[1]) : 0.01;
  const std::string path = argc > 2 ? argv[2] : "analysis_bench.hoop";
  if (millions > 0) {
    Records records;
    records.grow_to(static_cast<std::size_t>(millions * 1e6));
    records.write(path);
    std::printf("%s: made\n", path.c_str());
    if (argc > 3) return 0;
  }
  measure(path);
  std::remove((path + ".index").c_str());
  return 0;
}
