// SPDX-License-Identifier: Apache-2.0
// Chrome DevTools' heap snapshot, as V8 writes it: nodes and edges as flat lists of numbers. The
// first node is the root; under it are the interpreter and its threads, and "(GC roots)", which has
// a node for each other kind of root.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "analysis/path_names.h"
#include "analysis/snapshot.h"
#include "os/input_file.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::Layout;

namespace {

constexpr const char* kMeta =
    R"({"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count",)"
    R"("trace_node_id","detachedness"],"node_types":[["hidden","array","string","object","code",)"
    R"("closure","regexp","number","native","synthetic","concatenated string","sliced string",)"
    R"("symbol","bigint","object shape"],"string","number","number","number","number","number"],)"
    R"("edge_fields":["type","name_or_index","to_node"],"edge_types":[["context","element",)"
    R"("property","internal","hidden","shortcut","weak"],"string_or_number","node"],)"
    R"("trace_function_info_fields":["function_id","name","script_name","script_id","line",)"
    R"("column"],"trace_node_fields":["id","function_info_index","count","size","children"],)"
    R"("sample_fields":["timestamp_us","last_assigned_id"],"location_fields":["object_index",)"
    R"("script_id","line","column"]},)";

constexpr std::size_t kNodeFields = 7;

enum class NodeType : std::uint32_t {
  kString = 2,
  kObject = 3,
  kCode = 4,
  kClosure = 5,
  kNumber = 7,
  kNative = 8,
  kSynthetic = 9
};
enum class EdgeType : std::uint32_t { kElement = 1, kProperty = 2, kInternal = 3, kWeak = 6 };

NodeType node_type_of(Layout layout) {
  switch (layout) {
    case Layout::kStr:
      return NodeType::kString;
    case Layout::kInt:
    case Layout::kFloat:
    case Layout::kComplex:
      return NodeType::kNumber;
    case Layout::kFunction:
      return NodeType::kClosure;
    case Layout::kCode:
      return NodeType::kCode;
    default:
      return NodeType::kObject;
  }
}

// The nodes that are no objects.
constexpr std::array kOtherRoots = {RootKind::kImmortal, RootKind::kHeldByC, RootKind::kGarbage};
constexpr std::array<const char*, 3> kOtherRootNames = {"(immortal objects)", "(held by C code)",
                                                        "(garbage, not collected yet)"};
constexpr std::size_t kGcRoots = 1;
constexpr std::size_t kFirstOther = 2;
constexpr std::size_t kFirstObject = kFirstOther + kOtherRoots.size();

class DevtoolsWriter {
 public:
  DevtoolsWriter(Snapshot& snapshot, const std::string& path)
      : names_(snapshot.names()), graph_(snapshot.graph()), columns_(graph_.columns), path_(path) {
    check(out_.create(path.c_str()));
  }

  std::uint64_t run() {
    sort_roots();
    put(kMeta);
    put("\"node_count\":" + std::to_string(kFirstObject + columns_.objects()) +
        ",\"edge_count\":" + std::to_string(edge_count()) + ",\"trace_function_count\":0},\n");
    put("\"nodes\":[");
    put_nodes();
    put("],\n\"edges\":[");
    put_edges();
    put("],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],"
        "\n");
    put_strings();
    put("}\n");
    flush();
    check(out_.finish());
    return written_;
  }

