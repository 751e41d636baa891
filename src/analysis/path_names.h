// SPDX-License-Identifier: Apache-2.0
// Paths as a Python programmer would write them: `app.cache.RESULTS['u42'].rows[3]`, or "closure
// cell `data` of make_handler.<locals>.handler: data[3]". And their shapes, in which any index and
// any key is [*], so that paths of one kind can be counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/graph.h"

namespace hoop::analysis {

struct Step {
  ObjectId object;
  EdgeId edge;  // that leads here; kNone at a root
};

enum class Detail { kExact, kShape };

class PathNamer {
 public:
  // `graph` lives longer than this.
  explicit PathNamer(const Graph& graph);

  // From a root to the object, both included.
  [[nodiscard]] std::vector<Step> path_to(ObjectId object) const;
  [[nodiscard]] std::string name_of(const std::vector<Step>& path, Detail detail) const;
  [[nodiscard]] std::string name_of(ObjectId object, Detail detail) const {
    return name_of(path_to(object), detail);
  }
  // What it is called wherever it is held: a module, a class, a function. Empty: nothing.
  [[nodiscard]] std::string own_name(ObjectId object) const;
  // One step: ".rows", "[3]".
  [[nodiscard]] std::string step_name(ObjectId source, EdgeId edge, Detail detail) const;

  // Equal for paths of one shape. Remembers what it found.
  std::uint32_t shape_of(ObjectId object);

  // The module, or the root, that the path to an object begins at.
  [[nodiscard]] bool is_named_module(ObjectId object) const;

 private:
  struct Text;

  void add_root(Text& text, ObjectId root) const;
  void add_step(Text& text, ObjectId source, Step step) const;
  void add_value(Text& text, ObjectId source, Step step) const;
  [[nodiscard]] bool begins_anew(Text& text, ObjectId source, Step step) const;
  [[nodiscard]] bool add_function_part(Text& text, ObjectId source, Step step) const;
  [[nodiscard]] std::string key_text(ObjectId dict, EdgeId edge) const;
  // "serve (app.py:12)"; of a shape, without what changes from one moment to the next.
  [[nodiscard]] std::string frame_text(ObjectId frame, Detail detail) const;
  [[nodiscard]] std::string function_name(ObjectId function) const;
  [[nodiscard]] ObjectId attribute_of(ObjectId object, std::string_view name) const;
  [[nodiscard]] std::string variable_of(ObjectId function, std::uint32_t index) const;
  [[nodiscard]] std::string parameter_of(ObjectId function, ObjectId defaults,
                                         std::uint32_t index) const;
  [[nodiscard]] std::string text_of_item(ObjectId tuple, std::uint32_t index) const;
  [[nodiscard]] bool is_attribute_named(EdgeId edge, std::string_view name) const;
  // A class or function that the interpreter holds by a field: it has a better name.
  [[nodiscard]] bool is_known_to_interpreter(ObjectId source, EdgeId edge) const;
  // The dict of `sys` or `builtins`, which the interpreter holds beside the modules.
  [[nodiscard]] bool is_dict_of_interpreter(ObjectId source, EdgeId edge) const;
  // The path to this dict says that its keys are names.
  [[nodiscard]] bool is_namespace(ObjectId dict) const;
  // The edge leads to a dict whose keys are names.
  [[nodiscard]] bool leads_to_namespace(EdgeId edge) const;
  [[nodiscard]] std::uint32_t shape_after(std::uint32_t shape, ObjectId object);
  [[nodiscard]] std::uint64_t code_of_step(ObjectId source, EdgeId edge, ObjectId object) const;

  struct ShapeKey {
    std::uint64_t code;
    std::uint32_t before;
    bool operator==(const ShapeKey&) const = default;
  };
  struct ShapeHash {
    std::size_t operator()(const ShapeKey& key) const {
      return (key.code ^ key.before * 0xC2B2AE3D27D4EB4Fu) * 0x9E3779B97F4A7C15u >> 16;
    }
  };

  const Graph& graph_;
  const Columns& columns_;
  std::unordered_map<std::uint64_t, std::uint32_t> type_rows_;  // by address
  Array<std::uint32_t> shapes_;                                 // number + 1; 0: not known yet
  std::unordered_map<ShapeKey, std::uint32_t, ShapeHash> shape_numbers_;
  std::vector<std::uint64_t> last_code_;  // of each shape
  std::vector<std::uint32_t> repeated_;   // the shape once its last step is repeated; 0: not yet
  std::vector<ObjectId> way_;
};

}  // namespace hoop::analysis
