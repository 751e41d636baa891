// SPDX-License-Identifier: Apache-2.0
#include "cpython/figures.h"

#include <Python.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "base/text.h"
#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/census.h"
#include "cpython/collection_records.h"
#include "cpython/collector.h"
#include "cpython/compat/python_version.h"
#include "cpython/gc_watch.h"
#include "cpython/json_file.h"
#include "cpython/live_file.h"
#include "cpython/process.h"
#include "cpython/resource_watch.h"
#include "cpython/rss_account.h"
#include "heap/geometry.h"
#include "heap/statistics.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/proc.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kPeakTypes = 10;
constexpr std::size_t kMaxTypes = 2000;
constexpr std::size_t kNameBytes = 120;
constexpr unsigned kSampledChunks = 16;
constexpr std::size_t kFirstLookBytes = 16 * kMiB;
constexpr std::size_t kMaxArgumentBytes = 4096;
constexpr std::size_t kRecentCollections = 32;

struct NamedCount {
  char name[kNameBytes] = {};
  std::size_t count = 0;
  std::size_t bytes = 0;
};
constexpr std::size_t kTypesBytes = round_up(kMaxTypes * sizeof(NamedCount), os::kPageBytes);

// What the heap consisted of at its largest look.
struct Composition {
  Nanoseconds at = 0;
  std::size_t resident_bytes = 0;
  std::size_t held_bytes = 0;
  std::size_t type_count = 0;
  NamedCount types[kPeakTypes];
};

struct Final {
  bool gathered = false;
  heap::Statistics statistics;
  RssAccount rss;
  NamedCount* types = nullptr;  // mapped
  std::size_t type_count = 0;
};

constinit LiveFile live_file;
constinit bool live_file_failed = false;
constinit Composition peak;
constinit std::size_t next_look_bytes = kFirstLookBytes;
constinit Final final_figures;

Nanoseconds since_start(Nanoseconds now) {
  return now > process.start_monotonic ? now - process.start_monotonic : 0;
}

void fill(NamedCount& to, const char* name, const TypeCount& from) {
  TextBuffer(to.name, kNameBytes).add(name);
  to.count = from.count;
  to.bytes = from.bytes;
}

void fill(NamedCount& to, const TypeCount& from) {
  FixedText<kNameBytes> name;
  Census::name_of(from.type, name);
  fill(to, name.data(), from);
}

constexpr char kBuffersName[] = "(buffers: dict tables, list arrays, ...)";
constexpr char kFreeListsName[] = "(CPython free lists)";

void sort_by_bytes(NamedCount* counts, std::size_t count) {
  std::sort(counts, counts + count,
            [](const NamedCount& a, const NamedCount& b) { return a.bytes > b.bytes; });
}

// Writes up to `capacity` entries, largest first; returns how many.
std::size_t name_all(Census& census, NamedCount* to, std::size_t capacity) {
  std::size_t types = 0;
  const TypeCount* const sorted = census.sorted(types);
  std::size_t used = 0;
  if (census.buffers().count > 0) fill(to[used++], kBuffersName, census.buffers());
  if (census.free_lists().count > 0) fill(to[used++], kFreeListsName, census.free_lists());
  for (std::size_t i = 0; i < types && used < capacity; ++i) fill(to[used++], sorted[i]);
  sort_by_bytes(to, used);
  return used;
}

void gather_types() {
  Census census;
  if (!census.learn_types()) return;
  {
    // Names are made outside: they allocate, and the lock is not recursive.
    const HeapLock lock;
    census.count_all(process_heap);
  }
  void* const pages = os::map(kTypesBytes);
  if (pages == nullptr) return;
  final_figures.types = static_cast<NamedCount*>(pages);
  final_figures.type_count = name_all(census, final_figures.types, kMaxTypes);
}

// --- the document ---

