// SPDX-License-Identifier: Apache-2.0
// Makes snapshot files of any content, from docs/format/snapshot.md and not from the writer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "snapshot/format.h"

namespace hoop::testing {

struct BuiltEdge {
  std::uint32_t target;  // object number; kNowhere: an address that is no object
  snapshot::EdgeKind kind = snapshot::EdgeKind::kField;
  std::string name = {};
  std::uint32_t index = 0;
  bool counted = true;

  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
};

struct BuiltObject {
  std::uint32_t type = 0;
  std::uint64_t bytes = 64;
  std::uint32_t extra_count = 0;  // references that only C holds
  bool immortal = false;
  std::uint8_t flags = 1;
  std::string text = {};
  std::vector<BuiltEdge> edges = {};
  std::uint64_t address = 0;  // 0: chosen
  std::uint64_t buffer = 0;
};

struct BuiltType {
  std::string name, module;
  snapshot::Layout layout = snapshot::Layout::kOther;
  std::uint32_t flags = 0;
  std::uint64_t address = 0;
};

struct BuiltLabel {
  std::string name, qualified, file;
  std::uint32_t line = 0;
  std::uint64_t number = 0;
};

class SnapshotBuilder {
 public:
  std::vector<BuiltType> types;
  std::vector<BuiltObject> objects;
  std::vector<std::uint32_t> roots;
  std::map<std::uint32_t, BuiltLabel> labels;
  std::vector<std::pair<std::string, std::string>> meta{{"python", "3.12.1"}};
  std::vector<std::pair<std::string, std::uint64_t>> memory;
  std::size_t block_bytes = std::size_t{256} << 10;

  std::uint32_t add_type(const std::string& name, snapshot::Layout layout,
                         const std::string& module = "builtins") {
    types.push_back({name, module, layout, 0, 0});
    return static_cast<std::uint32_t>(types.size() - 1);
  }
  std::uint32_t add(BuiltObject object) {
    if (object.address == 0) object.address = 0x7F0000000000 + objects.size() * 64;
    objects.push_back(std::move(object));
    return static_cast<std::uint32_t>(objects.size() - 1);
  }

  [[nodiscard]] std::string build() {
    for (auto& section : sections_) section.clear();
    strings_.clear();
    write_types();
    write_objects();
    write_edges();
    write_sparse();
    for (const auto& [key, value] : meta)
      number(snapshot::Section::kMeta, string(key)),
          number(snapshot::Section::kMeta, string(value));
    for (const auto& [name, bytes] : memory)
      number(snapshot::Section::kMemory, string(name)), number(snapshot::Section::kMemory, bytes);
    return frame();
  }
  void write(const std::string& path) { std::ofstream(path, std::ios::binary) << build(); }

 private:
  using Section = snapshot::Section;

  std::string& at(Section section) { return sections_[static_cast<std::size_t>(section)]; }
  void number(Section section, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) at(section) += static_cast<char>(value | 0x80);
    at(section) += static_cast<char>(value);
  }
  void signed_number(Section section, std::uint64_t difference) {
    number(section, snapshot::zigzag(static_cast<std::int64_t>(difference)));
  }
  std::uint64_t string(const std::string& text) {
    if (text.empty()) return 0;
    const auto [found, is_new] = strings_.try_emplace(text, strings_.size() + 1);
    if (is_new) {
      number(Section::kStrings, text.size());
      at(Section::kStrings) += text;
    }
    return found->second;
  }

