// SPDX-License-Identifier: Apache-2.0
#include "analysis/index_file.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"
#include "analysis/heap_file.h"
#include "base/units.h"
#include "os/input_file.h"
#include "os/pages.h"
#include "snapshot/format.h"

namespace hoop::analysis {

namespace {

// Another number for whatever changes in the columns or in what they mean.
constexpr char kIndexMagic[] = "HOOPIDX2";
constexpr std::size_t kAlignment = 64;

struct IndexHeader {
  char magic[8];
  std::uint64_t file_bytes, file_modified, taken;
  std::uint64_t dropped_edges;
  std::uint64_t columns;
};
struct ColumnEntry {
  std::uint64_t offset, count, item_bytes;
};

// visit(array) for each column, in an order that is part of the format.
template <class GraphLike, class F>
void for_each_column(GraphLike& graph, F&& visit) {
  auto& columns = graph.columns;
  visit(columns.string_bytes), visit(columns.string_end), visit(columns.types);
  visit(columns.address), visit(columns.by_address), visit(columns.type), visit(columns.size);
  visit(columns.count), visit(columns.flags), visit(columns.first_edge);
  visit(columns.edge_kind), visit(columns.edge_name), visit(columns.target);
  visit(columns.has_text.bits), visit(columns.has_text.ranks);
  visit(columns.has_capacity.bits), visit(columns.has_capacity.ranks);
  visit(columns.text), visit(columns.capacity), visit(columns.buffers), visit(columns.large);
  visit(columns.labels), visit(columns.content), visit(columns.roots), visit(columns.memory),
      visit(columns.meta);
  visit(graph.referrers.first), visit(graph.referrers.source), visit(graph.root);
  visit(graph.path_parent), visit(graph.path_edge), visit(graph.dominator);
  visit(graph.retained);
}

struct Mapping {
  Mapping(const void* at, std::size_t size) : start(at), bytes(size) {}
  ~Mapping() { os::unmap(const_cast<void*>(start), bytes); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const void* start;
  std::size_t bytes;
};

// Whether every number in the columns is one that may be used as such. Trees are not walked: who
// walks them stops after as many steps as there are objects.
class IndexCheck {
 public:
  explicit IndexCheck(const Graph& graph) : graph_(graph), columns_(graph.columns) {}

  [[nodiscard]] bool passes() const {
    return has_equal_columns() && strings_are_fine() && objects_are_fine() && edges_are_fine() &&
           rows_are_fine() && derived_are_fine();
  }

 private:
  [[nodiscard]] std::size_t objects() const { return columns_.objects(); }

  template <class T>
  static bool all_below(const Array<T>& numbers, std::uint64_t limit) {
    T most = 0;
    for (const T number : numbers) most = std::max(most, number);
    return numbers.empty() || most < limit;
  }
  static bool all_below_or_none(const Array<std::uint32_t>& numbers, std::uint64_t limit) {
    std::uint32_t most = 0;
    for (const std::uint32_t number : numbers) most = std::max(most, number + 1);
    return most <= limit;
  }
  template <class T>
  static bool is_rising(const Array<T>& ends, std::uint64_t last) {
    return !ends.empty() && ends[0] == 0 && ends[ends.size() - 1] == last &&
           std::is_sorted(ends.begin(), ends.end());
  }
  [[nodiscard]] bool is_string(std::uint64_t number) const {
    return number < columns_.string_end.size();
  }
  [[nodiscard]] bool fits(const Subset& subset, std::size_t rows) const {
    if (subset.bits.size() != objects() / 64 + 1 || subset.ranks.size() != subset.bits.size())
      return false;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < subset.bits.size(); ++i) {
      if (subset.ranks[i] != sum) return false;
      sum += static_cast<std::uint64_t>(__builtin_popcountll(subset.bits[i]));
    }
    return sum == rows;
  }

