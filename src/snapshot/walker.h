// SPDX-License-Identifier: Apache-2.0
// Who refers to whom, by name: the columns of edges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/discovery.h"
#include "snapshot/format.h"
#include "snapshot/frames.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/sections.h"
#include "snapshot/strings.h"
#include "snapshot/table.h"
#include "snapshot/types.h"

namespace hoop::snapshot {

enum class Counted : bool { kNo, kYes };

// Writes edges, one source after the other, and makes their targets known.
class Edges {
 public:
  Edges(Sections& sections, Discovery& discovery) : sections_(sections), discovery_(discovery) {}

  void begin(Address source) {
    source_ = source >> kAddressShift;
    count_ = 0;
    next_item_ = 0;
    next_cell_ = 0;
  }
  void add(EdgeKind kind, Address target, Counted counted = Counted::kYes) {
    if (target == 0) return;
    put_kind(kind, counted);
    put_target(target);
    discovery_.found(target);
  }
  void add_named(EdgeKind kind, StringNumber name, Address target,
                 Counted counted = Counted::kYes) {
    if (target == 0) return;
    put_kind(kind, counted);
    if (name_of(kind) == EdgeName::kString) sections_.number(Section::kEdgeName, name);
    put_target(target);
    discovery_.found(target);
  }
  // kItem or kCell.
  void add_item(EdgeKind kind, std::size_t index, Address target, Counted counted = Counted::kYes) {
    if (target == 0) return;
    std::size_t& next = kind == EdgeKind::kItem ? next_item_ : next_cell_;
    put_kind(kind, counted);
    sections_.signed_number(Section::kEdgeName, static_cast<std::int64_t>(index - next));
    next = index + 1;
    put_target(target);
    discovery_.found(target);
  }
  // A frame of the interpreter's is no object: nobody has to find it.
  void add_frame(std::size_t depth, Address frame) {
    put_kind(EdgeKind::kFrame, Counted::kNo);
    sections_.number(Section::kEdgeName, depth);
    put_target(frame);
  }
  void add_frame_object(std::size_t depth, Address frame) {
    add_frame(depth, frame);
    discovery_.found(frame);
  }
  // To a pseudo object.
  void add_pseudo(EdgeKind kind, Address target) {
    put_kind(kind, Counted::kNo);
    put_target(target);
  }
  // Since begin().
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  void put_kind(EdgeKind kind, Counted counted) {
    const unsigned flag = counted == Counted::kYes ? 0 : kNotCounted;
    sections_.byte(Section::kEdgeKind,
                   static_cast<std::uint8_t>(static_cast<unsigned>(kind) | flag));
  }
  void put_target(Address target) {
    const Address shifted = target >> kAddressShift;
    const std::size_t slot = recent_slot(shifted);
    if (recent_[slot] == shifted) {
      sections_.number(Section::kEdgeTarget, slot << 1 | 1);
    } else {
      recent_[slot] = shifted;
      const std::uint64_t step = zigzag(static_cast<std::int64_t>(shifted - source_));
      sections_.number(Section::kEdgeTarget, step << 1);
    }
    ++count_;
  }

  Sections& sections_;
  Discovery& discovery_;
  Address source_ = 0;
  std::size_t count_ = 0;
  std::size_t next_item_ = 0;
  std::size_t next_cell_ = 0;
  std::array<Address, kRecentTargets> recent_{};
};

// Finds the references of one object after the other.
class Walker {
 public:
  Walker(Edges& edges, Types& types, Strings& strings, const PythonLayout& layout)
      : edges_(edges), types_(types), strings_(strings), layout_(layout) {}

  // The table of interned strings, where it is a dict: it holds none of them.
  void set_interned(Address dict) { interned_ = dict; }
  // Writes the object's edges; Edges::count() tells how many.
  void walk(Address object, const TypeInfo& info);
  // What a frame holds; `counted`: whether by references of its own.
  void walk_slots(const FrameView& frame, Counted counted);

 private:
  // One reference of an object, by name, before it is known that tp_traverse shows it too.
  struct Reference {
    Address target;
    StringNumber name;
    EdgeKind kind;
    Counted counted;
  };

  void walk_content(Address object, const TypeInfo& info);
  void walk_tuple(Address tuple);
  void walk_unnamed_fields(Address object, const TypeInfo& info);
  void walk_list(Address list);
  void walk_dict(Address dict);
  void walk_set(Address set);
  void walk_deque(Address deque);
  void walk_context_node(Address node);
  void walk_numpy_array(Address array);
  void walk_traverse(Address object, const TypeInfo& info);
  void walk_links(Address cache);
  void add_uncounted(Address object, const TypeInfo& info);

  template <class F>
  void for_each_part(Address object, const TypeInfo& info, F&& visit);
  template <class F>
  void for_each_attribute(Address object, const TypeInfo& info, F&& visit);
  template <class F>
  void for_each_part_of_type(Address type, F&& visit);
  template <class F>
  void for_each_slot_part(const FrameView& frame, F&& visit);
  void visit_traversed(Address target);
  [[nodiscard]] Address own_dict(Address object, const TypeInfo& info) const;

  Edges& edges_;
  Types& types_;
  Strings& strings_;
  const PythonLayout& layout_;
  Address interned_ = 0;
  GrowingArray<Reference> expected_;  // of the object that is traversed
  std::size_t expected_left_ = 0;
};

}  // namespace hoop::snapshot
