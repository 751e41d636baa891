// SPDX-License-Identifier: Apache-2.0
#include "cpython/garbage_search.h"

#include <Python.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cpython/compat/object_count.h"
#include "cpython/compat/object_layout.h"
#include "cpython/compat/thread_roots.h"
#include "cpython/list_walk.h"
#include "cpython/object_graph.h"
#include "cycles/components.h"
#include "cycles/finder.h"
#include "cycles/host.h"
#include "cycles/marker.h"
#include "cycles/object_map.h"
#include "cycles/prefetch_ring.h"
#include "cycles/recorded_graph.h"
#include "cycles/tables.h"
#include "os/clock.h"
#include "os/copy_process.h"
#include "os/pages.h"

namespace hoop::cpython {
namespace {

using cycles::Index;
using cycles::kNoIndex;
using cycles::ObjectMap;
using cycles::RecordedGraph;

// Pages for a table, given back at the end.
class TableMemory {
 public:
  enum class Use : std::uint8_t { kDense, kScattered };

  explicit TableMemory(std::size_t bytes, Use use = Use::kDense)
      : bytes_(round_up(std::max<std::size_t>(bytes, 1), os::kPageBytes)),
        start_(os::map_sparse(bytes_)) {
    // Touched everywhere, once: a page at a time would take longer than what is written.
    if (start_ != nullptr && use == Use::kDense && bytes_ >= kHugePagesFrom)
      os::advise(start_, bytes_, os::HugePages::kWanted);
  }
  ~TableMemory() {
    if (start_ != nullptr) os::unmap(start_, bytes_);
  }
  TableMemory(const TableMemory&) = delete;
  TableMemory& operator=(const TableMemory&) = delete;

  [[nodiscard]] bool is_there() const { return start_ != nullptr; }
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(start_);
  }

 private:
  static constexpr std::size_t kHugePagesFrom = 8 * kMiB;

  std::size_t bytes_;
  void* start_;
};

// So many places for objects outside of the heap may cost a huge page each.
constexpr std::size_t kFewRegions = 256;

using MarkFromRoots = cycles::Marker<const ObjectGraph>;

void mark_root(void* marker, Address word) {
  constexpr Address kTags = 7;
  static_cast<MarkFromRoots*>(marker)->mark_from(word & ~kTags);
}

// False: no memory. What modules and running frames reach is alive.
bool mark_from_roots(const Search& search, ObjectMap& map, std::size_t objects) {
  const TableMemory stack(objects * sizeof(Address));
  if (!stack.is_there()) return false;
  const ObjectGraph graph;
  MarkFromRoots marker(graph, map, stack.as<Address>());
  marker.mark_from(reinterpret_cast<Address>(search.modules));
  marker.drain();
  for_each_thread_root(mark_root, &marker);
  marker.drain();
  return true;
}

bool has_pre_header(PyObject* object) {
  return object_offset_of(Py_TYPE(object)) > kCollectorHeaderBytes;
}

// Writes down what is left: counts, references among themselves, where they are.
class Recorder {
 public:
  Recorder(const ObjectMap& map, RecordedGraph& graph, Candidate* objects)
      : map_(map), graph_(graph), objects_(objects) {}

  void run() {
    const auto add = [this](Address target) {
      map_.prefetch(target);
      coming_.push(target, resolve_);
    };
    const auto add_weak = [this](Address target) {
      const Index number = map_.number_of(target);
      if (number != kNoIndex) graph_.add_weak_reference(number);
    };
    map_.for_each_unmarked([&](Address address) {
      auto* const object = reinterpret_cast<PyObject*>(address);
      objects_[graph_.size()] = Candidate(address, false, has_pre_header(object));
      graph_.begin_row(count_for_search(object));
      objects_graph_.for_each_reference(address, add);
      coming_.flush(resolve_);
      objects_graph_.for_each_weak_reference(address, add_weak);
    });
  }