  [[nodiscard]] bool has_equal_columns() const {
    const std::size_t count = objects();
    const std::size_t edges = columns_.edges();
    return count < kNone && edges < kNone && columns_.address.size() == count &&
           columns_.size.size() == count && columns_.count.size() == count &&
           columns_.flags.size() == count && columns_.first_edge.size() == count + 1 &&
           columns_.edge_kind.size() == edges && columns_.edge_name.size() == edges &&
           (columns_.by_address.empty() || columns_.by_address.size() == count) &&
           graph_.referrers.first.size() == count + 1 && graph_.root.size() == count &&
           graph_.path_parent.size() == count && graph_.path_edge.size() == count &&
           graph_.dominator.size() == count && graph_.retained.size() == count;
  }
  [[nodiscard]] bool strings_are_fine() const {
    return is_rising(columns_.string_end, columns_.string_bytes.size());
  }
  [[nodiscard]] bool objects_are_fine() const {
    for (const TypeRow& row : columns_.types)
      if (!is_string(row.name) || !is_string(row.module) ||
          (row.base != kNone && row.base >= columns_.types.size()))
        return false;
    return all_below(columns_.type, columns_.types.size()) &&
           all_below(columns_.by_address, objects()) &&
           is_rising(columns_.first_edge, columns_.edges());
  }
  [[nodiscard]] bool edges_are_fine() const {
    if (!all_below(columns_.target, objects())) return false;
    for (std::size_t i = 0; i < columns_.edges(); ++i) {
      const snapshot::EdgeKind kind = columns_.kind(static_cast<EdgeId>(i));
      const std::uint32_t name = columns_.edge_name[i];
      if (snapshot::name_of(kind) != snapshot::EdgeName::kString || is_string(name)) continue;
      if (kind != snapshot::EdgeKind::kValue || name != kNone) return false;
    }
    return true;
  }
  [[nodiscard]] bool rows_are_fine() const {
    const auto is_object = [this](const auto& row) { return row.object < objects(); };
    for (const TextRow& row : columns_.text)
      if (!is_string(row.string)) return false;
    for (const Label& row : columns_.labels)
      if (!is_object(row) || !is_string(row.name) || !is_string(row.qualified) ||
          !is_string(row.file))
        return false;
    for (std::size_t i = 0; i < columns_.memory.size(); i += 2)
      if (!is_string(columns_.memory[i])) return false;
    return fits(columns_.has_text, columns_.text.size()) &&
           fits(columns_.has_capacity, columns_.capacity.size()) &&
           std::all_of(columns_.buffers.begin(), columns_.buffers.end(), is_object) &&
           std::all_of(columns_.large.begin(), columns_.large.end(), is_object) &&
           std::all_of(columns_.content.begin(), columns_.content.end(), is_object) &&
           all_below(columns_.roots, objects()) && columns_.memory.size() % 2 == 0 &&
           columns_.meta.size() % 2 == 0 && all_below(columns_.meta, columns_.string_end.size());
  }
  [[nodiscard]] bool derived_are_fine() const {
    return is_rising(graph_.referrers.first, graph_.referrers.source.size()) &&
           all_below(graph_.referrers.source, objects()) && all_below(graph_.root, kRootKinds) &&
           all_below_or_none(graph_.path_parent, objects()) &&
           all_below_or_none(graph_.path_edge, columns_.edges()) && paths_have_edges() &&
           all_below_or_none(graph_.dominator, objects());
  }
  [[nodiscard]] bool paths_have_edges() const {
    for (std::size_t i = 0; i < objects(); ++i)
      if ((graph_.path_parent[i] == kNone) != (graph_.path_edge[i] == kNone)) return false;
    return true;
  }

