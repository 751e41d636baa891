// SPDX-License-Identifier: Apache-2.0
#include "snapshot/rows.h"

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "snapshot/buffers.h"
#include "snapshot/collector_lists.h"
#include "snapshot/content.h"
#include "snapshot/format.h"
#include "snapshot/frames.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/sizes.h"
#include "snapshot/types.h"

namespace hoop::snapshot {
namespace {

constexpr std::uint64_t kImmortal = 0;

std::uint8_t flags_of(Address object, bool is_tracked, const Generations& generations) {
  constexpr Offset kPreviousNode = 8;
  constexpr std::uint64_t kFinalizedBit = 1;
  if (!is_tracked) return 0;
  unsigned flags = kTracked;
  if ((word_at(object - kPreviousNode) & kFinalizedBit) != 0) flags |= kFinalized;
  if (generations.are_known())
    flags |= kGenerationKnown | generations.of(object) << kGenerationShift;
  return static_cast<std::uint8_t>(flags);
}

}  // namespace

void Rows::add(Address object, const TypeInfo& info, std::size_t edges, bool is_tracked) {
  Common common{info.row, shallow_size(object, info, layout_), coded_count(object),
                flags_of(object, is_tracked, generations_), edges};
  const bool has_text = has_text_row(info.layout);
  const bool has_slots = has_capacity_row(info.layout);
  const Text text = has_text ? text_of(object, info) : Text{};
  const Slots slots = has_slots ? slots_of(object, info, layout_) : Slots{};
  const Label label = label_of(object, info);
  const std::size_t buffer = info.buffer == BufferRule::kNone ? 0 : owned_buffer(object, info);
  const Content content = content_of(object, info, layout_);
  if (info.layout == Layout::kStr && characters_of(object, layout_).is_interned)
    common.flags |= kInterned;
  if (has_text) add_text(text);
  if (has_slots) {
    sections_.number(Section::kCapacity, slots.used);
    sections_.number(Section::kCapacity, slots.allocated);
  }
  if (!label.is_empty()) add_label(label);
  if (buffer != 0) add_buffer(buffer);
  if (content.bytes != 0) add_content(content);
  add_common(object, common);
}

void Rows::add_pseudo(Address address, std::uint32_t type_row, std::size_t edges,
                      const Label& label) {
  if (!label.is_empty()) add_label(label);
  add_common(address, {type_row, 0, kImmortal, kPseudo, edges});
}

void Rows::add_damaged(Address object, std::uint32_t type_row, std::size_t edges) {
  add_common(object, {type_row, 0, kImmortal, 0, edges});
}

void Rows::add_common(Address address, const Common& row) {
  const Address shifted = address >> kAddressShift;
  sections_.signed_number(Section::kObjectAddress,
                          static_cast<std::int64_t>(shifted - last_address_));
  last_address_ = shifted;
  sections_.number(Section::kObjectType, row.type_row);
  sections_.number(Section::kObjectSize, row.size);
  sections_.number(Section::kObjectCount, row.count);
  sections_.byte(Section::kObjectFlags, row.flags);
  sections_.number(Section::kObjectEdges, row.edges);
  ++count_;
}

void Rows::add_label(const Label& label) {
  sections_.number(Section::kLabels, count_ - last_labelled_);
  last_labelled_ = count_;
  sections_.number(Section::kLabels, label.name);
  sections_.number(Section::kLabels, label.qualified_name);
  sections_.number(Section::kLabels, label.place);
  sections_.number(Section::kLabels, label.line);
  sections_.number(Section::kLabels, label.number);
}

void Rows::add_text(const Text& text) {
  sections_.number(Section::kText, text.length);
  sections_.byte(Section::kText, text.width);
  sections_.number(Section::kText, text.text);
  sections_.bytes(Section::kText, &text.hash, sizeof text.hash);
}

void Rows::add_buffer(std::size_t bytes) {
  sections_.number(Section::kBuffers, count_ - last_with_buffer_);
  last_with_buffer_ = count_;
  sections_.number(Section::kBuffers, bytes);
}

void Rows::add_content(const Content& content) {
  sections_.number(Section::kContent, count_ - last_with_content_);
  last_with_content_ = count_;
  sections_.number(Section::kContent, content.bytes);
  sections_.number(Section::kContent, content.detail);
}

// 3.12 and later mark what never dies by the sign of the lower half; before, static objects count
// from a very large number.
std::uint64_t Rows::coded_count(Address object) const {
  constexpr std::int64_t kStaticObject = 500'000'000;
  const auto count = load<std::int64_t>(object + at::kCount);
  if (layout_.minor < 12)
    return count >= kStaticObject ? kImmortal : static_cast<std::uint64_t>(count) + 1;
  const auto low = static_cast<std::int32_t>(count);
  if (low < 0) return kImmortal;
  return layout_.minor >= 14 ? static_cast<std::uint64_t>(low) + 1
                             : static_cast<std::uint64_t>(count) + 1;
}

Rows::Text Rows::text_of(Address object, const TypeInfo& info) {
  if (info.layout == Layout::kBytes) {
    const auto length = static_cast<std::size_t>(size_of(object));
    const auto* const data = reinterpret_cast<const void*>(object + 32);
    return {length, 0, 0, static_cast<std::uint32_t>(hash_.of(data, length))};
  }
  const Characters text = characters_of(object, layout_);
  if (text.width == 0) return {text.length, 1, 0, 0};
  const bool is_shown = text.is_interned || strings_.shows_values();
  return {text.length, static_cast<std::uint8_t>(text.width),
          is_shown ? strings_.of_key(object) : 0,
          static_cast<std::uint32_t>(hash_.of(text.data, text.length * text.width))};
}

Label Rows::label_of(Address object, const TypeInfo& info) {
  Label label;
  switch (info.layout) {
    case Layout::kFunction:
      label.name = strings_.of_name(word_at(object + at::kFunctionName));
      label.qualified_name = strings_.of_name(word_at(object + at::kFunctionQualifiedName));
      label.place = strings_.of_name(word_at(object + at::kFunctionModule));
      return label;
    case Layout::kCode:
      return label_of_code(object);
    case Layout::kModule:
      return label_of_module(object);
    case Layout::kBuiltinFunction:
      label.name = strings_.of_c_string(word_at(word_at(object + at::kBuiltinDefinition)));
      return label;
    case Layout::kFrame:
      return label_of_frame(describe_frame_object(object, layout_));
    case Layout::kGenerator:
      label = label_of_frame(view_generator(object, layout_));
      label.number = 1;
      return label;
    case Layout::kTraceback: {
      const Address frame = word_at(object + at::kTracebackFrame);
      if (frame != 0) label = label_of_frame(describe_frame_object(frame, layout_));
      const auto line = load<std::int32_t>(object + at::kTracebackLine);
      if (line > 0) label.line = static_cast<std::uint32_t>(line);
      return label;
    }
    case Layout::kLruCache:
      label.number = static_cast<std::uint64_t>(load<std::int64_t>(object + at::kLruMaximum) + 1);
      return label;
    case Layout::kDeque:
      label.number = static_cast<std::uint64_t>(load<std::int64_t>(object + at::kDequeMaximum) + 1);
      return label;
    default:
      return label;
  }
}

Label Rows::label_of_code(Address code) {
  const CodeLayout& at = layout_.code;
  Label label;
  label.name = strings_.of_name(word_at(code + at.name));
  if (at.qualified_name != kAbsent)
    label.qualified_name = strings_.of_name(word_at(code + at.qualified_name));
  label.place = strings_.of_name(word_at(code + at.file_name));
  label.line = static_cast<std::uint32_t>(load<std::int32_t>(code + at.first_line));
  label.number = static_cast<std::uint64_t>(load<std::int32_t>(code + at.positional_count));
  return label;
}

Label Rows::label_of_module(Address module) {
  Label label;
  const Address dict = word_at(module + at::kModuleDict);
  if (dict == 0) return label;
  label.name = strings_.of_name(find_by_text(dict, "__name__", layout_));
  label.place = strings_.of_name(find_by_text(dict, "__file__", layout_));
  return label;
}

Label Rows::label_of_frame(const FrameView& frame) {
  if (frame.code == 0) return {};
  Label label = label_of_code(frame.code);
  const std::uint32_t line = line_of(frame, layout_);
  if (line != 0) label.line = line;
  label.number = frame.is_suspended ? 1 : 0;
  return label;
}

}  // namespace hoop::snapshot
