// SPDX-License-Identifier: Apache-2.0
// hoopsnake._core: an opened snapshot for Python. It hands out numbers and plain tuples;
// python/hoopsnake/heap makes objects of them. Everything is done under the GIL.
#include <Python.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // IWYU pragma: keep

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/graph.h"
#include "analysis/heap_file.h"
#include "analysis/path_names.h"
#include "analysis/snapshot.h"
#include "analysis/survey.h"
#include "bindings/remote.h"
#include "bindings/survey.h"
#include "snapshot/format.h"

namespace nb = nanobind;

namespace hoop::bindings {

using analysis::Columns;
using analysis::Detail;
using analysis::EdgeId;
using analysis::Graph;
using analysis::GroupTotal;
using analysis::kNone;
using analysis::ObjectId;
using analysis::Snapshot;
using analysis::Step;

namespace {

// Whatever bytes a file has, there is a str for them.
nb::object text(std::string_view bytes) {
  return nb::steal(PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()),
                                        "backslashreplace"));
}

nb::object optional_id(ObjectId object) {
  return object == kNone ? nb::none() : nb::object(nb::int_(object));
}

template <class T>
nb::bytes bytes_of(const T* data, std::size_t count) {
  return nb::bytes(reinterpret_cast<const char*>(data), count * sizeof(T));
}

std::vector<ObjectId> ids_from(const Columns& columns, const nb::bytes& packed) {
  std::vector<ObjectId> ids(packed.size() / sizeof(ObjectId));
  std::memcpy(ids.data(), packed.c_str(), ids.size() * sizeof(ObjectId));
  for (const ObjectId id : ids)
    if (id >= columns.objects()) throw nb::index_error("no such object");
  return ids;
}

nb::tuple total_tuple(const nb::object& name, const GroupTotal& total) {
  return nb::make_tuple(name, total.count, total.bytes, total.retained);
}

analysis::Progress progress_to(const nb::object& callback) {
  return [callback](const char* what, double share) {
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!callback.is_none()) callback(what, share);
  };
}

class Core {
 public:
  Core(const std::string& path, const std::string& index, const nb::object& progress)
      : snapshot_(path, use_of(index), progress_to(progress)) {}

  [[nodiscard]] const Columns& columns() const { return snapshot_.columns(); }
  [[nodiscard]] const Graph& graph() const { return snapshot_.graph(); }
  Snapshot& snapshot() { return snapshot_; }

  [[nodiscard]] std::size_t object_count() const { return columns().objects(); }
  [[nodiscard]] std::size_t edge_count() const { return columns().edges(); }
  [[nodiscard]] std::uint64_t dropped_edges() const { return columns().dropped_edges; }
  [[nodiscard]] bool has_index() const { return snapshot_.has_index(); }

  [[nodiscard]] nb::tuple header() const {
    const snapshot::FileHeader& header = snapshot_.file().header();
    return nb::make_tuple(header.pid, header.python_version, header.taken, header.flags,
                          snapshot_.file().state().bytes);
  }
  [[nodiscard]] nb::list meta() const {
    nb::list rows;
    for (std::size_t i = 0; i < columns().meta.size(); i += 2)
      rows.append(nb::make_tuple(text(columns().string(columns().meta[i])),
                                 text(columns().string(columns().meta[i + 1]))));
    return rows;
  }
  [[nodiscard]] nb::list memory() const {
    nb::list rows;
    for (std::size_t i = 0; i < columns().memory.size(); i += 2) {
      const auto name = static_cast<std::uint32_t>(columns().memory[i]);
      rows.append(nb::make_tuple(text(columns().string(name)), columns().memory[i + 1]));
    }
    return rows;
  }
  [[nodiscard]] nb::list types() const {
    nb::list rows;
    for (const analysis::TypeRow& row : columns().types)
      rows.append(nb::make_tuple(text(columns().string(row.name)),
                                 text(columns().string(row.module)), row.flags,
                                 static_cast<unsigned>(row.layout), row.basic_size, row.item_size,
                                 optional_id(row.base), row.address << snapshot::kAddressShift));
    return rows;
  }

  nb::list by_type() {
    nb::list rows;
    const std::vector<GroupTotal>& totals = snapshot_.by_type();
    for (std::size_t i = 0; i < totals.size(); ++i)
      rows.append(total_tuple(nb::int_(i), totals[i]));
    return rows;
  }
  nb::list by_module() { return groups(snapshot_.by_module()); }
  nb::list by_root() { return groups(snapshot_.by_root()); }
  [[nodiscard]] nb::list by_root_kind() const {
    nb::list rows;
    const auto totals = snapshot_.by_root_kind();
    for (std::size_t i = 0; i < totals.size(); ++i)
      rows.append(total_tuple(nb::int_(i), totals[i]));
    return rows;
  }

