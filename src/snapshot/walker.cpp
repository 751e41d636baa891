// SPDX-License-Identifier: Apache-2.0
#include "snapshot/walker.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/format.h"
#include "snapshot/frames.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/sizes.h"
#include "snapshot/strings.h"
#include "snapshot/types.h"

namespace hoop::snapshot {
namespace {

std::size_t count_of(Address sequence) {
  const std::int64_t size = size_of(sequence);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace

void Walker::walk(Address object, const TypeInfo& info) {
  edges_.begin(object);
  if (info.walk == Walk::kTraverse && is_collected(object, info)) {
    walk_traverse(object, info);
    if (info.layout == Layout::kLruCache) walk_links(object);
  } else {
    walk_content(object, info);
    for_each_part(object, info, [this](const Reference& part) {
      edges_.add_named(part.kind, part.name, part.target, part.counted);
    });
  }
  add_uncounted(object, info);
}

void Walker::walk_content(Address object, const TypeInfo& info) {
  switch (info.walk) {
    case Walk::kTuple:
      return walk_tuple(object);
    case Walk::kStructSequence:
      return walk_unnamed_fields(object, info);
    case Walk::kList:
      return walk_list(object);
    case Walk::kDict:
      return walk_dict(object);
    case Walk::kOrderedDict:
      walk_dict(object);
      // Each node of its list has the key once more.
      return for_each_item(object, layout_,
                           [this](Address key, Address) { edges_.add(EdgeKind::kKey, key); });
    case Walk::kSet:
      return walk_set(object);
    case Walk::kDeque:
      return walk_deque(object);
    case Walk::kContextNode:
      return walk_context_node(object);
    case Walk::kNumpyArray:
      return walk_numpy_array(object);
    case Walk::kParts:
    case Walk::kTraverse:
      return;
  }
}

void Walker::walk_tuple(Address tuple) {
  const std::size_t count = count_of(tuple);
  for (std::size_t i = 0; i < count; ++i)
    edges_.add_item(EdgeKind::kItem, i, word_at(tuple + layout_.tuple_items + i * kPointer));
}

// Most fields are members of the type, and so among its parts. How many there are beyond those that
// len() counts, only the type knows; its own tp_traverse would ask Python.
void Walker::walk_unnamed_fields(Address object, const TypeInfo& info) {
  constexpr Offset kDigit = 24;
  const Address dict = word_at(info.type + at::kTypeDict);
  const Address number = dict != 0 ? find_by_text(dict, "n_fields", layout_) : 0;
  const bool is_int = number != 0 && (flags_of_type(type_of(number)) & type_flag::kInt) != 0;
  const std::size_t count = is_int ? load<std::uint32_t>(number + kDigit) : count_of(object);
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = static_cast<std::uint32_t>(layout_.tuple_items + i * kPointer);
    if (!types_.has_part_at(info, offset))
      edges_.add_item(EdgeKind::kItem, i, word_at(object + offset));
  }
}

void Walker::walk_list(Address list) {
  const std::size_t count = count_of(list);
  const Address items = word_at(list + at::kListItems);
  for (std::size_t i = 0; i < count; ++i)
    edges_.add_item(EdgeKind::kItem, i, word_at(items + i * kPointer));
}

// Keys belong to the table: to this dict where it has one of its own. Values that lie in the object
// whose __dict__ this is are that object's.
void Walker::walk_dict(Address dict) {
  constexpr std::size_t kEmbedded = 2;
  const Address values = word_at(dict + at::kDictValues);
  const bool are_values_ours =
      dict != interned_ && (values == 0 || layout_.values != ValuesKind::kInline ||
                            load<std::uint8_t>(values + kEmbedded) == 0);
  const bool are_keys_ours =
      dict != interned_ && values == 0 && load<std::int64_t>(word_at(dict + at::kDictKeys)) == 1;
  for_each_item(dict, layout_, [&](Address key, Address value) {
    edges_.add(EdgeKind::kKey, key, are_keys_ours ? Counted::kYes : Counted::kNo);
    edges_.add_named(EdgeKind::kValue, strings_.of_key(key), value,
                     are_values_ours ? Counted::kYes : Counted::kNo);
  });
}

void Walker::walk_set(Address set) {
  constexpr std::size_t kEntryBytes = 16;
  constexpr std::int64_t kNoHash = -1;  // of a member that was taken out
  const Address table = word_at(set + at::kSetTable);
  const std::uint64_t mask = load<std::uint64_t>(set + at::kSetMask);
  for (std::uint64_t i = 0; i <= mask; ++i) {
    const Address entry = table + i * kEntryBytes;
    if (load<std::int64_t>(entry + kPointer) != kNoHash)
      edges_.add(EdgeKind::kSetMember, word_at(entry));
  }
}

// Blocks of 64 items, each with pointers to the one before and after.
void Walker::walk_deque(Address deque) {
  const std::size_t count = count_of(deque);
  Address block = word_at(deque + at::kDequeFirst);
  auto place = load<std::uint64_t>(deque + at::kDequeFirstIndex);
  for (std::size_t i = 0; i < count; ++i, ++place) {
    if (place == kDequeBlockItems) {
      block = word_at(block + kDequeBlockBytes - kPointer);
      place = 0;
    }
    edges_.add_item(EdgeKind::kItem, i, word_at(block + (place + 1) * kPointer));
  }
}

// A node of the map behind a context: context variable, value; no variable: a node below.
void Walker::walk_context_node(Address node) {
  constexpr Offset kItems = 32, kVariableName = 16;
  const std::size_t count = count_of(node);
  for (std::size_t i = 0; i + 1 < count; i += 2) {
    const Address variable = word_at(node + kItems + i * kPointer);
    const Address value = word_at(node + kItems + (i + 1) * kPointer);
    if (variable == 0) {
      edges_.add(EdgeKind::kField, value);
      continue;
    }
    edges_.add(EdgeKind::kKey, variable);
    edges_.add_named(EdgeKind::kValue, strings_.of_key(word_at(variable + kVariableName)), value);
  }
}

// An array of objects holds what it owns; numpy does not show it to the collector.
void Walker::walk_numpy_array(Address array) {
  const Address description = word_at(array + at::kNumpyDescription);
  if (description == 0) return;
  edges_.add_named(EdgeKind::kAttribute, strings_.of_constant("dtype"), description);
  if (load<char>(description + at::kNumpyKind) != 'O') return;
  const Address data = word_at(array + at::kNumpyData);
  const std::size_t count = numpy_data_bytes(array) / kPointer;
  for (std::size_t i = 0; i < count; ++i)
    edges_.add_item(EdgeKind::kItem, i, word_at(data + i * kPointer));
}

// tp_traverse says what there is; each of it takes the name of an expected part that is the same.
// What is left then is held without being shown to the collector.
void Walker::walk_traverse(Address object, const TypeInfo& info) {
  using Visit = int (*)(Address, void*);
  using Traverse = int (*)(Address, Visit, void*);
  expected_.clear();
  for_each_part(object, info, [this](const Reference& part) {
    if (part.target != 0) expected_.push(part);
  });
  expected_left_ = expected_.size();
  const Visit visit = [](Address target, void* self) {
    static_cast<Walker*>(self)->visit_traversed(target);
    return 0;
  };
  reinterpret_cast<Traverse>(info.traverse)(object, visit, this);
  for (std::size_t i = 0; i < expected_.size() && expected_left_ != 0; ++i) {
    const Reference& part = expected_[i];
    edges_.add_named(part.kind, part.name, part.target, part.counted);
  }
}

void Walker::visit_traversed(Address target) {
  for (std::size_t i = 0; expected_left_ != 0 && i < expected_.size(); ++i) {
    Reference& part = expected_[i];
    if (part.target != target) continue;
    edges_.add_named(part.kind, part.name, target);
    part.target = 0;
    --expected_left_;
    return;
  }
  edges_.add(EdgeKind::kField, target);
}

// The entries of a bounded cache, in a ring that holds each; tp_traverse shows what they hold.
void Walker::walk_links(Address cache) {
  constexpr Offset kNext = 24;
  for (Address link = word_at(cache + kNext); link != cache; link = word_at(link + kNext))
    edges_.add(EdgeKind::kField, link);
}

void Walker::add_uncounted(Address object, const TypeInfo& info) {
  if (info.layout == Layout::kWeakReference) {
    edges_.add(EdgeKind::kWeak, word_at(object + at::kWeakReferent), Counted::kNo);
  } else if (info.layout == Layout::kFunction) {
    const Address closure = word_at(object + at::kFunctionClosure);
    const std::size_t cells = closure != 0 ? count_of(closure) : 0;
    for (std::size_t i = 0; i < cells; ++i) {
      const Address cell = word_at(closure + layout_.tuple_items + i * kPointer);
      edges_.add_item(EdgeKind::kCell, i, cell, Counted::kNo);
    }
  }
}

void Walker::walk_slots(const FrameView& frame, Counted counted) {
  for_each_slot_part(frame, [&](const Reference& part) {
    const bool is_counted = counted == Counted::kYes && part.counted == Counted::kYes;
    edges_.add_named(part.kind, part.name, part.target, is_counted ? Counted::kYes : Counted::kNo);
  });
}

template <class F>
void Walker::for_each_part(Address object, const TypeInfo& info, F&& visit) {
  const bool is_static_type =
      info.layout == Layout::kType && (flags_of_type(object) & type_flag::kHeapType) == 0;
  for (std::uint32_t i = 0; i < info.part_count; ++i) {
    const Part& part = types_.part(info.first_part + i);
    visit(Reference{word_at(object + part.offset), part.name, part.kind, Counted::kYes});
  }
  for_each_attribute(object, info, visit);
  const Address dict = own_dict(object, info);
  if (dict != 0) visit(Reference{dict, 0, EdgeKind::kDict, Counted::kYes});
  if (info.layout == Layout::kType && !is_static_type) for_each_part_of_type(object, visit);
  if (info.layout == Layout::kGenerator) for_each_slot_part(view_generator(object, layout_), visit);
  if (info.layout == Layout::kFrame) for_each_slot_part(view_frame_object(object, layout_), visit);
  if (info.is_heap_type) visit(Reference{info.type, 0, EdgeKind::kType, Counted::kYes});
}

template <class F>
void Walker::for_each_attribute(Address object, const TypeInfo& info, F&& visit) {
  if (!info.has_managed_dict) return;
  const Address values = inline_values_of(object, info.type, layout_);
  if (values == 0) return;
  const Address first = split_values(values, layout_);
  std::size_t count = info.attribute_count;
  if (layout_.values == ValuesKind::kInline)
    count = std::min<std::size_t>(count, load<std::uint8_t>(values));
  for (std::size_t i = 0; i < count; ++i) {
    const StringNumber name =
        types_.attribute_name(static_cast<std::uint32_t>(info.first_attribute + i));
    visit(Reference{word_at(first + i * kPointer), name, EdgeKind::kAttribute, Counted::kYes});
  }
}

// 0: none, or it is one of the parts. A negative offset counts from the end of the object.
Address Walker::own_dict(Address object, const TypeInfo& info) const {
  if (info.has_managed_dict) return managed_dict_of(object, layout_);
  if (!info.has_own_dict) return 0;
  if (info.dict_offset > 0) return word_at(object + static_cast<Address>(info.dict_offset));
  const std::int64_t size = size_of(object);
  const auto items = static_cast<std::size_t>(size < 0 ? -size : size);
  const std::size_t bytes =
      static_cast<std::size_t>(info.basic_size) + items * static_cast<std::size_t>(info.item_size);
  return word_at(object + round_up(bytes, kPointer) +
                 static_cast<Address>(std::int64_t{info.dict_offset}));
}

// What only classes made at run time have, and does not show to the collector; the keys that its
// instances share are the table's own.
template <class F>
void Walker::for_each_part_of_type(Address type, F&& visit) {
  const auto part = [&](Offset offset, const char* name) {
    visit(Reference{word_at(type + offset), strings_.of_constant(name), EdgeKind::kAttribute,
                    Counted::kYes});
  };
  part(layout_.type_name, "__name__");
  part(layout_.type_qualified_name, "__qualname__");
  part(layout_.type_slots, "__slots__");
  part(layout_.type_module, "__module__");
  part(at::kTypeSubclasses, "__subclasses__");
  const Address keys = word_at(type + layout_.type_cached_keys);
  if (keys == 0) return;
  const DictTable table = table_of_keys(keys, layout_);
  for (std::size_t i = 0; i < table.entry_count; ++i) {
    const Address key = word_at(table.entries + i * table.entry_bytes + table.key_offset);
    visit(Reference{key, 0, EdgeKind::kKey, Counted::kYes});
  }
}

template <class F>
void Walker::for_each_slot_part(const FrameView& frame, F&& visit) {
  for_each_slot(frame, [&](std::size_t slot, Address target, bool is_counted) {
    const Address name = local_name(frame, slot, layout_);
    const EdgeKind kind = name != 0 ? EdgeKind::kLocal : EdgeKind::kStack;
    visit(Reference{target, name != 0 ? strings_.of_name(name) : 0, kind,
                    is_counted ? Counted::kYes : Counted::kNo});
  });
}

}  // namespace hoop::snapshot
