// SPDX-License-Identifier: Apache-2.0
#include "analysis/path_names.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::Layout;

namespace {

std::string hex(std::uint64_t shifted_address) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx",
                static_cast<unsigned long long>(shifted_address) << snapshot::kAddressShift);
  return text;
}

bool is_identifier(std::string_view text) {
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) != 0) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  });
}

bool is_frame(Layout layout) {
  return layout == Layout::kFrame || layout == Layout::kRunningFrame ||
         layout == Layout::kGenerator;
}

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

}  // namespace

// What a path reads like so far: a phrase for where it begins anew, and steps from there. The same
// step many times over, as in a linked list, is written once.
struct PathNamer::Text {
  Detail detail = Detail::kExact;
  std::string phrase;        // "local `x` of f (app.py:12)"; empty: the begin says all
  std::string begin;         // "app", "x"
  bool is_in_phrase = true;  // the begin: alone it need not be said again
  std::string thread;
  struct Run {
    std::string step;
    std::size_t times;
  };
  std::vector<Run> steps;

  void restart(std::string new_phrase, std::string new_begin) {
    phrase = std::move(new_phrase);
    begin = std::move(new_begin);
    is_in_phrase = true;
    steps.clear();
  }
  void add(std::string step) {
    if (!steps.empty() && steps.back().step == step)
      ++steps.back().times;
    else
      steps.push_back({std::move(step), 1});
  }
  [[nodiscard]] std::string whole() const {
    constexpr std::size_t kMostSteps = 24;
    std::string tail;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps.size() > kMostSteps && i == kMostSteps / 2) {
        tail += " ... ";
        i = steps.size() - kMostSteps / 2;
      }
      const Run& run = steps[i];
      // Indices one after the other are mostly a table, names a list of nodes.
      const std::size_t most_times = run.step == "[*]" ? 2 : 1;
      if (detail == Detail::kShape && run.times > most_times)
        tail += "(" + run.step + ")*";
      else if (run.times > 3)
        tail += "(" + run.step + " x " + std::to_string(run.times) + ")";
      else
        for (std::size_t n = 0; n < run.times; ++n) tail += run.step;
    }
    if (phrase.empty()) return begin + tail;
    return tail.empty() && is_in_phrase ? phrase : phrase + ": " + begin + tail;
  }
};

PathNamer::PathNamer(const Graph& graph) : graph_(graph), columns_(graph.columns) {
  for (std::size_t i = 0; i < columns_.types.size(); ++i)
    if (columns_.types[i].address != 0)
      type_rows_.emplace(columns_.types[i].address, static_cast<std::uint32_t>(i));
}

std::vector<Step> PathNamer::path_to(ObjectId object) const {
  std::vector<Step> path;
  for (ObjectId at = object; at != kNone; at = graph_.path_parent[at]) {
    path.push_back({at, graph_.path_edge[at]});
    if (path.size() > columns_.objects()) throw FileError("the index beside the file is damaged");
  }
  std::reverse(path.begin(), path.end());
  return path;
}

std::string PathNamer::name_of(const std::vector<Step>& path, Detail detail) const {
  if (path.empty()) return {};
  Text text;
  text.detail = detail;
  add_root(text, path.front().object);
  for (std::size_t i = 1; i < path.size(); ++i) add_step(text, path[i - 1].object, path[i]);
  // On the way to something else it needs no mention.
  if (path.size() > 1 && leads_to_namespace(path.back().edge)) text.add(".__dict__");
  return text.whole();
}

bool PathNamer::is_named_module(ObjectId object) const {
  if (columns_.layout_of(object) != Layout::kModule) return false;
  const Label* const label = columns_.label_of(object);
  return label != nullptr && label->name != 0;
}