void write_arguments(JsonFile& json) {
  char text[kMaxArgumentBytes + 1];
  const std::size_t length = os::read_file("/proc/self/cmdline", text, kMaxArgumentBytes);
  text[length] = 0;
  json.begin_array("argv");
  for (std::size_t at = 0; at < length; at += std::strlen(text + at) + 1)
    json.string(nullptr, text + at);
  json.end_array();
}

Nanoseconds nanoseconds(const timeval& time) {
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond +
         static_cast<Nanoseconds>(time.tv_usec) * kMicrosecond;
}

void write_times(JsonFile& json) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  json.number("wall_ns", since_start(os::monotonic_now()));
  json.number("cpu_user_ns", nanoseconds(usage.ru_utime))
      .number("cpu_sys_ns", nanoseconds(usage.ru_stime));
  json.number("peak_rss", os::read_peak_resident_bytes());
}

void write_types(JsonFile& json, const NamedCount* types, std::size_t count) {
  json.begin_array("types");
  for (std::size_t i = 0; i < count; ++i) {
    json.begin_object().string("type", types[i].name).number("count", types[i].count);
    json.number("bytes", types[i].bytes).end_object();
  }
  json.end_array();
}

void write_peak(JsonFile& json) {
  if (peak.type_count == 0) {
    json.null("peak");
    return;
  }
  json.begin_object("peak").number("at_ns", peak.at).number("rss", peak.resident_bytes);
  json.number("heap_held", peak.held_bytes);
  write_types(json, peak.types, peak.type_count);
  json.boolean("sampled", true).end_object();
}

void write_heap(JsonFile& json) {
  const heap::Statistics& figures = final_figures.statistics;
  const RssAccount& rss = final_figures.rss;
  std::size_t direct = 0;
  for (const auto& domain : figures.domains) direct += domain.direct_bytes;
  json.begin_object("heap")
      .number("reserved", figures.reserved_bytes)
      .number("committed", figures.committed_bytes);
  json.number("in_use", rss.heap_in_use).number("free_resident", rss.heap_free);
  const std::size_t held_bytes = figures.committed_bytes + direct;
  json.number("free_returned", held_bytes > rss.heap_resident ? held_bytes - rss.heap_resident : 0);
  json.number("metadata", rss.heap_metadata)
      .number("direct", direct)
      .number("huge_pages", rss.heap_huge_pages);
  json.number("returned_total", figures.given_back_bytes).number("trim_ns", figures.trim_time);
  json.number("live_blocks", figures.live_blocks());
  json.fraction("fragmentation", rss.heap_free, rss.heap_resident).end_object();
}

void write_classes(JsonFile& json) {
  json.begin_array("classes");
  for (unsigned domain = 0; domain < heap::kDomainCount; ++domain) {
    const auto& figures = final_figures.statistics.domains[domain];
    const char* const name = domain == 0 ? "obj" : "mem";
    const auto write = [&](std::size_t size, std::size_t live, std::size_t free,
                           std::size_t slabs) {
      json.begin_object().number("size", size).string("domain", name).number("live", live);
      json.number("free", free).number("slabs", slabs).end_object();
    };
    for (const auto& size_class : figures.classes) {
      if (size_class.slabs == 0) continue;
      write(size_class.block_bytes, size_class.live_blocks, size_class.free_blocks,
            size_class.slabs);
    }
    if (figures.runs > 0) write(figures.run_bytes / figures.runs, figures.runs, 0, figures.runs);
    if (figures.direct_blocks > 0) {
      write(figures.direct_bytes / figures.direct_blocks, figures.direct_blocks, 0,
            figures.direct_blocks);
    }
  }
  json.end_array();
}

void write_collections(JsonFile& json) {
  json.begin_array("gc");
  for (int generation = 0; generation < kGenerations; ++generation) {
    const GenerationFigures& figures = generation_figures[generation];
    json.begin_object().number("generation", static_cast<std::uint64_t>(generation));
    json.number("collections", figures.collections).number("ns", figures.time);
    json.number("longest_ns", figures.longest).number("collected", figures.collected).end_object();
  }
  json.end_array();
}

