// SPDX-License-Identifier: Apache-2.0
#include "bindings/survey.h"

#include <Python.h>
#include <nanobind/nanobind.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "analysis/columns.h"
#include "analysis/snapshot.h"
#include "analysis/survey.h"

namespace nb = nanobind;

namespace hoop::bindings {

using analysis::ObjectId;
using analysis::Snapshot;

namespace {

nb::bytes packed(const std::vector<ObjectId>& ids) {
  return nb::bytes(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(ObjectId));
}

template <class Group, class F>
nb::list rows_of(const std::vector<Group>& groups, F&& row_of) {
  nb::list rows;
  for (const Group& group : groups) rows.append(row_of(group));
  return rows;
}

}  // namespace

nb::list survey_dicts(const Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_dicts(snapshot, least_bytes), [](const auto& group) {
    return nb::make_tuple(group.type, group.keys, group.count, group.bytes, group.own_keys,
                          group.own_key_bytes, packed(group.ids));
  });
}

nb::list survey_instances(const Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_instances(snapshot, least_bytes), [&](const auto& group) {
    nb::list names;
    for (const auto& [name, count] : group.names) {
      const std::string_view text = snapshot.columns().string(name);
      names.append(nb::make_tuple(nb::str(text.data(), text.size()), count));
    }
    nb::dict row;
    row["type"] = group.type;
    row["count"] = group.count;
    row["bytes"] = group.bytes;
    row["dicts"] = group.dicts;
    row["unshared"] = group.unshared;
    row["unshared_bytes"] = group.unshared_bytes;
    row["dict_bytes"] = group.dict_bytes;
    row["referred_weakly"] = group.referred_weakly;
    row["attributes"] = group.attributes;
    row["most_attributes"] = group.most_attributes;
    row["kinds"] = group.kinds;
    row["has_unknown_names"] = group.has_unknown_names;
    row["names"] = names;
    row["ids"] = packed(group.ids);
    return row;
  });
}

nb::list survey_equals(Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_equals(snapshot, least_bytes), [](const auto& group) {
    return nb::make_tuple(static_cast<unsigned>(group.layout), group.all, group.distinct,
                          group.bytes, packed(group.ids));
  });
}

nb::list survey_wide(Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_wide(snapshot, least_bytes), [](const auto& group) {
    return nb::make_tuple(group.width, group.characters, group.wide, group.utf8, group.bytes,
                          packed(group.ids));
  });
}

nb::list survey_containers(Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_containers(snapshot, least_bytes), [](const auto& group) {
    return nb::make_tuple(group.shape, group.type, group.used, group.allocated, group.each,
                          group.is_attribute, packed(group.ids));
  });
}

nb::list survey_numbers(Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_numbers(snapshot, least_bytes), [](const auto& group) {
    nb::dict row;
    row["type"] = group.type;
    row["is_float"] = group.is_float;
    row["containers"] = group.containers;
    row["items"] = group.items;
    row["container_bytes"] = group.container_bytes;
    row["boxes"] = group.boxes;
    row["box_bytes"] = group.box_bytes;
    row["longest"] = group.longest;
    row["width"] = group.width;
    row["ids"] = packed(group.ids);
    return row;
  });
}

nb::list survey_callables(const Snapshot& snapshot, std::uint64_t least_bytes) {
  return rows_of(analysis::survey_callables(snapshot, least_bytes), [](const auto& group) {
    return nb::make_tuple(static_cast<unsigned>(group.layout), group.of, group.bytes, group.cells,
                          packed(group.ids));
  });
}

nb::tuple survey_column(const Snapshot& snapshot, const std::vector<ObjectId>& arrays) {
  const analysis::TextColumn found = analysis::survey_column(snapshot, arrays);
  return nb::make_tuple(found.items, found.texts, found.distinct, found.bytes, found.distinct_bytes,
                        found.characters, found.is_narrow, packed(found.ids));
}

nb::tuple claim(const Snapshot& snapshot, const std::vector<ObjectId>& ids,
                const nb::bytearray& claimed) {
  auto* const taken = static_cast<char*>(const_cast<void*>(claimed.data()));
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  for (const ObjectId id : ids) {
    if (id >= claimed.size() || taken[id] != 0) continue;
    taken[id] = 1;
    ++count;
    bytes += snapshot.columns().bytes_of(id);
  }
  return nb::make_tuple(count, bytes);
}

}  // namespace hoop::bindings
