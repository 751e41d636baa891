// SPDX-License-Identifier: Apache-2.0
// From the file's streams into columns. Whatever is used as a number of something is checked here,
// so that nobody else has to.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "analysis/address_index.h"
#include "analysis/array.h"
#include "analysis/columns.h"
#include "analysis/heap_file.h"
#include "snapshot/format.h"

namespace hoop::analysis {

using snapshot::EdgeKind;
using snapshot::EdgeName;
using snapshot::Layout;
using snapshot::Section;

namespace {

template <class T>
Array<T> packed(const std::vector<T>& from) {
  Array<T> to(from.size());
  std::copy(from.begin(), from.end(), to.data());
  return to;
}

std::uint32_t capped(std::uint64_t number) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, kLarge));
}

class ColumnReader {
 public:
  ColumnReader(const HeapFile& file, const Progress& progress) : file_(file), progress_(progress) {}

  Columns run() {
    tell("reading objects", 0);
    read_strings();
    read_types();
    read_objects();
    read_texts();
    read_capacities();
    read_buffers();
    read_contents();
    read_labels();
    read_roots();
    read_memory();
    read_meta();
    read_edges();
    return std::move(columns_);
  }

 private:
  void tell(const char* what, double share) const {
    if (progress_) progress_(what, share);
  }
  std::uint32_t string_of(SectionReader& in) {
    return static_cast<std::uint32_t>(
        in.number_below(columns_.string_end.size(), "no such string"));
  }
  ObjectId sparse_object(SectionReader& in, ObjectId before) {
    const std::uint64_t step = in.number();
    if (step >= columns_.objects() || before + step >= columns_.objects())
      in.fail("no such object");
    return static_cast<ObjectId>(before + step);
  }

  void read_strings() {
    const std::uint64_t most = file_.raw_bytes(Section::kStrings);
    columns_.string_bytes = Array<char>(most);
    std::vector<std::uint64_t> ends{0};
    SectionReader in(file_, Section::kStrings);
    while (!in.at_end()) {
      const std::uint64_t begin = ends.back();
      const std::uint64_t bytes = in.number_below(most - begin, "a string that is too long");
      in.bytes(columns_.string_bytes.data() + begin, bytes);
      ends.push_back(begin + bytes);
      if (ends.size() >= kNone) in.fail("too many strings");
    }
    columns_.string_bytes.shrink(ends.back());
    columns_.string_end = packed(ends);
  }

  void read_types() {
    std::vector<TypeRow> rows;
    SectionReader in(file_, Section::kTypes);
    std::uint64_t address = 0;
    while (!in.at_end()) {
      TypeRow row{};
      const std::int64_t step = in.signed_number();
      address += static_cast<std::uint64_t>(step);
      row.address = address;
      row.name = string_of(in);
      row.module = string_of(in);
      row.flags = capped(in.number());
      row.basic_size = in.number();
      row.item_size = in.number();
      row.layout = static_cast<Layout>(in.byte());
      const auto base = static_cast<std::uint64_t>(in.signed_number()) + rows.size();
      row.base = base == rows.size() ? kNone : capped(base);
      rows.push_back(row);
    }
    for (TypeRow& row : rows)
      if (row.base != kNone && row.base >= rows.size())
        file_.fail("damaged: in TYPES, no such base");
    columns_.types = packed(rows);
  }

  void read_objects() {
    const std::uint64_t count = file_.raw_bytes(Section::kObjectFlags);
    if (count >= kNone) file_.fail("has more than four billion objects, too many for this hoop");
    // Each is one byte at least: what does not add up is not allocated.
    for (const Section section :
         {Section::kObjectAddress, Section::kObjectType, Section::kObjectSize,
          Section::kObjectCount, Section::kObjectEdges})
      if (file_.raw_bytes(section) < count)
        file_.fail(std::string("damaged: ") + name_of(section) + " has fewer entries than " +
                   name_of(Section::kObjectFlags));
    columns_.flags = Array<std::uint8_t>(count);
    SectionReader flags(file_, Section::kObjectFlags);
    flags.bytes(columns_.flags.data(), count);
    read_addresses(count);
    columns_.type = Array<std::uint32_t>(count);
    SectionReader types(file_, Section::kObjectType);
    for (std::size_t i = 0; i < count; ++i)
      columns_.type[i] =
          static_cast<std::uint32_t>(types.number_below(columns_.types.size(), "no such type"));
    read_sizes(count);
    columns_.count = Array<std::uint32_t>(count);
    SectionReader counts(file_, Section::kObjectCount);
    for (std::size_t i = 0; i < count; ++i) columns_.count[i] = capped(counts.number());
  }

  void read_addresses(std::size_t count) {
    columns_.address = Array<std::uint64_t>(count);
    SectionReader in(file_, Section::kObjectAddress);
    std::uint64_t address = 0;
    for (std::size_t i = 0; i < count; ++i) {
      address += static_cast<std::uint64_t>(in.signed_number());
      columns_.address[i] = address;
    }
  }