  void write_types() {
    std::uint64_t before = 0;
    for (const BuiltType& type : types) {
      signed_number(Section::kTypes, (type.address >> 3) - before);
      before = type.address >> 3;
      number(Section::kTypes, string(type.name));
      number(Section::kTypes, string(type.module));
      number(Section::kTypes, type.flags);
      number(Section::kTypes, 16);
      number(Section::kTypes, 0);
      at(Section::kTypes) += static_cast<char>(type.layout);
      signed_number(Section::kTypes, 0);
    }
  }
  void write_objects() {
    std::vector<std::uint64_t> counts(objects.size(), 1);
    for (const BuiltObject& object : objects)
      for (const BuiltEdge& edge : object.edges)
        if (edge.target != BuiltEdge::kNowhere && edge.counted &&
            edge.kind != snapshot::EdgeKind::kWeak)
          ++counts[edge.target];
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      const BuiltObject& object = objects[i];
      signed_number(Section::kObjectAddress, (object.address >> 3) - before);
      before = object.address >> 3;
      number(Section::kObjectType, object.type);
      number(Section::kObjectSize, object.bytes);
      number(Section::kObjectCount, object.immortal ? 0 : counts[i] + object.extra_count);
      at(Section::kObjectFlags) += static_cast<char>(object.flags);
      number(Section::kObjectEdges, object.edges.size());
      write_rows_of(object);
    }
  }
  void write_rows_of(const BuiltObject& object) {
    const snapshot::Layout layout = types[object.type].layout;
    if (snapshot::has_text_row(layout)) {
      number(Section::kText, object.text.size());
      at(Section::kText) += '\1';
      number(Section::kText, string(object.text));
      at(Section::kText) += "hash";
    } else if (snapshot::has_capacity_row(layout)) {
      number(Section::kCapacity, object.edges.size());
      number(Section::kCapacity, object.edges.size() + 2);
    }
  }
  void write_edges() {
    std::array<std::uint64_t, snapshot::kRecentTargets> recent{};
    for (const BuiltObject& object : objects) {
      std::map<snapshot::EdgeKind, std::uint64_t> next_index;
      for (const BuiltEdge& edge : object.edges) {
        at(Section::kEdgeKind) +=
            static_cast<char>(static_cast<int>(edge.kind) | (edge.counted ? 0 : 64));
        write_name(edge, next_index);
        const std::uint64_t target =
            edge.target == BuiltEdge::kNowhere ? 0x123456 : objects[edge.target].address >> 3;
        std::uint64_t& slot = recent[snapshot::recent_slot(target)];
        if (slot == target) {
          number(Section::kEdgeTarget, snapshot::recent_slot(target) << 1 | 1);
        } else {
          slot = target;
          number(Section::kEdgeTarget,
                 snapshot::zigzag(static_cast<std::int64_t>(target - (object.address >> 3))) << 1);
        }
      }
    }
  }
  void write_name(const BuiltEdge& edge, std::map<snapshot::EdgeKind, std::uint64_t>& next_index) {
    switch (snapshot::name_of(edge.kind)) {
      case snapshot::EdgeName::kNone:
        return;
      case snapshot::EdgeName::kString:
        return number(Section::kEdgeName, string(edge.name));
      case snapshot::EdgeName::kDepth:
        return number(Section::kEdgeName, edge.index);
      case snapshot::EdgeName::kIndex:
        signed_number(Section::kEdgeName, edge.index - next_index[edge.kind]);
        next_index[edge.kind] = edge.index + 1;
    }
  }
  void write_sparse() {
    std::uint32_t before = 0;
    for (const auto& [object, label] : labels) {
      number(Section::kLabels, object - std::exchange(before, object));
      number(Section::kLabels, string(label.name));
      number(Section::kLabels, string(label.qualified));
      number(Section::kLabels, string(label.file));
      number(Section::kLabels, label.line);
      number(Section::kLabels, label.number);
    }
    before = 0;
    for (std::uint32_t i = 0; i < objects.size(); ++i) {
      if (objects[i].buffer == 0) continue;
      number(Section::kBuffers, i - std::exchange(before, i));
      number(Section::kBuffers, objects[i].buffer);
    }
    for (const std::uint32_t root : roots) number(Section::kRoots, root);
  }

  template <class T>
  static void append(std::string& file, const T& value) {
    file.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::string frame() {
    snapshot::FileHeader header{};
    std::memcpy(header.magic, snapshot::kMagic, sizeof header.magic);
    header.version = snapshot::kVersion;
    header.header_bytes = sizeof header;
    header.pid = 4711;
    header.python_version = 0x030C01F0;
    header.taken = 1'700'000'000'000'000'000;
    std::string file;
    append(file, header);
    std::string directory;
    for (std::uint32_t section = 1; section < snapshot::kSectionCount; ++section) {
      const std::string& payload = sections_[section];
      for (std::size_t begin = 0; begin < payload.size(); begin += block_bytes) {
        const std::string block = payload.substr(begin, block_bytes);
        append(directory,
               snapshot::DirectoryEntry{section, 0, file.size(), block.size(), block.size()});
        append(file, snapshot::BlockHeader{section, 0, block.size(), block.size()});
        file += block;
      }
    }
    snapshot::Trailer trailer{file.size(), {}};
    std::memcpy(trailer.magic, snapshot::kEndMagic, sizeof trailer.magic);
    append(file, snapshot::BlockHeader{0, 0, directory.size(), directory.size()});
    file += directory;
    append(file, trailer);
    return file;
  }

  std::array<std::string, snapshot::kSectionCount> sections_;
  std::map<std::string, std::uint64_t> strings_;
};

}  // namespace hoop::testing
