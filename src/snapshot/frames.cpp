// SPDX-License-Identifier: Apache-2.0
#include "snapshot/frames.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/units.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {
namespace {

constexpr Offset kBytesData = 32;
constexpr Offset k310Code = 32, k310StackDepth = 80;
constexpr Offset k310Instruction = 96, k310LocalsPlus = 352;
constexpr std::size_t kMostSlots = 1 << 16;

std::size_t tuple_size(Address tuple) {
  return tuple == 0 ? 0 : static_cast<std::size_t>(size_of(tuple));
}
Address tuple_item(Address tuple, std::size_t i, const PythonLayout& layout) {
  return word_at(tuple + layout.tuple_items + i * sizeof(Address));
}

// Frames of the interpreter's own run something else.
bool is_code(Address object) {
  constexpr char kName[] = "code";
  if (object == 0 || object % sizeof(Address) != 0) return false;
  const auto* const name = reinterpret_cast<const char*>(word_at(type_of(object) + at::kTypeName));
  return std::memcmp(name, kName, sizeof kName) == 0;
}

std::size_t local_count(Address code, const PythonLayout& layout) {
  if (layout.minor == 10) {
    return static_cast<std::size_t>(load<std::int32_t>(code + layout.code.local_count)) +
           tuple_size(word_at(code + layout.code.cell_names)) +
           tuple_size(word_at(code + layout.code.free_names));
  }
  return static_cast<std::size_t>(load<std::int32_t>(code + layout.code.local_count));
}

FrameView view_310(Address object, const PythonLayout& layout) {
  FrameView view;
  if (object == 0) return view;
  view.code = word_at(object + k310Code);
  view.locals = object + k310LocalsPlus;
  view.slot_count = local_count(view.code, layout);
  // f_stackdepth counts from f_valuestack, right behind the locals; -1 while it runs.
  const auto depth = load<std::int32_t>(object + k310StackDepth);
  if (depth > 0) view.slot_count += static_cast<std::size_t>(depth);
  view.instruction = std::int64_t{load<std::int32_t>(object + k310Instruction)} * 2;
  return view;
}

// How many slots are in use, as far as the frame says so.
std::size_t slots_in_use(Address frame, std::size_t locals, const PythonLayout& layout) {
  const Address top = frame + layout.frame.stack_top;
  std::int64_t used = load<std::int32_t>(top);
  if (layout.minor >= 14) {
    const Address pointer = word_at(top);
    used = pointer == 0 ? 0
                        : static_cast<std::int64_t>(pointer - (frame + layout.frame.locals)) /
                              static_cast<std::int64_t>(sizeof(Address));
  }
  if (used < 0 || static_cast<std::size_t>(used) > locals + kMostSlots) return locals;
  return std::max(locals, static_cast<std::size_t>(used));
}

// 3.10: pairs of a length in bytes and a step in lines; -128: no line.
std::uint32_t line_by_steps(Address table, std::int64_t instruction, std::int64_t line) {
  const std::int64_t entries = size_of(table) / 2;
  std::int64_t end = 0;
  for (std::int64_t i = 0; i < entries; ++i) {
    const Address entry = table + kBytesData + static_cast<Address>(i) * 2;
    constexpr int kNoLine = -128;
    const int step = static_cast<int>(load<std::uint8_t>(entry + 1) ^ 0x80u) - 0x80;  // signed
    if (step != kNoLine) line += step;
    end += load<std::uint8_t>(entry);
    if (instruction < end) return step == kNoLine ? 0 : static_cast<std::uint32_t>(line);
  }
  return 0;
}

// 3.11 and later: Objects/locations.md of CPython describes the entries.
class LocationTable {
 public:
  explicit LocationTable(Address bytes)
      : at_(bytes + kBytesData), end_(at_ + static_cast<Address>(size_of(bytes))) {}

  std::uint32_t line_at(std::int64_t instruction, std::int64_t line) {
    constexpr unsigned kNone = 15;
    std::int64_t end = 0;
    while (at_ < end_) {
      const unsigned first = next();
      const unsigned kind = first >> 3 & 15;
      line += step(kind);
      end += std::int64_t{(first & 7) + 1} * 2;
      if (instruction < end) return kind == kNone ? 0 : static_cast<std::uint32_t>(line);
    }
    return 0;
  }