  void read_sizes(std::size_t count) {
    columns_.size = Array<std::uint32_t>(count);
    SectionReader in(file_, Section::kObjectSize);
    std::vector<Amount> large;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t bytes = in.number_below(kMostBytes, "a size that cannot be");
      columns_.size[i] = capped(bytes);
      if (bytes >= kLarge) large.push_back({static_cast<ObjectId>(i), 0, bytes});
    }
    columns_.large = packed(large);
  }

  void read_texts() {
    const std::size_t count = columns_.objects();
    columns_.has_text.open(count);
    columns_.has_capacity.open(count);
    std::size_t texts = 0;
    std::size_t capacities = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Layout layout = columns_.layout_of(static_cast<ObjectId>(i));
      if (snapshot::has_text_row(layout)) {
        columns_.has_text.add(static_cast<ObjectId>(i));
        ++texts;
      } else if (snapshot::has_capacity_row(layout)) {
        columns_.has_capacity.add(static_cast<ObjectId>(i));
        ++capacities;
      }
    }
    columns_.has_text.close();
    columns_.has_capacity.close();
    columns_.text = Array<TextRow>(texts);
    columns_.capacity = Array<CapacityRow>(capacities);
    SectionReader in(file_, Section::kText);
    for (TextRow* row = columns_.text.data(); texts > 0; --texts, ++row) {
      row->length = capped(in.number());
      row->width = in.byte();
      row->string = string_of(in);
      in.bytes(&row->hash, sizeof row->hash);
    }
  }

  void read_capacities() {
    SectionReader in(file_, Section::kCapacity);
    CapacityRow* const rows = columns_.capacity.data();
    for (std::size_t i = 0; i < columns_.capacity.size(); ++i) {
      rows[i].used = capped(in.number());
      rows[i].allocated = capped(in.number());
    }
  }

  // Buffers become part of their owners' sizes.
  void read_buffers() {
    std::vector<Amount> buffers;
    std::vector<Amount> large;
    SectionReader in(file_, Section::kBuffers);
    ObjectId object = 0;
    while (!in.at_end()) {
      object = sparse_object(in, object);
      if (!buffers.empty() && buffers.back().object == object) in.fail("an object twice");
      buffers.push_back({object, 0, in.number_below(kMostBytes, "a size that cannot be")});
      const std::uint64_t bytes = columns_.bytes_of(object) + buffers.back().bytes;
      if (bytes >= kLarge) large.push_back({object, 0, bytes});
    }
    for (const Amount& buffer : buffers)
      columns_.size[buffer.object] = capped(columns_.bytes_of(buffer.object) + buffer.bytes);
    for (const Amount& row : columns_.large)
      if (!std::binary_search(large.begin(), large.end(), row, by_object)) large.push_back(row);
    std::sort(large.begin(), large.end(), by_object);
    columns_.large = packed(large);
    columns_.buffers = packed(buffers);
  }
  static bool by_object(const Amount& a, const Amount& b) { return a.object < b.object; }

  void read_contents() {
    std::vector<ContentRow> rows;
    SectionReader in(file_, Section::kContent);
    ObjectId object = 0;
    while (!in.at_end()) {
      object = sparse_object(in, object);
      if (!rows.empty() && rows.back().object == object) in.fail("an object twice");
      ContentRow row{object, 0, in.number(), 0};
      row.detail = in.number();
      rows.push_back(row);
    }
    columns_.content = packed(rows);
  }

  void read_labels() {
    std::vector<Label> labels;
    SectionReader in(file_, Section::kLabels);
    ObjectId object = 0;
    while (!in.at_end()) {
      object = sparse_object(in, object);
      if (!labels.empty() && labels.back().object == object) in.fail("an object twice");
      Label label{};
      label.object = object;
      label.name = string_of(in);
      label.qualified = string_of(in);
      label.file = string_of(in);
      label.line = capped(in.number());
      label.number = in.number();
      labels.push_back(label);
    }
    columns_.labels = packed(labels);
  }

  void read_roots() {
    std::vector<ObjectId> roots;
    SectionReader in(file_, Section::kRoots);
    while (!in.at_end())
      roots.push_back(static_cast<ObjectId>(in.number_below(columns_.objects(), "no such object")));
    columns_.roots = packed(roots);
  }

  void read_memory() {
    std::vector<std::uint64_t> rows;
    SectionReader in(file_, Section::kMemory);
    while (!in.at_end()) {
      rows.push_back(string_of(in));
      rows.push_back(in.number());
    }
    columns_.memory = packed(rows);
  }

  void read_meta() {
    std::vector<std::uint32_t> rows;
    SectionReader in(file_, Section::kMeta);
    while (!in.at_end()) {
      rows.push_back(string_of(in));
      rows.push_back(string_of(in));
    }
    columns_.meta = packed(rows);
  }

  void read_edges();

  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 56;

  const HeapFile& file_;
  const Progress& progress_;
  Columns columns_;
};