std::string PathNamer::own_name(ObjectId object) const {
  const Layout layout = columns_.layout_of(object);
  if (layout == Layout::kType) {
    const auto row = type_rows_.find(columns_.address[object]);
    if (row != type_rows_.end()) return columns_.type_name(row->second);
  }
  const Label* const label = columns_.label_of(object);
  if (label == nullptr) return {};
  if (layout == Layout::kFunction) {
    const std::string module(columns_.string(label->file));
    const std::string name = function_name(object);
    return module.empty() ? name : module + "." + name;
  }
  if (layout == Layout::kThread) return "thread " + std::to_string(label->number);
  if (is_frame(layout)) return frame_text(object, Detail::kExact);
  return std::string(columns_.string(label->name));
}

std::string PathNamer::function_name(ObjectId function) const {
  const Label* const label = columns_.label_of(function);
  if (label == nullptr) return "a function";
  return std::string(columns_.string(label->qualified != 0 ? label->qualified : label->name));
}

std::string PathNamer::frame_text(ObjectId frame, Detail detail) const {
  const Label* const label = columns_.label_of(frame);
  if (label == nullptr) return "a frame";
  std::string text = function_name(frame);
  if (text.empty()) text = "a frame";
  const std::string_view file = columns_.string(label->file);
  if (file.empty()) return text;
  const std::size_t slash = file.rfind('/');
  text += " (" + std::string(slash == std::string_view::npos ? file : file.substr(slash + 1));
  if (label->line != 0 && detail == Detail::kExact) text += ":" + std::to_string(label->line);
  return text + ")";
}

void PathNamer::add_root(Text& text, ObjectId root) const {
  const std::string own = own_name(root);
  const std::string type = columns_.type_name(columns_.type[root]);
  const Layout layout = columns_.layout_of(root);
  switch (graph_.root_of(root)) {
    case RootKind::kHeldByC:
      text.phrase = "held by C code";
      break;
    case RootKind::kGarbage:
      text.phrase = "garbage, not collected yet";
      break;
    default:
      if (layout == Layout::kThread) {
        text.thread = text.detail == Detail::kExact ? own : "a thread";
        text.begin = text.thread;
        return;
      }
      if (layout == Layout::kInterpreter) {
        text.begin = "<interpreter>";
        return;
      }
      text.begin = own.empty() ? type : own;
      return;
  }
  text.begin = own.empty() ? type : own;
  if (own.empty() && text.detail == Detail::kExact)
    text.begin += " at " + hex(columns_.address[root]);
  text.begin = "<" + text.begin + ">";
  text.is_in_phrase = false;
}

void PathNamer::add_step(Text& text, ObjectId source, Step step) const {
  if (begins_anew(text, source, step) || add_function_part(text, source, step)) return;
  if (leads_to_namespace(step.edge) || columns_.layout_of(source) == Layout::kCell) return;
  if (columns_.kind(step.edge) == EdgeKind::kValue)
    add_value(text, source, step);
  else
    text.add(step_name(source, step.edge, text.detail));
}

// What is known by a name of its own, however it was reached.
bool PathNamer::begins_anew(Text& text, ObjectId source, Step step) const {
  const EdgeKind kind = columns_.kind(step.edge);
  const bool is_exact = text.detail == Detail::kExact;
  if (is_named_module(step.object) || kind == EdgeKind::kType ||
      is_known_to_interpreter(source, step.edge)) {
    std::string own = own_name(step.object);
    if (own.empty()) return false;
    text.restart("", std::move(own));
    return true;
  }
  if (is_dict_of_interpreter(source, step.edge)) {
    text.restart("", std::string(columns_.string(columns_.edge_name[step.edge])));
    return true;
  }
  if (kind == EdgeKind::kFrame) {
    std::string phrase = "frame of " + frame_text(step.object, text.detail);
    if (is_exact) phrase += " in " + text.thread;
    text.restart(std::move(phrase), "<frame>");
    return true;
  }
  if (!is_frame(columns_.layout_of(source))) return false;
  const std::string frame =
      frame_text(source, text.detail) +
      (text.thread.empty() || !is_exact ? std::string() : " in " + text.thread);
  if (kind == EdgeKind::kLocal) {
    const std::string_view name = columns_.string(columns_.edge_name[step.edge]);
    const bool is_suspended = columns_.layout_of(source) == Layout::kGenerator;
    text.restart(
        "local " + quoted(name) + (is_suspended && is_exact ? " of suspended " : " of ") + frame,
        std::string(name));
    return true;
  }
  if (kind != EdgeKind::kStack) return false;
  text.restart("being computed in " + frame, "<value>");
  return true;
}

