// SPDX-License-Identifier: Apache-2.0
// Questions to a heap: who is there, who refers to whom, what would go.
#include <cxxabi.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "counted/header.h"
#include "counted/object_graph.h"
#include "counted/picture.h"
#include "counted/state.h"
#include "hoop/detail/made.h"
#include "hoop/heap.h"
#include "hoop/object.h"
#include "hoop/ref.h"

namespace hoop {

using counted::Access;
using counted::has;
using counted::is_alive;
using counted::Picture;
using counted::state_of;

namespace {

ref<Object> share(const Object* object) { return ref<Object>(const_cast<Object*>(object)); }

std::vector<const Object*> all_objects(const Heap& heap) {
  std::vector<const Object*> objects;
  for_each_object(state_of(heap), [&](const Object* object, std::size_t /*bytes*/) {
    if (is_alive(object)) objects.push_back(object);
  });
  return objects;
}

std::string quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? "\\n" : std::string(1, c);
  }
  return quoted + '"';
}

std::string with_unit(std::size_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

const char* colour_of(bool is_garbage, bool is_on_cycle) {
  if (is_garbage) return "#e67e80";
  return is_on_cycle ? "#dbbc7f" : "#a7c080";
}

}  // namespace

bool Heap::is_tracked(const Object& object) noexcept { return !has(&object, detail::kLeaf); }

std::vector<ref<Object>> Heap::objects(int generation) const {
  std::vector<ref<Object>> found;
  for (const Object* const object : all_objects(*this)) {
    const auto age = static_cast<int>(counted::generation_of(object));
    if (is_tracked(*object) && (generation < 0 || age == generation))
      found.push_back(share(object));
  }
  return found;
}

std::vector<ref<Object>> Heap::referrers(const Object& object) const {
  std::vector<ref<Object>> found;
  for (const Object* const other : all_objects(*this)) {
    bool refers = false;
    counted::for_each_reference(other, [&](const Object* target) { refers |= target == &object; });
    if (refers) found.push_back(share(other));
  }
  return found;
}

std::vector<ref<Object>> Heap::referents(const Object& object) {
  std::vector<ref<Object>> found;
  counted::for_each_reference(&object,
                              [&](const Object* target) { found.push_back(share(target)); });
  return found;
}

HeapReport Heap::report() const {
  const Picture picture(state_of(*this));
  const std::vector<Picture::Index> cycles = picture.cycles();
  const std::vector<bool> garbage = picture.garbage();
  HeapReport report;
  std::unordered_map<const detail::Type*, TypeReport> types;
  std::set<Picture::Index> groups;
  for (Picture::Index i = 0; i < picture.size(); ++i) {
    TypeReport& type = types[&Access::type(picture.object(i))];
    if (type.objects == 0) type.name = counted::type_name(picture.object(i));
    ++type.objects;
    type.bytes += picture.bytes(i);
    report.bytes += picture.bytes(i);
    report.garbage_objects += garbage[i] ? 1 : 0;
    if (cycles[i] == Picture::kOnNoCycle) continue;
    groups.insert(cycles[i]);
    ++report.objects_in_cycles;
  }
  report.objects = picture.size();
  report.cyclic_groups = groups.size();
  report.held_bytes = state_of(*this).blocks.held_bytes();
  for (auto& [type, line] : types) report.types.push_back(std::move(line));
  std::sort(report.types.begin(), report.types.end(), [](const auto& a, const auto& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.name < b.name;
  });
  return report;
}

std::string HeapReport::text() const {
  std::string text;
  char line[256];
  std::snprintf(line, sizeof line, "%zu objects, %s, in a heap of %s\n", objects,
                with_unit(bytes).c_str(), with_unit(held_bytes).c_str());
  text += line;
  std::snprintf(line, sizeof line, "%zu of them in %zu cyclic groups; %zu garbage\n",
                objects_in_cycles, cyclic_groups, garbage_objects);
  text += line;
  for (const TypeReport& type : types) {
    std::snprintf(line, sizeof line, "%12zu  %12s  ", type.objects, with_unit(type.bytes).c_str());
    text += line + type.name + '\n';
  }
  return text;
}

void Heap::graph(std::ostream& out, std::size_t most_objects) const {
  const Picture picture(state_of(*this));
  const std::vector<Picture::Index> cycles = picture.cycles();
  const std::vector<bool> garbage = picture.garbage();
  const std::size_t shown = std::min(picture.size(), most_objects);
  out << "digraph heap {\n  rankdir=LR\n  node [shape=box style=filled fontname=\"sans-serif\"]\n"
         "  // green: plain; yellow: on a cycle; red: garbage\n";
  for (Picture::Index i = 0; i < shown; ++i) {
    const Object* const object = picture.object(i);
    const long count = Access::count(object);
    const std::string label = counted::type_name(object) + "\n" +
                              (count < 0 ? "immortal" : "count " + std::to_string(count)) + ", " +
                              with_unit(picture.bytes(i));
    out << "  n" << i << " [label=" << quoted(label) << " fillcolor=\""
        << colour_of(garbage[i], cycles[i] != Picture::kOnNoCycle) << "\"]\n";
    for (const Picture::Index target : picture.references(i)) {
      if (target < shown) out << "  n" << i << " -> n" << target << "\n";
    }
  }
  if (shown < picture.size()) {
    out << "  more [shape=plaintext style=\"\" label=\"and " << picture.size() - shown
        << " objects more\"]\n";
  }
  out << "}\n";
}

}  // namespace hoop

namespace hoop::counted {

std::string type_name(const Object* object) {
  const char* const mangled = Access::type(object).name.name();
  int status = 0;
  char* const readable = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = status == 0 ? readable : mangled;
  std::free(readable);  // NOLINT: __cxa_demangle's contract
  return name;
}

}  // namespace hoop::counted
