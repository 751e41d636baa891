// SPDX-License-Identifier: Apache-2.0
// What the writer knows of each type: how its objects are read, and section TYPES.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/units.h"
#include "snapshot/format.h"
#include "snapshot/python_layout.h"
#include "snapshot/sections.h"
#include "snapshot/strings.h"
#include "snapshot/table.h"

namespace hoop::snapshot {

// Where an object's references are.
enum class Walk : std::uint8_t {
  kParts,  // parts() alone
  kTuple,  // these: content by their layout, then parts
  kStructSequence,
  kList,
  kDict,
  kOrderedDict,
  kSet,
  kDeque,
  kContextNode,
  kNumpyArray,
  kTraverse,  // tp_traverse tells; parts give the names
};

enum class SizeRule : std::uint8_t {
  kPlain,  // basic size + items
  kInt,
  kStr,
  kList,
  kDict,
  kOrderedDict,
  kSet,
  kType,
  kCode,
  kByteArray,
  kDeque,
  kArray,
  kFrame,
  kGenerator,
  kBuffered,
  kElement,
  kStruct,
  kCtypesDict,
  kCtypesClass,
  kNumpyArray,
};

// Memory that sys.getsizeof() leaves out.
enum class BufferRule : std::uint8_t { kNone, kMapping };

// What tells, right behind the object's head, whether a file, socket, mapping or database is open.
enum class OpenRule : std::uint8_t { kNone, kDescriptor, kPointer };

// A pointer to an object at a fixed place.
struct Part {
  std::uint32_t offset;
  EdgeKind kind;
  StringNumber name;
};

struct KnownType;  // known_types.h

struct TypeInfo {
  Address type;
  std::uint32_t row;  // of section TYPES
  Layout layout;
  Walk walk;
  SizeRule size;
  BufferRule buffer;
  OpenRule open;
  bool is_valid;
  bool is_heap_type;
  bool is_leaf;  // refers to nothing
  bool has_managed_dict;
  bool is_collected;
  bool has_own_dict;          // at dict_offset, and not among the parts
  std::uint8_t header_bytes;  // before the object, as sys.getsizeof() counts
  std::int32_t dict_offset;   // tp_dictoffset
  std::int64_t basic_size;
  std::int64_t item_size;
  Address traverse;
  Address is_gc;
  std::uint32_t first_part, part_count;            // in parts()
  std::uint32_t first_attribute, attribute_count;  // in attribute_names(): of the shared keys
};

class Types {
 public:
  // `subtype_traverse`: tp_traverse of classes made in Python; 0 when not known.
  Types(Sections& sections, Strings& strings, const PythonLayout& layout, Address subtype_traverse)
      : sections_(sections),
        strings_(strings),
        layout_(layout),
        subtype_traverse_(subtype_traverse) {}

  // Of a type object. `is_valid` is false where that is none, or there is no memory. The reference
  // is good until the next call.
  const TypeInfo& of(Address type) {
    const TypeInfo*& recent = recent_[type >> 4 & (kRecent - 1)];
    if (recent == nullptr || recent->type != type) recent = find(type);
    return *recent;
  }
  std::uint32_t add_pseudo(std::string_view name, Layout layout);

  [[nodiscard]] const Part& part(std::uint32_t i) const { return parts_[i]; }
  [[nodiscard]] bool has_part_at(const TypeInfo& info, std::uint32_t offset) const;
  [[nodiscard]] StringNumber attribute_name(std::uint32_t i) const { return attributes_[i]; }
  // Types seen since the last call: visit(Address). They are objects too.
  template <class F>
  void for_each_new(F&& visit) {
    while (visited_ < infos_.size()) visit(infos_[visited_++].type);
  }
  [[nodiscard]] bool has_new() const { return visited_ < infos_.size(); }

 private:
  static constexpr std::size_t kRecent = 256;

  const TypeInfo* find(Address type);
  TypeInfo describe(Address type);
  void find_walk(TypeInfo& info, const TypeInfo& base, const KnownType* known, bool is_class) const;
  void find_parts(TypeInfo& info, const TypeInfo& base, const KnownType* known);
  void add_part(TypeInfo& info, const Part& part);
  void add_members(TypeInfo& info);
  void find_attribute_names(TypeInfo& info);
  void add_row(const TypeInfo& info, const TypeInfo& base, bool is_class);
  void put_row(const TypeInfo& info, StringNumber name, StringNumber module, std::uint32_t flags,
               std::int64_t base_row);
  [[nodiscard]] bool is_made_by_class(Address type) const;

  Sections& sections_;
  Strings& strings_;
  const PythonLayout& layout_;
  Address subtype_traverse_;
  std::array<const TypeInfo*, kRecent> recent_{};
  AddressNumbers numbers_;
  StableArray<TypeInfo> infos_;
  GrowingArray<Part> parts_;
  GrowingArray<StringNumber> attributes_;
  std::uint32_t rows_ = 0;
  std::size_t visited_ = 0;
  unsigned depth_ = 0;
  Address last_address_ = 0;
};

}  // namespace hoop::snapshot