// The table of recent targets, with the objects that they turned out to be.
class TargetReader {
 public:
  TargetReader(const HeapFile& file, const AddressIndex& index)
      : in_(file, Section::kEdgeTarget), index_(index) {
    // Of a file that uses a slot before it was filled.
    objects_.fill(index.find(0));
  }

  ObjectId next(std::uint64_t source) {
    const std::uint64_t coded = in_.number();
    if ((coded & 1) != 0) {
      if (coded >> 1 >= snapshot::kRecentTargets) in_.fail("no such slot");
      return objects_[coded >> 1];
    }
    const std::uint64_t address =
        source + static_cast<std::uint64_t>(snapshot::unzigzag(coded >> 1));
    const ObjectId object = index_.find(address);
    objects_[snapshot::recent_slot(address)] = object;
    return object;
  }

 private:
  SectionReader in_;
  const AddressIndex& index_;
  std::array<ObjectId, snapshot::kRecentTargets> objects_{};
};

class EdgeReader {
 public:
  EdgeReader(const HeapFile& file, const AddressIndex& index, Columns& columns)
      : columns_(columns),
        counts_(file, Section::kObjectEdges),
        kinds_(file, Section::kEdgeKind),
        names_(file, Section::kEdgeName),
        targets_(file, index),
        most_(file.raw_bytes(Section::kEdgeKind)) {
    if (most_ >= kNone) file.fail("has more than four billion edges, too many for this hoop");
    columns.first_edge = Array<std::uint32_t>(columns.objects() + 1);
    columns.edge_kind = Array<std::uint8_t>(most_);
    columns.edge_name = Array<std::uint32_t>(most_);
    columns.target = Array<std::uint32_t>(most_);
  }

  void read_object(ObjectId object) {
    const std::uint64_t count = counts_.number();
    if (count > most_ - read_) counts_.fail("more edges than there are kinds");
    read_ += count;
    last_item_ = last_cell_ = -1;
    key_is_lost_ = false;
    for (std::uint64_t i = 0; i < count; ++i) read_edge(columns_.address[object]);
    columns_.first_edge[object + 1] = kept_;
  }

  void close() {
    columns_.edge_kind.shrink(kept_);
    columns_.edge_name.shrink(kept_);
    columns_.target.shrink(kept_);
    columns_.dropped_edges = read_ - kept_;
  }

 private:
  void read_edge(std::uint64_t source) {
    const std::uint8_t coded = kinds_.byte();
    const EdgeKind kind = Columns::kind_of(coded);
    std::uint32_t name = read_name(kind);
    const ObjectId target = targets_.next(source);
    if (kind == EdgeKind::kKey) key_is_lost_ = target == kNone;
    if (target == kNone) return;
    if (kind == EdgeKind::kValue && name == 0 && key_is_lost_) name = kNone;
    columns_.edge_kind[kept_] = coded;
    columns_.edge_name[kept_] = name;
    columns_.target[kept_++] = target;
  }
  std::uint32_t read_name(EdgeKind kind) {
    switch (snapshot::name_of(kind)) {
      case EdgeName::kNone:
        return 0;
      case EdgeName::kString:
        return static_cast<std::uint32_t>(
            names_.number_below(columns_.string_end.size(), "no such string"));
      case EdgeName::kDepth:
        return capped(names_.number());
      case EdgeName::kIndex:
        break;
    }
    std::int64_t& last = kind == EdgeKind::kCell ? last_cell_ : last_item_;
    last = static_cast<std::int64_t>(static_cast<std::uint64_t>(last) + 1 +
                                     static_cast<std::uint64_t>(names_.signed_number()));
    return last < 0 ? kLarge : capped(static_cast<std::uint64_t>(last));
  }

  Columns& columns_;
  SectionReader counts_, kinds_, names_;
  TargetReader targets_;
  std::uint64_t most_;
  std::uint64_t read_ = 0;
  std::uint32_t kept_ = 0;
  std::int64_t last_item_ = -1, last_cell_ = -1;
  bool key_is_lost_ = false;
};

void ColumnReader::read_edges() {
  AddressIndex index(columns_.address);
  if (index.has_twins()) file_.fail("damaged: in OBJECT_ADDRESS, an object is there twice");
  EdgeReader edges(file_, index, columns_);
  constexpr std::size_t kStep = std::size_t{1} << 16;
  const std::size_t count = columns_.objects();
  for (std::size_t i = 0; i < count; ++i) {
    if (i % kStep == 0) tell("reading references", static_cast<double>(i) / count);
    edges.read_object(static_cast<ObjectId>(i));
  }
  edges.close();
  columns_.by_address = index.take_order();
}

}  // namespace

Columns read_columns(const HeapFile& file, const Progress& progress) {
  return ColumnReader(file, progress).run();
}

}  // namespace hoop::analysis