void write_record(JsonFile& json, const CollectionRecord& record) {
  json.begin_object().number("at_ns", record.at).string("trigger", name_of(record.trigger));
  json.string("mode", name_of(record.mode)).string("outcome", name_of(record.outcome));
  json.string("reason", record.reason).number("pause_ns", record.pause);
  json.number("search_ns", record.search).number("judge_ns", record.judging);
  json.number("longest_judge_ns", record.longest_judging).number("batches", record.batches);
  json.number("objects", record.objects).number("candidates", record.candidates);
  json.number("components", record.components);
  json.number("largest_component", record.largest_component).number("freed", record.freed);
  json.number("dropped_died", record.died).number("dropped_untracked", record.untracked);
  json.number("survived", record.survived).end_object();
}

void write_stops(JsonFile& json) {
  json.begin_array("pauses");
  for (unsigned i = 0; i < kStopBuckets; ++i) {
    const auto& counts = stop_histogram.counts[i];
    json.begin_object().number("up_to_ns", StopHistogram::bound_of(i));
    json.number("young", counts[static_cast<unsigned>(Stop::kYoung)]);
    json.number("full", counts[static_cast<unsigned>(Stop::kFull)]);
    json.number("hoop", counts[static_cast<unsigned>(Stop::kOurs)]).end_object();
  }
  json.end_array();
}

void write_collector(JsonFile& json) {
  const CollectionTotals& totals = collection_history.totals();
  json.begin_object("collector").string("mode", collector_mode());
  json.string("reason", collector_reason()).number("collections", totals.collections);
  json.number("concurrent", totals.concurrent).number("inplace", totals.in_place);
  json.number("failed", totals.failed).number("discarded", totals.discarded);
  json.number("objects", totals.objects).number("candidates", totals.candidates);
  json.number("freed", totals.freed).number("died", totals.died);
  json.number("untracked", totals.untracked).number("survived", totals.survived);
  json.number("longest_pause_ns", totals.longest_pause);
  json.number("longest_judge_ns", totals.longest_judging);
  json.number("total_pause_ns", totals.pause).number("total_search_ns", totals.search);
  json.number("total_judge_ns", totals.judging);
  write_stops(json);
  json.begin_array("recent");
  const std::size_t count = collection_history.size();
  for (std::size_t i = count - std::min(count, kRecentCollections); i < count; ++i)
    write_record(json, collection_history[i]);
  json.end_array();
  json.end_object();
}

void write_rss(JsonFile& json) {
  const RssAccount& rss = final_figures.rss;
  const struct {
    const char* what;
    std::size_t bytes;
  } lines[] = {{"objects and buffers in use", rss.heap_in_use},
               {"free in the heap", rss.heap_free},
               {"heap metadata", rss.heap_metadata},
               {"libc heap in use", rss.libc_in_use},
               {"libc heap free", rss.libc_free},
               {"stacks", rss.stacks},
               {"code and files", rss.files},
               {"other mappings", rss.other},
               {"not attributed", rss.not_attributed}};
  json.number("final_rss", rss.total);
  json.begin_array("rss");
  for (const auto& line : lines) {
    json.begin_object().string("what", line.what).number("bytes", line.bytes).end_object();
  }
  json.end_array();
}

void write_identity(JsonFile& json, const char* ending) {
  json.begin_object().number("format", 1);
  json.number("pid", static_cast<std::uint64_t>(::getpid()));
  json.number("ppid", static_cast<std::uint64_t>(::getppid())).number("n", live_file.image());
  json.string("python", PythonVersion().text());
  write_arguments(json);
  json.boolean("active", process.passive_reason == nullptr)
      .string("reason", process.passive_reason);
  json.string("exit", ending);
}

const char* name_of(Ending ending) {
  switch (ending) {
    case Ending::kNormal:
      return "normal";
    case Ending::kExitCall:
      return "_exit";
    case Ending::kExec:
      return "exec";
  }
  return "normal";
}