  [[nodiscard]] nb::tuple object(ObjectId id) const {
    check(id);
    return nb::make_tuple(columns().address[id] << snapshot::kAddressShift, columns().type[id],
                          columns().bytes_of(id), columns().buffer_bytes_of(id),
                          columns().count[id], columns().flags[id], graph().retained[id],
                          optional_id(graph().dominator[id]), graph().root[id]);
  }
  [[nodiscard]] std::uint32_t held_by_c(ObjectId id) const {
    check(id);
    return graph().held_by_c(id);
  }
  nb::list referents(ObjectId id) {
    check(id);
    nb::list rows;
    for (EdgeId edge = columns().first_edge[id]; edge < columns().first_edge[id + 1]; ++edge)
      rows.append(edge_tuple(id, edge, columns().target[edge]));
    return rows;
  }
  // At most so many.
  nb::list referrers(ObjectId id, std::size_t most) {
    check(id);
    nb::list rows;
    const analysis::Referrers& all = graph().referrers;
    ObjectId last = kNone;
    for (std::uint32_t i = all.first[id]; i < all.first[id + 1] && rows.size() < most; ++i) {
      const ObjectId source = all.source[i];
      if (source == last) continue;
      last = source;
      for (EdgeId edge = columns().first_edge[source]; edge < columns().first_edge[source + 1];
           ++edge)
        if (columns().target[edge] == id && !columns().is_weak(edge))
          rows.append(edge_tuple(source, edge, source));
    }
    return rows;
  }
  nb::list weak_referrers(ObjectId id) {
    check(id);
    nb::list rows;
    for (std::size_t i = 0; i < columns().objects(); ++i)
      for (EdgeId edge = columns().first_edge[i]; edge < columns().first_edge[i + 1]; ++edge)
        if (columns().target[edge] == id && columns().is_weak(edge))
          rows.append(edge_tuple(static_cast<ObjectId>(i), edge, static_cast<ObjectId>(i)));
    return rows;
  }
  [[nodiscard]] std::uint32_t referrer_count(ObjectId id) const {
    check(id);
    return graph().referrers.first[id + 1] - graph().referrers.first[id];
  }

  nb::object path(ObjectId id, bool shape) {
    check(id);
    return text(snapshot_.names().name_of(id, shape ? Detail::kShape : Detail::kExact));
  }
  // The objects on it, from the root.
  nb::list path_objects(ObjectId id) {
    check(id);
    nb::list ids;
    for (const Step step : snapshot_.names().path_to(id)) ids.append(step.object);
    return ids;
  }
  // One path through each of the objects that refer to this one: (text, referrer).
  nb::list paths(ObjectId id, std::size_t most);
  nb::object own_name(ObjectId id) {
    check(id);
    return text(snapshot_.names().own_name(id));
  }
  [[nodiscard]] nb::object text_row(ObjectId id) const {
    check(id);
    const analysis::TextRow* const row = columns().text_of(id);
    if (row == nullptr) return nb::none();
    return nb::make_tuple(row->length, row->width,
                          row->string != 0 ? text(columns().string(row->string)) : nb::none(),
                          row->hash);
  }
  [[nodiscard]] nb::object capacity(ObjectId id) const {
    check(id);
    const analysis::CapacityRow* const row = columns().capacity_of(id);
    if (row == nullptr) return nb::none();
    return nb::make_tuple(row->used, row->allocated);
  }
  [[nodiscard]] nb::object label(ObjectId id) const {
    check(id);
    const analysis::Label* const label = columns().label_of(id);
    if (label == nullptr) return nb::none();
    return nb::make_tuple(text(columns().string(label->name)),
                          text(columns().string(label->qualified)),
                          text(columns().string(label->file)), label->line, label->number);
  }
  [[nodiscard]] nb::object find(std::uint64_t address) const {
    if (address % 8 != 0) return nb::none();
    return optional_id(columns().find(address >> snapshot::kAddressShift));
  }