 private:
  struct Resolve {
    Recorder* recorder;
    void operator()(Address target) const {
      const Index number = recorder->map_.number_of(target);
      if (number != kNoIndex) recorder->graph_.add_reference(number);
    }
  };
  const ObjectMap& map_;
  RecordedGraph& graph_;
  Candidate* objects_;
  ObjectGraph objects_graph_;
  cycles::PrefetchRing coming_;
  Resolve resolve_{this};
};

// Hands over what was found, component after component; one that does not fit is left out whole,
// with all after it.
void write_candidates(cycles::Components<RecordedGraph>& components, const Index* order,
                      Index garbage, const Candidate* objects, SearchResult& result) {
  Index begin = 0;
  while (begin < garbage) {
    Index end = begin + 1;
    while (end < garbage && components.of(order[end]) == components.of(order[begin])) ++end;
    const std::uint64_t size = end - begin;
    ++result.components;
    result.largest_component = std::max(result.largest_component, size);
    if (result.candidate_count + size > result.capacity) {
      result.left_out += garbage - begin;
      return;
    }
    for (Index i = begin; i < end; ++i) {
      const Candidate& object = objects[order[i]];
      result.candidates[result.candidate_count++] = object.at_begin_of_component(i == begin);
    }
    begin = end;
  }
}

// False: no memory.
bool search_recorded(RecordedGraph& graph, const Candidate* objects, SearchResult& result) {
  const Index rows = graph.size();
  const TableMemory columns(cycles::Tables::bytes_for(rows));
  if (!columns.is_there()) return false;
  cycles::Tables tables(columns.as<void>(), rows);
  cycles::Finder<RecordedGraph, cycles::Lookahead::kNone> finder(graph, tables);
  for (Index row = 0; row < rows; ++row) finder.add_new(Address{row});
  finder.find(cycles::Reach::kAdded);
  const TableMemory sorting(2 * std::size_t{rows} * sizeof(Index));
  if (!sorting.is_there()) return false;
  cycles::Components<RecordedGraph> components(graph, tables);
  auto* const order = sorting.as<Index>() + rows;
  const Index garbage = components.sort(sorting.as<Index>(), order);
  write_candidates(components, order, garbage, objects, result);
  return true;
}

bool search_rest(const Search& search, ObjectMap& map, SearchResult& result) {
  const Index rest = map.number_unmarked();
  if (rest >= RecordedGraph::kMaxRows) return false;
  RecordedGraph graph;
  const TableMemory objects(std::size_t{rest} * sizeof(Candidate));
  if (!objects.is_there() || !graph.init(rest)) return false;
  Recorder(map, graph, objects.as<Candidate>()).run();
  if (graph.is_damaged()) return false;
  // A page that only the process has need not be copied when it is written to.
  if (search.copy_of != 0)
    os::give_back(reinterpret_cast<void*>(search.heap->base()), search.heap->extent());
  return search_recorded(graph, objects.as<Candidate>(), result);
}

// A copy whose process is gone.
bool is_pointless(const Search& search) {
  return search.copy_of != 0 && os::is_orphan(search.copy_of);
}

bool search_all(const Search& search, SearchResult& result) {
  const heap::Heap& heap = *search.heap;
  const auto use =
      search.other_regions > kFewRegions ? TableMemory::Use::kScattered : TableMemory::Use::kDense;
  const TableMemory bits(ObjectMap::bytes_for(heap.extent(), search.other_regions), use);
  if (!bits.is_there()) return false;
  ObjectMap map(bits.as<void>(), heap.base(), heap.extent(), search.other_regions);
  result.objects = walk_generations(heap, search.state, map);
  if (is_pointless(search) || !mark_from_roots(search, map, result.objects)) return false;
  return !is_pointless(search) && search_rest(search, map, result);
}

}  // namespace

Address Candidate::block() const {
  const std::size_t pre_header = (word_ & kHasPreHeader) != 0 ? kPreHeaderBytes : 0;
  return object() - kCollectorHeaderBytes - pre_header;
}

void search_for_garbage(const Search& search, SearchResult& result) noexcept {
  const Nanoseconds begin = os::monotonic_now();
  const bool done = search_all(search, result);
  result.took = os::monotonic_now() - begin;
  result.state.store(done ? SearchState::kDone : SearchState::kNoMemory, std::memory_order_release);
}

}  // namespace hoop::cpython