 private:
  unsigned next() { return at_ < end_ ? load<std::uint8_t>(at_++) : 0; }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    unsigned byte = next();
    unsigned shift = 0;
    for (; (byte & 64) != 0 && shift < 60; shift += 6, byte = next())
      value |= std::uint64_t{byte & 63} << shift;
    return value | std::uint64_t{byte & 63} << shift;
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    const auto half = static_cast<std::int64_t>(value >> 1);
    return (value & 1) != 0 ? -half : half;
  }
  // Reads an entry's rest; returns by how many lines it goes on.
  std::int64_t step(unsigned kind) {
    constexpr unsigned kNone = 15, kLong = 14, kNoColumns = 13, kOneLine = 10;
    if (kind == kNone) return 0;
    if (kind == kNoColumns) return signed_varint();
    if (kind == kLong) {
      const std::int64_t lines = signed_varint();
      for (int i = 0; i < 3; ++i) varint();
      return lines;
    }
    next();
    if (kind < kOneLine) return 0;
    next();
    return kind - kOneLine;
  }

  Address at_;
  Address end_;
};

}  // namespace

FrameView view_interpreter_frame(Address frame, const PythonLayout& layout) {
  FrameView view;
  const Address code = word_at(frame + layout.frame.code) & ~kReferenceTags;
  if (!is_code(code)) return view;
  view.code = code;
  view.locals = frame + layout.frame.locals;
  view.slot_count = slots_in_use(frame, local_count(code, layout), layout);
  view.instruction = static_cast<std::int64_t>(word_at(frame + layout.frame.instruction) -
                                               (code + layout.code.instructions));
  return view;
}

FrameView view_generator(Address generator, const PythonLayout& layout) {
  FrameView view;
  if (layout.minor == 10) {
    view = view_310(word_at(generator + layout.generator_frame), layout);
    view.slot_count = 0;  // its frame object has them
  } else {
    constexpr std::int8_t kCompleted = 1;
    if (load<std::int8_t>(generator + layout.generator_state) >= kCompleted) return view;
    view = view_interpreter_frame(generator + layout.generator_frame, layout);
  }
  view.is_suspended = true;
  return view;
}

FrameView view_frame_object(Address object, const PythonLayout& layout) {
  if (layout.minor == 10) return view_310(object, layout);
  const Address frame = word_at(object + layout.frame_object_frame);
  if (frame == 0 || load<std::uint8_t>(frame + layout.frame.owner) != kOwnedByFrameObject)
    return {};
  return view_interpreter_frame(frame, layout);
}

FrameView describe_frame_object(Address object, const PythonLayout& layout) {
  if (layout.minor == 10) return view_310(object, layout);
  const Address frame = word_at(object + layout.frame_object_frame);
  return frame == 0 ? FrameView{} : view_interpreter_frame(frame, layout);
}

std::uint32_t line_of(const FrameView& frame, const PythonLayout& layout) {
  if (frame.code == 0) return 0;
  const std::int64_t first = load<std::int32_t>(frame.code + layout.code.first_line);
  const Address table = word_at(frame.code + layout.code.line_table);
  const std::int64_t instruction = std::max<std::int64_t>(frame.instruction, 0);
  if (layout.minor == 10) return line_by_steps(table, instruction, first);
  return LocationTable(table).line_at(instruction, first);
}

Address local_name(const FrameView& frame, std::size_t slot, const PythonLayout& layout) {
  if (layout.minor > 10) {
    const Address names = word_at(frame.code + layout.code.local_names);
    return slot < tuple_size(names) ? tuple_item(names, slot, layout) : 0;
  }
  for (const Offset offset :
       {layout.code.variable_names, layout.code.cell_names, layout.code.free_names}) {
    const Address names = word_at(frame.code + offset);
    if (slot < tuple_size(names)) return tuple_item(names, slot, layout);
    slot -= tuple_size(names);
  }
  return 0;
}

}  // namespace hoop::snapshot