bool PathNamer::add_function_part(Text& text, ObjectId source, Step step) const {
  if (columns_.kind(step.edge) == EdgeKind::kCell) {
    const std::string name = variable_of(source, columns_.edge_name[step.edge]);
    text.restart("closure cell " + quoted(name) + " of " + function_name(source), name);
    return true;
  }
  // Of the tuple or dict of a function's defaults.
  const EdgeId before = graph_.path_edge[source];
  const ObjectId function = graph_.path_parent[source];
  if (function == kNone || columns_.layout_of(function) != Layout::kFunction) return false;
  std::string name;
  if (columns_.kind(step.edge) == EdgeKind::kItem && is_attribute_named(before, "__defaults__"))
    name = parameter_of(function, source, columns_.edge_name[step.edge]);
  else if (columns_.kind(step.edge) == EdgeKind::kValue &&
           is_attribute_named(before, "__kwdefaults__"))
    name = key_text(source, step.edge);
  else
    return false;
  if (name.empty()) name = std::to_string(columns_.edge_name[step.edge]);
  text.restart("default argument " + quoted(name) + " of " + function_name(function), name);
  return true;
}

void PathNamer::add_value(Text& text, ObjectId source, Step step) const {
  const std::string key = key_text(source, step.edge);
  if (is_namespace(source) && is_identifier(key))
    text.add("." + key);
  else
    text.add(step_name(source, step.edge, text.detail));
}

std::string PathNamer::step_name(ObjectId source, EdgeId edge, Detail detail) const {
  const std::uint32_t name = columns_.edge_name[edge];
  const bool is_exact = detail == Detail::kExact;
  switch (columns_.kind(edge)) {
    case EdgeKind::kItem:
      return is_exact ? "[" + std::to_string(name) + "]" : "[*]";
    case EdgeKind::kValue: {
      if (!is_exact) return "[*]";
      const std::string key = key_text(source, edge);
      if (!key.empty()) return "['" + key + "']";
      const bool is_known = name == 0 && edge > columns_.first_edge[source] &&
                            columns_.kind(edge - 1) == EdgeKind::kKey;
      if (!is_known) return "[?]";
      return "[<" + columns_.type_name(columns_.type[columns_.target[edge - 1]]) + ">]";
    }
    case EdgeKind::kAttribute:
    case EdgeKind::kLocal:
      return "." + std::string(columns_.string(name));
    case EdgeKind::kKey:
      return "{key}";
    case EdgeKind::kSetMember:
      return "{*}";
    case EdgeKind::kDict:
      return ".__dict__";
    case EdgeKind::kType:
      return ".__class__";
    case EdgeKind::kCell:
      return ".__closure__[" + (is_exact ? std::to_string(name) : "*") + "]";
    case EdgeKind::kStack:
      return ".<stack>";
    case EdgeKind::kWeak:
      return "()";
    case EdgeKind::kFrame:
      return ".<frame " + std::to_string(name) + ">";
    default:
      return ".<" + columns_.type_name(columns_.type[columns_.target[edge]]) + ">";
  }
}

std::string PathNamer::key_text(ObjectId dict, EdgeId edge) const {
  const std::uint32_t name = columns_.edge_name[edge];
  if (name == kNone) return {};
  if (name != 0) return std::string(columns_.string(name));
  if (edge <= columns_.first_edge[dict] || columns_.kind(edge - 1) != EdgeKind::kKey) return {};
  const TextRow* const text = columns_.text_of(columns_.target[edge - 1]);
  return text != nullptr ? std::string(columns_.string(text->string)) : std::string();
}

