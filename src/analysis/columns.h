// SPDX-License-Identifier: Apache-2.0
// What a snapshot file holds, in memory: objects by number, edges by object. 13 + 9 bytes for each
// object and edge, and what strings and containers add.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/array.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using ObjectId = std::uint32_t;
using EdgeId = std::uint32_t;
inline constexpr std::uint32_t kNone = 0xFFFFFFFF;
// What stands in a column of 32 bits for all that is larger.
inline constexpr std::uint32_t kLarge = 0xFFFFFFFF;

// Called between steps of long work: what it is, and how much of it is done (0 to 1).
using Progress = std::function<void(const char* what, double share)>;

struct TypeRow {
  std::uint64_t address;  // >> 3; 0: a pseudo type
  std::uint32_t name, module;
  std::uint32_t flags;
  snapshot::Layout layout;
  std::uint8_t padding[3];
  std::uint32_t base;  // its row, or kNone
  std::uint64_t basic_size, item_size;
};

struct Label {
  ObjectId object;
  std::uint32_t name, qualified, file, line;
  std::uint32_t padding;
  std::uint64_t number;
};

struct Amount {
  ObjectId object;
  std::uint32_t padding;
  std::uint64_t bytes;
};

// What tells how small a value could be: docs/format/snapshot.md, CONTENT.
struct ContentRow {
  ObjectId object;
  std::uint32_t padding;
  std::uint64_t bytes, detail;
};

struct TextRow {
  std::uint32_t length, string, hash, width;
};

struct CapacityRow {
  std::uint32_t used, allocated;
};

// Objects of a subset, and their ranks in it.
struct Subset {
  Array<std::uint64_t> bits;
  Array<std::uint32_t> ranks;  // of the first object of each word

  void open(std::size_t objects) {
    bits = Array<std::uint64_t>(objects / 64 + 1);
    ranks = Array<std::uint32_t>(objects / 64 + 1);
  }
  void add(ObjectId object) { bits[object / 64] |= std::uint64_t{1} << object % 64; }
  void close() {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      ranks[i] = sum;
      sum += static_cast<std::uint32_t>(__builtin_popcountll(bits[i]));
    }
  }
  // kNone: it is not in it.
  [[nodiscard]] std::uint32_t rank(ObjectId object) const {
    const std::uint64_t word = bits[object / 64];
    const std::uint64_t bit = std::uint64_t{1} << object % 64;
    if ((word & bit) == 0) return kNone;
    return ranks[object / 64] + static_cast<std::uint32_t>(__builtin_popcountll(word & (bit - 1)));
  }
};

class Columns {
 public:
  [[nodiscard]] std::size_t objects() const { return type.size(); }
  [[nodiscard]] std::size_t edges() const { return target.size(); }

  // A string by its number, 1 and up; 0 is empty.
  [[nodiscard]] std::string_view string(std::uint32_t number) const {
    if (number == 0) return {};
    const std::uint64_t begin = string_end[number - 1];
    return {string_bytes.data() + begin, string_end[number] - begin};
  }
  [[nodiscard]] const TypeRow& type_of(ObjectId object) const { return types[type[object]]; }
  [[nodiscard]] snapshot::Layout layout_of(ObjectId object) const { return type_of(object).layout; }
  // "module.qualified name"; the module is left out where it is builtins.
  [[nodiscard]] std::string type_name(std::uint32_t row) const;
  // Bytes, buffers included.
  [[nodiscard]] std::uint64_t bytes_of(ObjectId object) const {
    const std::uint32_t bytes = size[object];
    return bytes != kLarge ? bytes : large_bytes_of(object);
  }
  [[nodiscard]] std::uint64_t buffer_bytes_of(ObjectId object) const;
  // nullptr: the file says nothing of it.
  [[nodiscard]] const ContentRow* content_of(ObjectId object) const;
  [[nodiscard]] const Label* label_of(ObjectId object) const;
  [[nodiscard]] const TextRow* text_of(ObjectId object) const {
    const std::uint32_t rank = has_text.rank(object);
    return rank == kNone ? nullptr : &text[rank];
  }
  [[nodiscard]] const CapacityRow* capacity_of(ObjectId object) const {
    const std::uint32_t rank = has_capacity.rank(object);
    return rank == kNone ? nullptr : &capacity[rank];
  }
  [[nodiscard]] static snapshot::EdgeKind kind_of(std::uint8_t coded) {
    return static_cast<snapshot::EdgeKind>(coded & snapshot::kEdgeKindMask);
  }
  [[nodiscard]] snapshot::EdgeKind kind(EdgeId edge) const { return kind_of(edge_kind[edge]); }
  // In the target's reference count.
  [[nodiscard]] bool is_counted(EdgeId edge) const {
    return (edge_kind[edge] & snapshot::kNotCounted) == 0 &&
           kind(edge) != snapshot::EdgeKind::kWeak;
  }
  // Keeps nothing alive: weak, borrowed, or a cache's.
  [[nodiscard]] bool is_weak(EdgeId edge) const {
    return !is_counted(edge) && !is_of_structure(edge);
  }
  [[nodiscard]] bool is_pseudo(ObjectId object) const {
    return (flags[object] & snapshot::kPseudo) != 0;
  }
  // Not counted, and yet more than borrowed: frames and pseudo objects, and the cells of a
  // function, which a tuple of its own holds.
  [[nodiscard]] bool is_of_structure(EdgeId edge) const {
    const snapshot::EdgeKind found = kind(edge);
    return found == snapshot::EdgeKind::kFrame || found == snapshot::EdgeKind::kCell ||
           (found == snapshot::EdgeKind::kField && target[edge] < flags.size() &&
            is_pseudo(target[edge]));
  }
  // By address (>> 3). kNone: there is no such object.
  [[nodiscard]] ObjectId find(std::uint64_t shifted_address) const;

  Array<char> string_bytes;
  Array<std::uint64_t> string_end;  // [0] is 0
  Array<TypeRow> types;

  Array<std::uint64_t> address;     // >> 3
  Array<std::uint32_t> by_address;  // empty: they are in order as they are
  Array<std::uint32_t> type;
  Array<std::uint32_t> size;   // kLarge: in `large`
  Array<std::uint32_t> count;  // reference count + 1; 0: immortal
  Array<std::uint8_t> flags;
  Array<std::uint32_t> first_edge;  // one more than there are objects
  Array<std::uint8_t> edge_kind;
  Array<std::uint32_t> edge_name;  // a string, an index, a depth; kNone at a value: key unknown
  Array<std::uint32_t> target;

  Subset has_text, has_capacity;
  Array<TextRow> text;
  Array<CapacityRow> capacity;
  Array<Amount> buffers, large;
  Array<ContentRow> content;  // by object, rising
  Array<Label> labels;
  Array<ObjectId> roots;
  Array<std::uint64_t> memory;  // pairs: string, bytes
  Array<std::uint32_t> meta;    // pairs of strings
  std::uint64_t dropped_edges = 0;

 private:
  [[nodiscard]] std::uint64_t large_bytes_of(ObjectId object) const;
};

class HeapFile;
Columns read_columns(const HeapFile& file, const Progress& progress);

}  // namespace hoop::analysis
