// SPDX-License-Identifier: Apache-2.0
// What could be smaller: objects of a heap in groups that one change of the program would change.
// Here they are counted; what a change would save, python/hoopsnake/advise knows.
//
// Each group lists its objects in `ids`, so that nothing is saved twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "analysis/columns.h"
#include "analysis/snapshot.h"

namespace hoop::analysis {

// Dicts that are namespaces: of instances, classes, modules, and what functions have.
std::vector<bool> namespaces(const Columns& columns);

// Dicts with the same keys, all of them strings, which are nobody's __dict__.
struct DictGroup {
  std::uint32_t type;
  std::uint32_t keys;
  std::uint64_t count;
  std::uint64_t bytes;
  std::uint64_t own_keys, own_key_bytes;  // strings that nothing else refers to
  std::vector<ObjectId> ids;              // dicts, and those strings
};
std::vector<DictGroup> survey_dicts(const Snapshot& snapshot, std::uint64_t least_bytes);

// Instances of a class, and their __dict__s.
struct InstanceGroup {
  std::uint32_t type;
  std::uint64_t count;
  std::uint64_t bytes;     // without dicts
  std::uint64_t dicts;     // instances with a dict of their own
  std::uint64_t unshared;  // dicts with keys of their own
  std::uint64_t unshared_bytes;
  std::uint64_t dict_bytes;
  std::uint64_t referred_weakly;
  std::uint64_t attributes;       // of all instances together
  std::uint64_t most_attributes;  // of one
  std::uint64_t kinds;            // different sets of names in one order
  bool has_unknown_names;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> names;  // string, instances that have it
  std::vector<ObjectId> ids;
};
std::vector<InstanceGroup> survey_instances(const Snapshot& snapshot, std::uint64_t least_bytes);

// Objects that paths of one shape lead to and that are equal to others: str, bytes, tuples.
struct EqualGroup {
  snapshot::Layout layout;
  std::uint64_t all;       // with those that are kept
  std::uint64_t distinct;  // of all
  std::uint64_t bytes;     // of those that one of them could stand for: `ids`
  std::vector<ObjectId> ids;
};
std::vector<EqualGroup> survey_equals(Snapshot& snapshot, std::uint64_t least_bytes);

// Strings of 2 or 4 bytes a character, by shape.
struct WideGroup {
  std::uint32_t width;
  std::uint64_t characters, wide, utf8, bytes;
  std::vector<ObjectId> ids;
};
std::vector<WideGroup> survey_wide(Snapshot& snapshot, std::uint64_t least_bytes);

// Containers at one shape that have so many slots used and allocated.
struct ContainerGroup {
  std::uint32_t shape;
  std::uint32_t type;
  std::uint32_t used, allocated;
  std::uint64_t each;  // bytes of one
  bool is_attribute;   // an instance has it by a name
  std::vector<ObjectId> ids;
};
std::vector<ContainerGroup> survey_containers(Snapshot& snapshot, std::uint64_t least_bytes);

// Sequences at one shape that hold int alone, or float alone.
struct NumberGroup {
  std::uint32_t type;
  bool is_float;
  std::uint64_t containers, items;
  std::uint64_t container_bytes;
  std::uint64_t boxes, box_bytes;  // numbers that nothing else refers to
  std::uint64_t longest;           // bytes of the largest number
  std::uint64_t width;             // items of each, where all have as many; or 0
  std::vector<ObjectId> ids;
};
std::vector<NumberGroup> survey_numbers(Snapshot& snapshot, std::uint64_t least_bytes);

// Functions made again and again from one code object; bound methods of one function.
struct CallableGroup {
  snapshot::Layout layout;
  ObjectId of;  // the code, or the function
  std::uint64_t bytes;
  std::uint64_t cells;  // of closures
  std::vector<ObjectId> ids;
};
std::vector<CallableGroup> survey_callables(const Snapshot& snapshot, std::uint64_t least_bytes);

// What a column of objects refers to.
struct TextColumn {
  std::uint64_t items, texts;  // of them str
  std::uint64_t distinct;      // texts
  std::uint64_t bytes;         // of text objects that nothing else refers to
  std::uint64_t distinct_bytes;
  std::uint64_t characters;
  bool is_narrow;  // no character of any needs more than one byte
  std::vector<ObjectId> ids;
};
TextColumn survey_column(const Snapshot& snapshot, const std::vector<ObjectId>& arrays);

// What an allocator takes for objects: their blocks, as it rounds them.
enum class AllocatedBy { kHoop, kPymalloc };
std::uint64_t taken_bytes(const Columns& columns, const std::vector<ObjectId>& ids,
                          AllocatedBy allocator);

}  // namespace hoop::analysis