bool PathNamer::is_attribute_named(EdgeId edge, std::string_view name) const {
  return edge != kNone && columns_.kind(edge) == EdgeKind::kAttribute &&
         columns_.string(columns_.edge_name[edge]) == name;
}

bool PathNamer::is_known_to_interpreter(ObjectId source, EdgeId edge) const {
  if (columns_.kind(edge) != EdgeKind::kField || columns_.layout_of(source) != Layout::kInterpreter)
    return false;
  const Layout layout = columns_.layout_of(columns_.target[edge]);
  return layout == Layout::kFunction || layout == Layout::kType;
}

bool PathNamer::is_dict_of_interpreter(ObjectId source, EdgeId edge) const {
  return columns_.layout_of(source) == Layout::kInterpreter &&
         columns_.layout_of(columns_.target[edge]) == Layout::kDict &&
         (is_attribute_named(edge, "sys") || is_attribute_named(edge, "builtins"));
}

bool PathNamer::is_namespace(ObjectId dict) const {
  const EdgeId before = graph_.path_edge[dict];
  if (before == kNone) return false;
  return leads_to_namespace(before) || is_dict_of_interpreter(graph_.path_parent[dict], before);
}

bool PathNamer::leads_to_namespace(EdgeId edge) const {
  return columns_.kind(edge) == EdgeKind::kDict || is_attribute_named(edge, "__dict__");
}

ObjectId PathNamer::attribute_of(ObjectId object, std::string_view name) const {
  for (EdgeId edge = columns_.first_edge[object]; edge < columns_.first_edge[object + 1]; ++edge)
    if (is_attribute_named(edge, name)) return columns_.target[edge];
  return kNone;
}

std::string PathNamer::text_of_item(ObjectId tuple, std::uint32_t index) const {
  for (EdgeId edge = columns_.first_edge[tuple]; edge < columns_.first_edge[tuple + 1]; ++edge) {
    if (columns_.kind(edge) != EdgeKind::kItem || columns_.edge_name[edge] != index) continue;
    const TextRow* const text = columns_.text_of(columns_.target[edge]);
    return text != nullptr ? std::string(columns_.string(text->string)) : std::string();
  }
  return {};
}

// The variable of a function's n-th closure cell: by co_freevars, or (3.11) among the last of
// co_localsplusnames.
std::string PathNamer::variable_of(ObjectId function, std::uint32_t index) const {
  std::string name;
  const ObjectId code = attribute_of(function, "__code__");
  if (code != kNone) {
    const ObjectId free = attribute_of(code, "co_freevars");
    const ObjectId all = attribute_of(code, "co_localsplusnames");
    if (free != kNone) {
      name = text_of_item(free, index);
    } else if (all != kNone) {
      std::uint32_t cells = 0;
      for (EdgeId edge = columns_.first_edge[function]; edge < columns_.first_edge[function + 1];
           ++edge)
        cells += columns_.kind(edge) == EdgeKind::kCell ? 1 : 0;
      const std::uint32_t names = columns_.first_edge[all + 1] - columns_.first_edge[all];
      if (names >= cells) name = text_of_item(all, names - cells + index);
    }
  }
  return name.empty() ? std::to_string(index) : name;
}

std::string PathNamer::parameter_of(ObjectId function, ObjectId defaults,
                                    std::uint32_t index) const {
  const ObjectId code = attribute_of(function, "__code__");
  if (code == kNone) return {};
  const Label* const label = columns_.label_of(code);
  ObjectId names = attribute_of(code, "co_varnames");
  if (names == kNone) names = attribute_of(code, "co_localsplusnames");
  if (label == nullptr || names == kNone) return {};
  const std::uint32_t count = columns_.first_edge[defaults + 1] - columns_.first_edge[defaults];
  if (label->number < count) return {};
  return text_of_item(names, static_cast<std::uint32_t>(label->number) - count + index);
}

}  // namespace hoop::analysis