  [[nodiscard]] nb::bytes objects_of_type(std::uint32_t row) const {
    const std::vector<ObjectId> ids = snapshot_.objects_of_type(row);
    return bytes_of(ids.data(), ids.size());
  }
  nb::tuple holders(const nb::bytes& ids) {
    nb::list rows;
    const analysis::Holders found = snapshot_.holders(ids_from(columns(), ids));
    for (const analysis::Holder& holder : found.groups)
      rows.append(nb::make_tuple(text(holder.shape), holder.total.count, holder.total.bytes,
                                 holder.total.retained, holder.example));
    return nb::make_tuple(rows, found.retained);
  }
  nb::list shapes(std::uint64_t least_retained, std::uint64_t least_count) {
    nb::list rows;
    for (const analysis::ShapeRow& row : snapshot_.shapes(least_retained, least_count))
      rows.append(nb::make_tuple(row.shape, row.above, row.holders, row.total.count,
                                 row.total.bytes, row.total.retained, row.type, row.example));
    return rows;
  }
  // (object, address, entries) of the fullest containers.
  [[nodiscard]] nb::list fullest(std::uint64_t least, std::size_t most) const {
    nb::list rows;
    for (const ObjectId id : snapshot_.fullest(least, most))
      rows.append(nb::make_tuple(id, columns().address[id] << snapshot::kAddressShift,
                                 columns().capacity_of(id)->used));
    return rows;
  }
  // Of the types that have any: (row, objects, references, retained, the object with most).
  [[nodiscard]] nb::list held_by_c_totals() const {
    nb::list rows;
    const std::vector<analysis::HeldByC> totals = analysis::total_held_by_c(graph());
    for (std::size_t row = 0; row < totals.size(); ++row)
      if (const analysis::HeldByC& total = totals[row]; total.objects != 0)
        rows.append(
            nb::make_tuple(row, total.objects, total.references, total.retained, total.example));
    return rows;
  }
  // The path's steps from the root: (object, kind of the edge to it or None, text of the step).
  nb::list path_steps(ObjectId id) {
    check(id);
    nb::list rows;
    ObjectId before = kNone;
    for (const Step step : snapshot_.names().path_to(id)) {
      if (step.edge == kNone || before == kNone)
        rows.append(nb::make_tuple(step.object, nb::none(), ""));
      else
        rows.append(
            nb::make_tuple(step.object, static_cast<unsigned>(columns().kind(step.edge)),
                           text(snapshot_.names().step_name(before, step.edge, Detail::kExact))));
      before = step.object;
    }
    return rows;
  }
  nb::list children(const nb::object& id, std::size_t most) {
    nb::list ids;
    for (const ObjectId child : snapshot_.children(from_optional(id), most)) ids.append(child);
    return ids;
  }
  std::size_t child_count(const nb::object& id) { return snapshot_.child_count(from_optional(id)); }
  nb::list cycles(bool all);
  nb::bytes column(const std::string& name);
  nb::object survey(const std::string& what, std::uint64_t least_bytes);
  [[nodiscard]] nb::tuple survey_column(const nb::bytes& arrays) const {
    return bindings::survey_column(snapshot_, ids_from(columns(), arrays));
  }
  [[nodiscard]] nb::tuple claim(const nb::bytes& ids, const nb::bytearray& claimed) const {
    return bindings::claim(snapshot_, ids_from(columns(), ids), claimed);
  }
  [[nodiscard]] std::uint64_t taken(const nb::bytes& ids, bool by_hoop) const {
    const auto allocator =
        by_hoop ? analysis::AllocatedBy::kHoop : analysis::AllocatedBy::kPymalloc;
    return analysis::taken_bytes(columns(), ids_from(columns(), ids), allocator);
  }
  // (bytes, detail) of section CONTENT.
  [[nodiscard]] nb::object content(ObjectId id) const {
    check(id);
    const analysis::ContentRow* const row = columns().content_of(id);
    if (row == nullptr) return nb::none();
    return nb::make_tuple(row->bytes, row->detail);
  }

  [[nodiscard]] nb::bytes appeared_since(const Core& first, const Core& middle) const {
    const std::vector<ObjectId> ids =
        analysis::appeared(first.columns(), middle.columns(), columns());
    return bytes_of(ids.data(), ids.size());
  }
  std::uint64_t write_devtools(const std::string& path) {
    return analysis::write_devtools(snapshot_, path);
  }
  [[nodiscard]] nb::list strings() const {
    nb::list all;
    for (std::uint32_t i = 0; i < columns().string_end.size(); ++i)
      all.append(text(columns().string(i)));
    return all;
  }

