// SPDX-License-Identifier: Apache-2.0
// Shapes of paths as numbers: a tree of steps that grows as it is asked. Steps are told apart by
// numbers, not by text, since there may be millions of objects to look at.
#include <cstdint>
#include <string_view>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "analysis/path_names.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;

namespace {

// The highest byte of a step's code: the kind of its edge, or one of these.
enum Special : std::uint64_t { kRoot = 64, kModule, kNamespace, kNamedValue };

constexpr std::uint64_t coded(std::uint64_t what, std::uint64_t a, std::uint64_t b = 0) {
  return what << 56 | (b & 0xFFFFFF) << 32 | (a & 0xFFFFFFFF);
}

constexpr std::uint32_t function_of(const Label& label) {
  return label.qualified != 0 ? label.qualified : label.name;
}

constexpr bool restarts(std::uint64_t code) {
  return code >> 56 == kModule || code >> 56 == static_cast<std::uint64_t>(EdgeKind::kType);
}

}  // namespace

std::uint64_t PathNamer::code_of_step(ObjectId source, EdgeId edge, ObjectId object) const {
  if (source == kNone) return coded(kRoot, columns_.type[object], graph_.root[object]);
  if (is_named_module(object) || is_known_to_interpreter(source, edge) ||
      is_dict_of_interpreter(source, edge))
    return coded(kModule, object);
  if (leads_to_namespace(edge)) return coded(kNamespace, 0);
  const EdgeKind kind = columns_.kind(edge);
  const auto what = static_cast<std::uint64_t>(kind);
  const std::uint32_t name = columns_.edge_name[edge];
  switch (kind) {
    case EdgeKind::kType:
      return coded(what, object);
    case EdgeKind::kAttribute:
      return coded(what, name);
    case EdgeKind::kLocal: {
      const Label* const label = columns_.label_of(source);
      return coded(what, label != nullptr ? function_of(*label) : 0, name);
    }
    case EdgeKind::kItem:
    case EdgeKind::kValue: {
      const EdgeId before = graph_.path_edge[source];
      const bool is_default = is_attribute_named(before, "__defaults__") ||
                              is_attribute_named(before, "__kwdefaults__");
      const bool is_named = kind == EdgeKind::kValue && name != kNone && name != 0 &&
                            (is_default || is_namespace(source));
      if (is_named) return coded(kNamedValue, name);
      return coded(what, is_default ? name + 1 : 0);
    }
    case EdgeKind::kCell: {
      const Label* const label = columns_.label_of(source);
      return coded(what, label != nullptr ? label->qualified : 0, name);
    }
    case EdgeKind::kFrame: {
      const Label* const label = columns_.label_of(object);
      return coded(what, label != nullptr ? function_of(*label) : 0);
    }
    case EdgeKind::kField:
      return coded(what, columns_.type[object]);
    default:
      return coded(what, 0);
  }
}

std::uint32_t PathNamer::shape_after(std::uint32_t shape, ObjectId object) {
  const ObjectId source = graph_.path_parent[object];
  const std::uint64_t code = code_of_step(source, graph_.path_edge[object], object);
  if (restarts(code)) shape = 0;
  // A step like the one before: once more or a thousand times more is the same shape.
  if (shape != 0 && last_code_[shape] == code) {
    if (repeated_[shape] == 0) {
      last_code_.push_back(code);
      repeated_.push_back(static_cast<std::uint32_t>(repeated_.size()));
      repeated_[shape] = repeated_.back();
    }
    return repeated_[shape];
  }
  const auto next = static_cast<std::uint32_t>(last_code_.size());
  const auto [found, is_new] = shape_numbers_.try_emplace(ShapeKey{code, shape}, next);
  if (is_new) {
    last_code_.push_back(code);
    repeated_.push_back(0);
  }
  return found->second;
}

std::uint32_t PathNamer::shape_of(ObjectId object) {
  if (shapes_.empty()) {
    shapes_ = Array<std::uint32_t>(columns_.objects());
    last_code_.assign(1, 0);
    repeated_.assign(1, 0);
  }
  ObjectId at = object;
  for (; at != kNone && shapes_[at] == 0; at = graph_.path_parent[at]) {
    way_.push_back(at);
    if (way_.size() > columns_.objects()) throw FileError("the index beside the file is damaged");
  }
  std::uint32_t shape = at == kNone ? 0 : shapes_[at];
  while (!way_.empty()) {
    shape = shape_after(shape, way_.back());
    shapes_[way_.back()] = shape;
    way_.pop_back();
  }
  return shape;
}

}  // namespace hoop::analysis