  const Graph& graph_;
  const Columns& columns_;
};

std::string index_path(const HeapFile& file) { return file.path() + ".index"; }

IndexHeader header_for(const HeapFile& file) {
  IndexHeader header{};
  std::memcpy(header.magic, kIndexMagic, sizeof header.magic);
  header.file_bytes = file.state().bytes;
  header.file_modified = file.state().modified;
  header.taken = file.header().taken;
  return header;
}

bool is_for(const IndexHeader& found, const HeapFile& file) {
  const IndexHeader wanted = header_for(file);
  return std::memcmp(found.magic, wanted.magic, sizeof wanted.magic) == 0 &&
         found.file_bytes == wanted.file_bytes && found.file_modified == wanted.file_modified &&
         found.taken == wanted.taken;
}

// Views of the columns in the mapping. False: they do not lie in it.
bool place_columns(const std::shared_ptr<const Mapping>& mapping, Graph& graph) {
  const auto* const start = static_cast<const char*>(mapping->start);
  const auto* entry = reinterpret_cast<const ColumnEntry*>(start + sizeof(IndexHeader));
  bool fine = true;
  for_each_column(graph, [&](auto& array) {
    using Item = std::remove_cvref_t<decltype(array[0])>;
    const ColumnEntry column = *entry++;
    if (column.item_bytes != sizeof(Item) || column.offset % kAlignment != 0 ||
        column.offset > mapping->bytes ||
        column.count > (mapping->bytes - column.offset) / sizeof(Item)) {
      fine = false;
      return;
    }
    array = std::remove_cvref_t<decltype(array)>::view(
        reinterpret_cast<const Item*>(start + column.offset), column.count, mapping);
  });
  return fine;
}

class IndexWriter {
 public:
  IndexWriter(const HeapFile& file, const Graph& graph) : file_(file), graph_(graph) {}

  bool run() {
    if (out_.create(index_path(file_).c_str()) != 0) return false;
    IndexHeader header = header_for(file_);
    header.dropped_edges = graph_.columns.dropped_edges;
    std::vector<ColumnEntry> entries;
    for_each_column(graph_, [&](const auto& array) {
      entries.push_back({0, array.size(), sizeof array[0]});
    });
    header.columns = entries.size();
    std::uint64_t at = sizeof header + entries.size() * sizeof(ColumnEntry);
    for (ColumnEntry& entry : entries) {
      at = round_up(at, kAlignment);
      entry.offset = at;
      at += entry.count * entry.item_bytes;
    }
    put(&header, sizeof header);
    put(entries.data(), entries.size() * sizeof(ColumnEntry));
    for_each_column(graph_, [&](const auto& array) {
      static constexpr char kZeros[kAlignment] = {};
      put(kZeros, round_up(offset_, kAlignment) - offset_);
      put(array.data(), array.size() * sizeof array[0]);
    });
    return fine_ && out_.finish() == 0;
  }

 private:
  void put(const void* data, std::size_t bytes) {
    fine_ = fine_ && out_.write(data, bytes) == 0;
    offset_ += bytes;
  }

  const HeapFile& file_;
  const Graph& graph_;
  os::OutputFile out_;
  std::uint64_t offset_ = 0;
  bool fine_ = true;
};

}  // namespace

std::optional<Graph> read_index(const HeapFile& file) {
  os::InputFile in;
  IndexHeader header{};
  if (in.open(index_path(file).c_str()) != 0) return {};
  const os::FileState state = in.state();
  // Of another user: whoever can write it could cut it short while it is mapped.
  if (!state.is_regular || !state.is_ours || !in.read_at(0, &header, sizeof header) ||
      !is_for(header, file))
    return {};
  std::size_t columns = 0;
  Graph graph;
  for_each_column(graph, [&columns](const auto&) { ++columns; });
  if (header.columns != columns || state.bytes < sizeof header + columns * sizeof(ColumnEntry))
    return {};
  const void* const start = in.map(state.bytes);
  if (start == nullptr) return {};
  const auto mapping = std::make_shared<const Mapping>(start, state.bytes);
  if (!place_columns(mapping, graph) || !IndexCheck(graph).passes()) return {};
  graph.columns.dropped_edges = header.dropped_edges;
  return graph;
}

bool write_index(const HeapFile& file, const Graph& graph) {
  return IndexWriter(file, graph).run();
}

}  // namespace hoop::analysis