 private:
  static analysis::IndexUse use_of(const std::string& index) {
    if (index == "never") return analysis::IndexUse::kNever;
    if (index == "always") return analysis::IndexUse::kAlways;
    if (index == "auto") return analysis::IndexUse::kAuto;
    throw nb::value_error("index: 'auto', 'never' or 'always'");
  }
  void check(ObjectId id) const {
    if (id >= columns().objects()) throw nb::index_error("no such object");
  }
  [[nodiscard]] ObjectId from_optional(const nb::object& id) const {
    if (id.is_none()) return kNone;
    const auto number = nb::cast<ObjectId>(id);
    check(number);
    return number;
  }
  static nb::list groups(const std::vector<analysis::Group>& all) {
    nb::list rows;
    for (const analysis::Group& group : all)
      rows.append(total_tuple(text(group.name), group.total));
    return rows;
  }
  nb::tuple edge_tuple(ObjectId source, EdgeId edge, ObjectId other) {
    const bool counted = (columns().edge_kind[edge] & snapshot::kNotCounted) == 0;
    return nb::make_tuple(static_cast<unsigned>(columns().kind(edge)), counted,
                          text(snapshot_.names().step_name(source, edge, Detail::kExact)), other);
  }

  Snapshot snapshot_;
};

nb::list Core::paths(ObjectId id, std::size_t most) {
  check(id);
  nb::list rows;
  const analysis::Referrers& all = graph().referrers;
  ObjectId last = kNone;
  for (std::uint32_t i = all.first[id]; i < all.first[id + 1] && rows.size() < most; ++i) {
    const ObjectId source = all.source[i];
    if (source == last) continue;
    last = source;
    std::vector<Step> path = snapshot_.names().path_to(source);
    bool is_own = false;
    for (const Step step : path) is_own |= step.object == id;
    if (is_own) continue;
    for (EdgeId edge = columns().first_edge[source]; edge < columns().first_edge[source + 1];
         ++edge) {
      if (columns().target[edge] != id || columns().is_weak(edge)) continue;
      path.push_back({id, edge});
      rows.append(nb::make_tuple(text(snapshot_.names().name_of(path, Detail::kExact)), source));
      break;
    }
  }
  return rows;
}

nb::list Core::cycles(bool all) {
  nb::list rows;
  const auto what = all ? analysis::CyclesOf::kAll : analysis::CyclesOf::kSmall;
  for (const analysis::CycleGroup& group : snapshot_.cycles(what)) {
    nb::list types;
    for (const auto& [row, count] : group.types) types.append(nb::make_tuple(row, count));
    nb::list example;
    for (const ObjectId object : group.example) example.append(object);
    rows.append(nb::make_tuple(text(group.cycle), text(group.closing), types, group.components,
                               group.largest, group.objects, group.bytes, group.retained,
                               group.held, example));
  }
  return rows;
}

// Groups of objects that one change would make smaller, in the tuples of bindings/survey.h.
nb::object Core::survey(const std::string& what, std::uint64_t least_bytes) {
  if (what == "dicts") return bindings::survey_dicts(snapshot_, least_bytes);
  if (what == "instances") return bindings::survey_instances(snapshot_, least_bytes);
  if (what == "equals") return bindings::survey_equals(snapshot_, least_bytes);
  if (what == "wide") return bindings::survey_wide(snapshot_, least_bytes);
  if (what == "containers") return bindings::survey_containers(snapshot_, least_bytes);
  if (what == "numbers") return bindings::survey_numbers(snapshot_, least_bytes);
  if (what == "callables") return bindings::survey_callables(snapshot_, least_bytes);
  throw nb::value_error("no such survey");
}

// Whole columns, for Arrow: little-endian numbers.
// NOLINTNEXTLINE(readability-function-cognitive-complexity): a line for each column
nb::bytes Core::column(const std::string& name) {
  const Columns& all = columns();
  const std::size_t count = all.objects();
  const auto numbers = [&](std::size_t size, auto&& value) {
    std::vector<std::uint64_t> column(size);
    for (std::size_t i = 0; i < size; ++i) column[i] = value(i);
    return bytes_of(column.data(), size);
  };
  if (name == "address")
    return numbers(count, [&](std::size_t i) { return all.address[i] << snapshot::kAddressShift; });
  if (name == "size")
    return numbers(count, [&](std::size_t i) { return all.bytes_of(static_cast<ObjectId>(i)); });
  if (name == "retained") return bytes_of(graph().retained.data(), count);
  if (name == "type") return bytes_of(all.type.data(), count);
  if (name == "count") return bytes_of(all.count.data(), count);
  if (name == "flags") return bytes_of(all.flags.data(), count);
  if (name == "root") return bytes_of(graph().root.data(), count);
  if (name == "dominator") return bytes_of(graph().dominator.data(), count);
  if (name == "edge_target") return bytes_of(all.target.data(), all.edges());
  if (name == "edge_kind") return bytes_of(all.edge_kind.data(), all.edges());
  if (name == "edge_name") return bytes_of(all.edge_name.data(), all.edges());
  std::vector<std::uint32_t> column;
  if (name == "edge_source") {
    column.resize(all.edges());
    for (std::size_t i = 0; i < count; ++i)
      for (EdgeId edge = all.first_edge[i]; edge < all.first_edge[i + 1]; ++edge)
        column[edge] = static_cast<ObjectId>(i);
  } else if (name == "text" || name == "length") {
    column.assign(count, name == "text" ? 0 : kNone);
    for (std::size_t i = 0; i < count; ++i) {
      const auto object = static_cast<ObjectId>(i);
      if (const analysis::TextRow* const row = all.text_of(object))
        column[i] = name == "text" ? row->string : row->length;
      else if (const analysis::CapacityRow* const used = all.capacity_of(object))
        column[i] = name == "text" ? 0 : used->used;
    }
  } else {
    throw nb::value_error("no such column");
  }
  return bytes_of(column.data(), column.size());
}

}  // namespace