 private:
  void sort_roots() {
    for (std::size_t i = 0; i < columns_.objects(); ++i)
      if (graph_.root[i] != 0) roots_[graph_.root[i]].push_back(static_cast<ObjectId>(i));
  }
  [[nodiscard]] const std::vector<ObjectId>& roots(RootKind kind) const {
    return roots_[static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] std::size_t edge_count() const {
    std::size_t sum = columns_.edges() + 1 + kOtherRoots.size() + roots(RootKind::kListed).size();
    for (const RootKind kind : kOtherRoots) sum += roots(kind).size();
    return sum;
  }

  void put_nodes() {
    node(NodeType::kSynthetic, "", 0, 1 + roots(RootKind::kListed).size());
    node(NodeType::kSynthetic, "(GC roots)", 0, kOtherRoots.size());
    for (std::size_t i = 0; i < kOtherRoots.size(); ++i)
      node(NodeType::kSynthetic, kOtherRootNames[i], 0, roots(kOtherRoots[i]).size());
    for (std::size_t i = 0; i < columns_.objects(); ++i) {
      const auto object = static_cast<ObjectId>(i);
      node(node_type_of(columns_.layout_of(object)), node_name(object), columns_.bytes_of(object),
           columns_.first_edge[i + 1] - columns_.first_edge[i]);
    }
  }
  void node(NodeType type, const std::string& name, std::uint64_t bytes, std::size_t edges) {
    number(static_cast<std::uint32_t>(type));
    number(string(name));
    number(node_id_);
    node_id_ += 2;
    number(std::min<std::uint64_t>(bytes, 0xFFFFFFFF));
    number(edges);
    number(0);
    number(0);
    put("\n");
  }
  [[nodiscard]] std::string node_name(ObjectId object) const {
    const Layout layout = columns_.layout_of(object);
    if (layout == Layout::kStr) {
      const TextRow* const row = columns_.text_of(object);
      if (row != nullptr && row->string != 0) return std::string(columns_.string(row->string));
      return "(str of " + std::to_string(row != nullptr ? row->length : 0) + " characters)";
    }
    const bool by_name = layout == Layout::kFunction || layout == Layout::kCode ||
                         layout == Layout::kThread || layout == Layout::kRunningFrame;
    std::string own = by_name ? names_.own_name(object) : std::string();
    return own.empty() ? columns_.type_name(columns_.type[object]) : own;
  }

  void put_edges() {
    std::uint32_t index = 0;
    edge(EdgeType::kElement, index++, kGcRoots);
    for (const ObjectId root : roots(RootKind::kListed))
      edge(EdgeType::kElement, index++, kFirstObject + root);
    for (std::uint32_t i = 0; i < kOtherRoots.size(); ++i)
      edge(EdgeType::kElement, i, kFirstOther + i);
    for (const RootKind kind : kOtherRoots) {
      index = 0;
      for (const ObjectId root : roots(kind))
        edge(EdgeType::kElement, index++, kFirstObject + root);
    }
    for (std::size_t i = 0; i < columns_.objects(); ++i)
      for (EdgeId at = columns_.first_edge[i]; at < columns_.first_edge[i + 1]; ++at)
        object_edge(static_cast<ObjectId>(i), at);
  }
  void object_edge(ObjectId source, EdgeId at) {
    const std::size_t target = kFirstObject + columns_.target[at];
    if (columns_.is_weak(at)) {
      edge(EdgeType::kWeak, string(weak_name(source, at)), target);
      return;
    }
    switch (columns_.kind(at)) {
      case EdgeKind::kItem:
        edge(EdgeType::kElement, columns_.edge_name[at], target);
        return;
      case EdgeKind::kAttribute:
      case EdgeKind::kLocal:
        edge(EdgeType::kProperty, string(std::string(columns_.string(columns_.edge_name[at]))),
             target);
        return;
      case EdgeKind::kValue:
        edge(EdgeType::kProperty, string(names_.step_name(source, at, Detail::kExact)), target);
        return;
      case EdgeKind::kSetMember:
        edge(EdgeType::kProperty, string("{member}"), target);
        return;
      default:
        edge(EdgeType::kInternal, string(bare_name(source, at)), target);
    }
  }
  [[nodiscard]] std::string weak_name(ObjectId source, EdgeId at) const {
    return columns_.kind(at) == EdgeKind::kWeak ? "referent" : bare_name(source, at);
  }
  // Without the dot in front.
  [[nodiscard]] std::string bare_name(ObjectId source, EdgeId at) const {
    const std::string step = names_.step_name(source, at, Detail::kExact);
    return step.front() == '.' ? step.substr(1) : step;
  }
  void edge(EdgeType type, std::uint64_t name, std::size_t target) {
    number(static_cast<std::uint32_t>(type));
    number(name);
    number(target * kNodeFields);
    if (buffer_.size() > kBufferBytes) flush();
  }

  std::uint32_t string(const std::string& text) {
    const auto [found, is_new] =
        string_numbers_.try_emplace(text, static_cast<std::uint32_t>(strings_.size()));
    // The map does not move its keys.
    if (is_new) strings_.push_back(&found->first);
    return found->second;
  }
  void put_strings() {
    put("\"strings\":[");
    for (std::size_t i = 0; i < strings_.size(); ++i) {
      put(i == 0 ? "" : ",\n");
      put_quoted(*strings_[i]);
    }
    put("]");
    is_first_ = true;
  }
  void put_quoted(const std::string& text) {
    buffer_ += '"';
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte == '"' || byte == '\\') {
        buffer_ += '\\';
        buffer_ += c;
      } else if (byte < 0x20 || byte == 0x7F) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\u%04x", byte);
        buffer_ += escape;
      } else {
        buffer_ += c;
      }
    }
    buffer_ += '"';
  }

  void number(std::uint64_t value) {
    if (!is_first_) buffer_ += ',';
    is_first_ = false;
    buffer_ += std::to_string(value);
  }
  void put(std::string_view text) {
    // A list begins or ends: no comma before what comes.
    if (!text.empty() && text != "\n") is_first_ = true;
    buffer_ += text;
    if (buffer_.size() > kBufferBytes) flush();
  }
  void flush() {
    check(out_.write(buffer_.data(), buffer_.size()));
    written_ += buffer_.size();
    buffer_.clear();
  }
  void check(int error) const {
    if (error != 0) throw FileError(path_ + ": cannot be written: " + std::strerror(error));
  }

  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

  PathNamer& names_;
  const Graph& graph_;
  const Columns& columns_;
  std::string path_;
  os::OutputFile out_;
  std::array<std::vector<ObjectId>, kRootKinds> roots_;
  std::unordered_map<std::string, std::uint32_t> string_numbers_;
  std::vector<const std::string*> strings_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  std::uint64_t node_id_ = 1;
  bool is_first_ = true;
};

}  // namespace

std::uint64_t write_devtools(Snapshot& snapshot, const std::string& path) {
  return DevtoolsWriter(snapshot, path).run();
}

}  // namespace hoop::analysis