void path_of_document(TextBuffer& path) {
  path.add(process.run_dir).add_char('/').add_decimal(static_cast<std::uint64_t>(::getpid()));
  path.add_char('.').add_decimal(live_file.image()).add(".json");
}

bool open_live_file() {
  if (process.run_dir == nullptr || live_file_failed) return false;
  if (!live_file.is_open()) live_file_failed = !live_file.open(process.run_dir);
  return live_file.is_open();
}

}  // namespace

bool figures_are_due(Nanoseconds now) {
  return process.run_dir != nullptr && !live_file_failed && live_file.is_due(now);
}

void record_sample(Nanoseconds now) {
  if (!open_live_file()) return;
  LiveSample sample{};
  sample.at = since_start(now);
  sample.resident_bytes = os::read_memory_use().resident_bytes;
  sample.heap_held = process_heap.held_bytes();
  sample.heap_given_back = process_heap.given_back_bytes();
  for (const GenerationFigures& figures : generation_figures) {
    sample.collections += figures.collections;
    sample.collection_time += figures.time;
  }
  live_file.add(sample, now);
}

bool heap_has_grown() noexcept {
  return process.run_dir != nullptr && process_heap.held_bytes() >= next_look_bytes;
}

void look_at_composition() noexcept {
  const std::size_t held = process_heap.held_bytes();
  if (held < next_look_bytes) return;
  next_look_bytes = held + held / 3;
  Census census;
  if (!census.learn_types()) return;
  static NamedCount all[400];
  {
    const HeapLock lock;
    census.count_sample(process_heap, kSampledChunks);
  }
  const std::size_t named = name_all(census, all, std::size(all));
  peak.type_count = std::min(named, kPeakTypes);
  std::copy_n(all, peak.type_count, peak.types);
  peak.at = since_start(os::monotonic_now());
  peak.resident_bytes = os::read_memory_use().resident_bytes;
  peak.held_bytes = held;
}

void gather_final_figures(Names names) noexcept {
  if (process.run_dir == nullptr) return;
  record_sample(os::monotonic_now());
  if (names == Names::kAvailable) gather_types();
  const HeapLock lock;
  final_figures.statistics = process_heap.statistics();
  final_figures.rss = take_rss_account(process_heap, final_figures.statistics);
  final_figures.gathered = true;
}

void write_final_figures(Ending ending) noexcept {
  if (process.run_dir == nullptr || !open_live_file()) return;
  if (!final_figures.gathered) gather_final_figures(Names::kUnavailable);
  FixedText<512> path;
  path_of_document(path);
  JsonFile json(path.data());
  write_identity(json, name_of(ending));
  write_times(json);
  write_peak(json);
  write_heap(json);
  write_classes(json);
  write_types(json, final_figures.types, final_figures.type_count);
  write_collections(json);
  write_collector(json);
  write_resources(json);
  write_rss(json);
  json.end_object();
  json.finish();
  live_file.set_state(ending == Ending::kNormal ? LiveState::kFinished : LiveState::kLeft);
}

void take_back_final_figures() noexcept {
  FixedText<512> path;
  path_of_document(path);
  ::unlink(path.data());
  live_file.set_state(LiveState::kRunning);
  if (final_figures.types != nullptr) os::unmap(final_figures.types, kTypesBytes);
  final_figures = Final();
}

void leave_samples_only() noexcept {
  if (open_live_file()) live_file.set_state(LiveState::kLeft);
}

void write_passive_figures() noexcept {
  if (!open_live_file()) return;
  live_file.set_state(LiveState::kPassive);
  FixedText<512> path;
  path_of_document(path);
  JsonFile json(path.data());
  write_identity(json, "running");
  json.end_object();
  json.finish();
}

void forget_figures() noexcept {
  live_file.abandon();
  live_file_failed = false;
  peak = Composition();
  final_figures = Final();
  for (GenerationFigures& figures : generation_figures) figures = GenerationFigures();
}

}  // namespace hoop::cpython