// NOLINTNEXTLINE: nanobind's macro
NB_MODULE(_core, module) {
  nb::set_leak_warnings(false);
  // For as long as the process lives.
  static nb::handle error_class =
      nb::object(nb::module_::import_("hoopsnake._errors").attr("HoopError")).release();
  nb::register_exception_translator([](const std::exception_ptr& thrown, void* /*unused*/) {
    try {
      std::rethrow_exception(thrown);
    } catch (const analysis::FileError& error) {
      PyErr_SetObject(error_class.ptr(), text(error.what()).ptr());
    }
  });
  nb::class_<Core>(module, "Snapshot")
      .def(nb::init<const std::string&, const std::string&, const nb::object&>(), nb::arg("path"),
           nb::arg("index") = "auto", nb::arg("progress").none() = nb::none())
      .def_prop_ro("object_count", &Core::object_count)
      .def_prop_ro("edge_count", &Core::edge_count)
      .def_prop_ro("dropped_edges", &Core::dropped_edges)
      .def_prop_ro("has_index", &Core::has_index)
      .def("header", &Core::header)
      .def("meta", &Core::meta)
      .def("memory", &Core::memory)
      .def("types", &Core::types)
      .def("strings", &Core::strings)
      .def("by_type", &Core::by_type)
      .def("by_module", &Core::by_module)
      .def("by_root", &Core::by_root)
      .def("by_root_kind", &Core::by_root_kind)
      .def("object", &Core::object)
      .def("held_by_c", &Core::held_by_c)
      .def("referents", &Core::referents)
      .def("referrers", &Core::referrers, nb::arg("number"), nb::arg("most"))
      .def("weak_referrers", &Core::weak_referrers)
      .def("referrer_count", &Core::referrer_count)
      .def("path", &Core::path, nb::arg("number"), nb::arg("shape") = false)
      .def("path_objects", &Core::path_objects)
      .def("paths", &Core::paths, nb::arg("number"), nb::arg("most"))
      .def("own_name", &Core::own_name)
      .def("text", &Core::text_row)
      .def("capacity", &Core::capacity)
      .def("label", &Core::label)
      .def("find", &Core::find)
      .def("objects_of_type", &Core::objects_of_type)
      .def("holders", &Core::holders)
      .def("fullest", &Core::fullest, nb::arg("least"), nb::arg("most"))
      .def("shapes", &Core::shapes, nb::arg("least_retained"), nb::arg("least_count"))
      .def("held_by_c_totals", &Core::held_by_c_totals)
      .def("path_steps", &Core::path_steps)
      .def("children", &Core::children, nb::arg("number").none(), nb::arg("most"))
      .def("child_count", &Core::child_count, nb::arg("number").none())
      .def("cycles", &Core::cycles, nb::arg("everything") = false)
      .def("column", &Core::column)
      .def("content", &Core::content)
      .def("survey", &Core::survey, nb::arg("what"), nb::arg("least_bytes"))
      .def("survey_column", &Core::survey_column)
      .def("claim", &Core::claim)
      .def("taken", &Core::taken)
      .def("appeared_since", &Core::appeared_since)
      .def("write_devtools", &Core::write_devtools);
  module.def("compress", &analysis::compress);
  module.def("can_compress", &analysis::can_compress);
#if HOOP_HAVE_REMOTE
  bindings::add_remote(module);
#endif
}

}  // namespace hoop::bindings
