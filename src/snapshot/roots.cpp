// SPDX-License-Identifier: Apache-2.0
#include "snapshot/roots.h"

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/units.h"
#include "cycles/object_map.h"
#include "snapshot/format.h"
#include "snapshot/frames.h"
#include "snapshot/interpreter_layout.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"
#include "snapshot/rows.h"
#include "snapshot/strings.h"
#include "snapshot/walker.h"

namespace hoop::snapshot {
namespace {

constexpr std::size_t kMostFrames = 100'000;
constexpr std::size_t kMostThreads = 100'000;
constexpr Offset k310Back = 24;
constexpr std::size_t kObjectAlignment = 16;

const char* name_of_field(const InterpreterLayout& where, std::size_t offset) {
  for (const NamedField& field : where.fields)
    if (field.name != nullptr && field.offset == offset) return field.name;
  return nullptr;
}

}  // namespace

void Roots::add(Address interpreter, const InterpreterLayout& where, const cycles::ObjectMap& known,
                std::span<const Address> handlers) {
  interpreter_type_ = types_.add_pseudo("<interpreter>", Layout::kInterpreter);
  thread_type_ = types_.add_pseudo("<thread>", Layout::kThread);
  frame_type_ = types_.add_pseudo("<frame>", Layout::kRunningFrame);
  if (interpreter == 0 || where.bytes == 0) return;
  add_interpreter(interpreter, where, known, handlers);
  Address thread = word_at(interpreter + where.threads_head);
  for (std::size_t i = 0; thread != 0 && i < kMostThreads; ++i) {
    add_thread(thread);
    thread = word_at(thread + at::kThreadNext);
  }
}

Address Roots::find_interned(Address interpreter, const InterpreterLayout& where,
                             const cycles::ObjectMap& known) const {
  for (std::size_t offset = 0; offset < where.bytes; offset += kPointer) {
    const Address word = word_at(interpreter + offset);
    if (word != 0 && word % kObjectAlignment == 0 && known.contains(word) &&
        is_table_of_strings(word))
      return word;
  }
  return 0;
}

bool Roots::is_table_of_strings(Address object) const {
  constexpr std::uint64_t kMany = 256;
  if ((flags_of_type(type_of(object)) & type_flag::kDict) == 0) return false;
  if (load<std::uint64_t>(object + at::kDictUsed) < kMany) return false;
  bool is_one = true;
  for_each_item(object, layout_,
                [&](Address key, Address value) { is_one = is_one && key == value; });
  return is_one;
}

void Roots::add_row(Address address, std::uint32_t type, const Label& label) {
  sections_.number(Section::kRoots, rows_.count());
  rows_.add_pseudo(address, type, edges_.count(), label);
}

void Roots::add_interpreter(Address interpreter, const InterpreterLayout& where,
                            const cycles::ObjectMap& known, std::span<const Address> handlers) {
  edges_.begin(interpreter);
  scan(interpreter, where, known);
  if (where.exit_callbacks != 0) add_exit_callbacks(interpreter + where.exit_callbacks);
  const StringNumber name = strings_.of_constant("signal handlers");
  for (const Address handler : handlers) edges_.add_named(EdgeKind::kAttribute, name, handler);
  Address thread = word_at(interpreter + where.threads_head);
  for (std::size_t i = 0; thread != 0 && i < kMostThreads; ++i) {
    edges_.add_pseudo(EdgeKind::kField, thread);
    thread = word_at(thread + at::kThreadNext);
  }
  add_row(interpreter, interpreter_type_, {});
}

// struct atexit_state: callbacks, an array of pointers to (function, arguments, keywords); how
// many.
void Roots::add_exit_callbacks(Address callbacks) {
  // 3.12 and 3.13 have two words for callbacks of C before it.
  const Address state = callbacks + (layout_.minor >= 12 ? 16 : 0);
  const Address array = word_at(state);
  const auto count = load<std::int32_t>(state + 8);
  const StringNumber name = strings_.of_constant("atexit.register");
  for (std::int32_t i = 0; array != 0 && i < count; ++i) {
    const Address callback = word_at(array + static_cast<Address>(i) * sizeof(Address));
    if (callback == 0) continue;
    for (Address field = 0; field < 3; ++field)
      edges_.add_named(EdgeKind::kAttribute, name, word_at(callback + field * sizeof(Address)));
  }
}

void Roots::scan(Address interpreter, const InterpreterLayout& where,
                 const cycles::ObjectMap& known) {
  for (std::size_t offset = 0; offset < where.bytes; offset += kPointer) {
    const Address word = word_at(interpreter + offset);
    if (word == 0) continue;
    const char* const name = name_of_field(where, offset);
    if (name != nullptr) {
      edges_.add_named(EdgeKind::kAttribute, strings_.of_constant(name), word);
    } else if (word % kObjectAlignment == 0 && known.contains(word)) {
      // Caches too refer to objects, and hold nothing.
      edges_.add(EdgeKind::kField, word, Counted::kNo);
    }
  }
}

void Roots::add_thread(Address thread) {
  std::size_t depth = 0;
  if (layout_.minor > 10) for_each_frame(thread, [this](Address frame) { add_frame(frame); });
  edges_.begin(thread);
  const auto named = [&](Offset offset, const char* name) {
    edges_.add_named(EdgeKind::kAttribute, strings_.of_constant(name), word_at(thread + offset));
  };
  named(layout_.thread_dict, "dict of the thread");
  named(layout_.thread_context, "context");
  for_each_frame(thread, [&](Address frame) {
    if (layout_.minor > 10) {
      edges_.add_frame(depth++, frame);
    } else {
      edges_.add_frame_object(depth++, frame);
    }
  });
  Label label;
  const Offset id =
      layout_.thread_native_id != kAbsent ? layout_.thread_native_id : layout_.thread_id;
  label.number = word_at(thread + id);
  add_row(thread, thread_type_, label);
}

// A frame of a generator is the generator's: it has the edges.
void Roots::add_frame(Address frame) {
  const FrameView view = view_interpreter_frame(frame, layout_);
  const auto owner = load<std::uint8_t>(frame + layout_.frame.owner);
  const auto reference = [&](Offset offset) { return word_at(frame + offset) & ~kReferenceTags; };
  edges_.begin(frame);
  if (view.code != 0 && owner == kOwnedByGenerator) {
    edges_.add(EdgeKind::kField, frame - layout_.generator_frame, Counted::kNo);
  } else if (view.code != 0 && owner < kOwnedByInterpreter && owner != kOwnedByFrameObject) {
    const auto named = [&](Address target, const char* name, Counted counted) {
      edges_.add_named(EdgeKind::kAttribute, strings_.of_constant(name), target, counted);
    };
    named(reference(layout_.frame.function), "function", Counted::kYes);
    named(view.code, "code", Counted::kYes);
    named(word_at(frame + layout_.frame.globals), "globals", Counted::kNo);
    named(word_at(frame + layout_.frame.locals_dict), "locals", Counted::kYes);
    named(word_at(frame + layout_.frame.object), "frame", Counted::kYes);
    walker_.walk_slots(view, Counted::kYes);
  }
  rows_.add_pseudo(frame, frame_type_, edges_.count(), rows_.label_of_frame(view));
}

Address Roots::top_frame(Address thread) const {
  const Address word = word_at(thread + layout_.thread_frame);
  if (layout_.minor == 11) return word != 0 ? word_at(word + sizeof(Address)) : 0;
  if (layout_.minor == 12) return word != 0 ? word_at(word) : 0;
  return word;
}

template <class F>
void Roots::for_each_frame(Address thread, F&& visit) const {
  const Offset previous = layout_.minor == 10 ? k310Back : layout_.frame.previous;
  Address frame = top_frame(thread);
  for (std::size_t i = 0; frame != 0 && i < kMostFrames; ++i) {
    visit(frame);
    frame = word_at(frame + previous);
  }
}

}  // namespace hoop::snapshot
