// SPDX-License-Identifier: Apache-2.0
#include "snapshot/types.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/units.h"
#include "snapshot/format.h"
#include "snapshot/known_types.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/strings.h"

namespace hoop::snapshot {
namespace {

constexpr TypeInfo kInvalid{};
// Longer chains of bases are no work of Python's.
constexpr unsigned kDeepest = 200;

std::string_view name_of_type(Address type) {
  const auto* const name = reinterpret_cast<const char*>(word_at(type + at::kTypeName));
  return {name, std::strlen(name)};
}

std::uint8_t header_bytes_of(const TypeInfo& info, std::uint64_t flags, unsigned minor) {
  constexpr unsigned kCollector = 16, kBeforeIt = 16;
  unsigned bytes = info.is_collected ? kCollector : 0;
  const std::uint64_t before = minor == 10   ? 0
                               : minor == 11 ? type_flag::kManagedDict
                                             : type_flag::kManagedDict | type_flag::kManagedWeak;
  if ((flags & before) != 0) bytes += kBeforeIt;
  return static_cast<std::uint8_t>(bytes);
}

bool is_container(Walk walk) { return walk != Walk::kParts && walk != Walk::kTraverse; }

// "collections.deque" -> "deque": of a type that is no class of Python's.
std::string_view last_part(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  return name;
}

std::string_view all_but_last_part(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view("builtins")
                                       : std::string_view(name.data(), dot);
}

}  // namespace

namespace {

bool has_plain_name(Address type) { return name_of_type(type).find('.') == std::string_view::npos; }

}  // namespace

bool Types::is_made_by_class(Address type) const {
  if ((flags_of_type(type) & type_flag::kHeapType) == 0) return false;
  // Compiled classes (mypyc's) are named like those of a class statement, and have their own.
  if (subtype_traverse_ != 0 && (flags_of_type(type) & type_flag::kCollected) != 0)
    return word_at(type + at::kTypeTraverse) == subtype_traverse_;
  return has_plain_name(type);
}

const TypeInfo* Types::find(Address type) {
  if (type == 0) return &kInvalid;
  const std::uint32_t known = numbers_.find(type);
  if (known != 0) return &infos_[known - 1];
  if (depth_ > kDeepest || type % kPointer != 0 || !is_type(type)) return &kInvalid;
  ++depth_;
  const TypeInfo info = describe(type);
  --depth_;
  std::uint32_t* const number = numbers_.find_or_add(type);
  const TypeInfo* const place = number != nullptr ? infos_.push(info) : nullptr;
  if (place == nullptr) return &kInvalid;
  *number = static_cast<std::uint32_t>(infos_.size());
  return place;
}

TypeInfo Types::describe(Address type) {
  const TypeInfo base = *find(word_at(type + at::kTypeBase));
  const std::uint64_t flags = flags_of_type(type);
  const bool is_class = is_made_by_class(type);
  const bool is_heap_type = (flags & type_flag::kHeapType) != 0;
  const bool is_compiled_class = is_heap_type && has_plain_name(type);
  const KnownType* const known =
      is_class || is_compiled_class ? nullptr : known_type(name_of_type(type));
  TypeInfo info = base;
  info.type = type;
  info.is_valid = true;
  info.is_heap_type = is_heap_type;
  info.is_collected = (flags & type_flag::kCollected) != 0;
  info.has_managed_dict = layout_.minor > 10 && (flags & type_flag::kManagedDict) != 0;
  info.header_bytes = header_bytes_of(info, flags, layout_.minor);
  info.dict_offset = static_cast<std::int32_t>(load<std::int64_t>(type + at::kTypeDictOffset));
  info.basic_size = load<std::int64_t>(type + at::kTypeBasicSize);
  info.item_size = load<std::int64_t>(type + at::kTypeItemSize);
  info.traverse = word_at(type + at::kTypeTraverse);
  info.is_gc = word_at(type + at::kTypeIsGc);
  find_walk(info, base, known, is_class);
  find_parts(info, base, known);
  find_attribute_names(info);
  info.has_own_dict = info.dict_offset != 0 && !info.has_managed_dict &&
                      !has_part_at(info, static_cast<std::uint32_t>(info.dict_offset));
  info.is_leaf = info.walk == Walk::kParts && info.part_count == 0 && info.dict_offset == 0 &&
                 !info.has_managed_dict && !info.is_heap_type;
  info.row = rows_++;
  add_row(info, base, is_class);
  return info;
}

void Types::find_walk(TypeInfo& info, const TypeInfo& base, const KnownType* known,
                      bool is_class) const {
  if (known != nullptr) {
    info.layout = known->layout;
    info.walk = known->walk;
    info.size = known->size;
    info.buffer = known->buffer;
    info.open = known->open;
  } else if (is_class) {
    if (info.layout == Layout::kOther && (info.dict_offset != 0 || info.has_managed_dict))
      info.layout = Layout::kInstance;
  } else if (base.walk == Walk::kTuple) {
    info.walk = Walk::kStructSequence;
  } else if (info.traverse != base.traverse || !is_container(base.walk)) {
    info.walk = Walk::kTraverse;
  }
  if (info.walk == Walk::kTraverse && (!info.is_collected || info.traverse == 0))
    info.walk = Walk::kParts;
}

void Types::find_parts(TypeInfo& info, const TypeInfo& base, const KnownType* known) {
  info.first_part = static_cast<std::uint32_t>(parts_.size());
  info.part_count = 0;
  for (std::uint32_t i = 0; i < base.part_count; ++i) {
    const Part part = parts_[base.first_part + i];
    add_part(info, part);
  }
  if (known != nullptr) {
    KnownParts more;
    find_known_parts(*known, layout_, more);
    for (const KnownPart& part : more)
      add_part(info, {part.offset, part.kind, strings_.add(part.name)});
  }
  add_members(info);
}

void Types::add_part(TypeInfo& info, const Part& part) {
  if (has_part_at(info, part.offset)) return;
  if (parts_.push(part)) ++info.part_count;
}

bool Types::has_part_at(const TypeInfo& info, std::uint32_t offset) const {
  for (std::uint32_t i = 0; i < info.part_count; ++i)
    if (parts_[info.first_part + i].offset == offset) return true;
  return false;
}

// PyMemberDef: name, type, offset, flags, documentation.
void Types::add_members(TypeInfo& info) {
  constexpr std::size_t kMemberBytes = 40;
  constexpr int kObject = 6, kObjectOrError = 16;
  Address member = word_at(info.type + at::kTypeMembers);
  if (member == 0) return;
  for (; word_at(member) != 0; member += kMemberBytes) {
    const int kind = load<std::int32_t>(member + 8);
    const auto offset = load<std::int64_t>(member + 16);
    if ((kind != kObject && kind != kObjectOrError) || offset <= 0) continue;
    const bool is_dict = offset == info.dict_offset;
    add_part(info,
             {static_cast<std::uint32_t>(offset), is_dict ? EdgeKind::kDict : EdgeKind::kAttribute,
              strings_.of_c_string(word_at(member))});
  }
}

// The keys that all instances share.
void Types::find_attribute_names(TypeInfo& info) {
  info.first_attribute = static_cast<std::uint32_t>(attributes_.size());
  info.attribute_count = 0;
  if (!info.is_heap_type || !info.has_managed_dict) return;
  const Address keys = word_at(info.type + layout_.type_cached_keys);
  if (keys == 0) return;
  const DictTable table = table_of_keys(keys, layout_);
  for (std::size_t i = 0; i < table.entry_count; ++i) {
    const Address key = word_at(table.entries + i * table.entry_bytes + table.key_offset);
    if (!attributes_.push(key != 0 ? strings_.of_key(key) : 0)) return;
    ++info.attribute_count;
  }
}

void Types::add_row(const TypeInfo& info, const TypeInfo& base, bool is_class) {
  const std::string_view name = name_of_type(info.type);
  StringNumber module = 0;
  StringNumber qualified = 0;
  if (info.is_heap_type)
    qualified = strings_.of_name(word_at(info.type + layout_.type_qualified_name));
  if (is_class || info.is_heap_type) {
    const Address dict = word_at(info.type + at::kTypeDict);
    const Address named = dict != 0 ? find_by_text(dict, "__module__", layout_) : 0;
    module = strings_.of_name(named);
  }
  if (qualified == 0) qualified = strings_.add(last_part(name));
  if (module == 0) module = strings_.add(all_but_last_part(name));
  const std::uint32_t flags =
      (info.is_heap_type ? kMadeAtRunTime : 0) | (info.is_collected ? kCollectedType : 0);
  put_row(info, qualified, module, flags,
          base.is_valid ? static_cast<std::int64_t>(base.row) - info.row : 0);
}

void Types::put_row(const TypeInfo& info, StringNumber name, StringNumber module,
                    std::uint32_t flags, std::int64_t base_row) {
  const Address address = info.type >> kAddressShift;
  sections_.signed_number(Section::kTypes, static_cast<std::int64_t>(address - last_address_));
  last_address_ = address;
  sections_.number(Section::kTypes, name);
  sections_.number(Section::kTypes, module);
  sections_.number(Section::kTypes, flags);
  sections_.number(Section::kTypes, static_cast<std::uint64_t>(info.basic_size));
  sections_.number(Section::kTypes, static_cast<std::uint64_t>(info.item_size));
  sections_.byte(Section::kTypes, static_cast<std::uint8_t>(info.layout));
  sections_.signed_number(Section::kTypes, base_row);
}

std::uint32_t Types::add_pseudo(std::string_view name, Layout layout) {
  TypeInfo info{};
  info.layout = layout;
  info.row = rows_++;
  put_row(info, strings_.add(name), strings_.add({}), kPseudoType, 0);
  return info.row;
}

}  // namespace hoop::snapshot
