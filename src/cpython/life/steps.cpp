// SPDX-License-Identifier: Apache-2.0
// What a step says: scopes and the objects that can be reached from them, as far as they changed.
#include <Python.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/compat/gc_state.h"
#include "cpython/compat/life_frames.h"
#include "cpython/compat/object_count.h"
#include "cpython/life/recorder.h"

extern "C" std::size_t _PySys_GetSizeOf(PyObject*);  // NOLINT(readability-identifier-naming)

namespace hoop::cpython::life {
namespace {

constexpr const char* kStepKinds[] = {"line", "call", "return", "exception", "end"};
constexpr const char* kScopeKinds[] = {"module",        "function",  "class",
                                       "comprehension", "generator", "coroutine"};

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash | 1;
}

const void* block_of(PyObject* object, const Known& known) {
  return reinterpret_cast<const void*>(reinterpret_cast<Address>(object) - known.offset);
}

std::uint32_t length_of(PyObject* object) {
  return PyUnicode_CheckExact(object) ? static_cast<std::uint32_t>(PyUnicode_GET_LENGTH(object))
                                      : 0;
}

// Whether sys.getsizeof() runs no code of the program's.
bool has_plain_size(PyObject* object) {
  PyObject* const name = PyUnicode_InternFromString("__sizeof__");
  PyObject* const method = name != nullptr ? _PyType_Lookup(Py_TYPE(object), name) : nullptr;
  const bool is_plain = method != nullptr && Py_TYPE(method) == &PyMethodDescr_Type;
  Py_XDECREF(name);
  PyErr_Clear();
  return is_plain;
}

std::uint64_t bytes_in(int file) {
  struct stat status;
  return file >= 0 && ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace

// --- scopes ---

class Recorder::NameVisitor final : public Visitor {
 public:
  NameVisitor(Recorder& recorder, Text& text) : recorder_(recorder), text_(text) {}

  bool reference(const Label& label, PyObject* target, Strength) override {
    const char* const name = label.text != nullptr ? label.text : plain_text(label.name);
    const Number number = recorder_.see(target);
    if (number == 0) return true;
    recorder_.objects_[number].named = recorder_.objects_.step();
    text_.add_char('\t');
    if (name != nullptr) {
      text_.add_clean(name);
    } else {
      const std::size_t begin = text_.size();
      add_label(text_, {LabelKind::kAttribute, 0, label.name, nullptr});
      text_.remove_at(begin);  // the dot
    }
    text_.add_char(kPart).add_number(number);
    return true;
  }

 private:
  Recorder& recorder_;
  Text& text_;
};

void Recorder::write_scope(const ThreadStack& stack, const Active& call, PyObject* passing) {
  PyCodeObject* const code = code_of(call.frame);
  const Reader reader(*layout_, *this, subtype_traverse_);
  scratch_.clear();
  scratch_.add_number(call.scope).add_char('\t');
  const char* const name = plain_text(title_of(code));
  scratch_.add_clean(name != nullptr ? name : "?").add_char('\t');
  scratch_.add(kScopeKinds[static_cast<unsigned>(call.kind)]).add_char('\t');
  scratch_.add_clean({stack.name.data(), stack.name.size()});
  NameVisitor visitor(*this, scratch_);
  if (call.kind == ScopeKind::kModule || call.kind == ScopeKind::kClass) {
    PyObject* const names = names_of(call.frame, *layout_);
    if (names != nullptr && PyDict_Check(names)) reader.visit_names(names, visitor);
  } else {
    reader.visit_frame(call.inner, visitor);
  }
  if (passing != nullptr && passing != Py_None)
    visitor.reference({LabelKind::kText, 0, nullptr, passing_name_}, passing, Strength::kStrong);
  const std::uint64_t hash = hash_of(scratch_.view());
  if (scopes_[call.scope - 1].hash == hash) return;
  scopes_[call.scope - 1].hash = hash;
  stream_.begin('N').add_char('\t').add(scratch_.view());
  stream_.end();
}

void Recorder::write_scopes(const ThreadStack* current) {
  Text& line = order_;
  line.clear();
  const auto add = [&](const ThreadStack& stack) {
    for (std::size_t i = 0; i < stack.calls.size(); ++i) {
      const Active& call = stack.calls[i];
      const bool is_innermost = &stack == current && i + 1 == stack.calls.size();
      write_scope(stack, call, is_innermost ? passing_ : nullptr);
      line.add_char('\t').add_number(call.scope).add_char(':');
      line.add_number(static_cast<std::uint64_t>(call.line < 0 ? 0 : call.line));
    }
  };
  for (ThreadStack& stack : stacks_)
    if (stack.state != nullptr && &stack != current) drop_ended(stack);
  write_main_scope();
  line.add(main_scope_ != 0 ? "\t" : "");
  if (main_scope_ != 0) line.add_number(main_scope_).add(":0");
  for (const ThreadStack& stack : stacks_)
    if (stack.state != nullptr && &stack != current) add(stack);
  if (current != nullptr) add(*current);
  stream_.begin('S').add(line.view());
  stream_.end();
}

// Where the module's own frame is gone its names are still there.
void Recorder::write_main_scope() {
  for (const ThreadStack& stack : stacks_)
    for (std::size_t i = 0; i < stack.calls.size(); ++i)
      if (stack.calls[i].kind == ScopeKind::kModule &&
          globals_of(stack.calls[i].frame, *layout_) == main_dict_) {
        main_scope_ = 0;
        first_scope_ = stack.calls[i].scope;
        return;
      }
  main_scope_ = first_scope_;
  if (main_scope_ == 0 || main_dict_ == nullptr) return;
  const Reader reader(*layout_, *this, subtype_traverse_);
  scratch_.clear();
  scratch_.add_number(main_scope_).add("\t<module>\tmodule\tMainThread");
  NameVisitor visitor(*this, scratch_);
  reader.visit_names(main_dict_, visitor);
  const std::uint64_t hash = hash_of(scratch_.view());
  if (scopes_[main_scope_ - 1].hash == hash) return;
  scopes_[main_scope_ - 1].hash = hash;
  stream_.begin('N').add_char('\t').add(scratch_.view());
  stream_.end();
}

// --- objects ---

Number Recorder::see(PyObject* object) {
  Number number = objects_.find(object);
  if (number != 0 && objects_[number].is_constant && PyUnicode_CheckExact(object) &&
      objects_[number].length != length_of(object)) {
    objects_.forget_reused(number);
    number = 0;
  }
  if (number != 0 && objects_[number].visited == objects_.step()) return number;
  if (queue_.size() >= limits_.objects) {
    objects_limited_ = true;
    return 0;
  }
  if (number == 0) {
    Origin origin{};
    number = objects_.add(object, origin);
    if (number == 0) return 0;
    announce(number, object, origin);
    alive_.push(number);
  }
  objects_[number].visited = objects_.step();
  queue_.push(number);
  return number;
}

void Recorder::announce(Number number, PyObject* object, Origin origin) {
  Known& known = objects_[number];
  known.is_constant = Reader::is_constant(object);
  known.length = length_of(object);
  known.has_plain_size = has_plain_size(object);
  const Reader reader(*layout_, *this, subtype_traverse_);
  Text& text = announcement_;
  text.clear();
  text.add("T\t").add_number(number).add_char('\t');
  reader.describe_type(Py_TYPE(object), text);
  text.add_char('\t').add_char(is_immortal(object) ? '1' : '0').add_char('\t');
  text.add_number(known.is_in_heap ? process_heap.usable_size(block_of(object, known)) : 0);
  text.add_char('\t').add_char(static_cast<char>(origin));
  text.add_char(known.born == objects_.step() ? 'n' : 'e').add_char('\t');
  reader.describe(object, text);
  stream_.text().add(text.view());
  stream_.end();
}

class Recorder::EdgeVisitor final : public Visitor {
 public:
  // `is_foreign`: of what a library made, only the program's own objects are shown.
  EdgeVisitor(Recorder& recorder, Text& text, Number source, bool is_foreign)
      : recorder_(recorder),
        text_(text),
        source_(source),
        left_(recorder.limits_.edges),
        is_foreign_(is_foreign) {}

  bool reference(const Label& label, PyObject* target, Strength strength) override {
    if (left_ == 0) {
      text_.add_char('\t').add("...").add_char(kPart).add_char('0').add_char(kPart).add_char('s');
      return false;
    }
    if (is_foreign_ && !recorder_.is_of_interest(target)) return true;
    --left_;
    // A weak reference leads nowhere: what it refers to is shown where something holds it.
    const Number number =
        strength == Strength::kWeak ? recorder_.objects_.find(target) : see_from_source(target);
    text_.add_char('\t');
    add_label(text_, label);
    text_.add_char(kPart).add_number(number).add_char(kPart);
    text_.add_char(strength == Strength::kWeak ? 'w' : 's');
    return true;
  }
  // What only garbage leads to is garbage too.
  Number see_from_source(PyObject* target) {
    const Number number = recorder_.objects_.find(target);
    Objects& objects = recorder_.objects_;
    const bool is_seen = number != 0 && objects[number].visited == objects.step();
    const Number seen = recorder_.see(target);
    if (seen == 0 || is_seen || !objects[source_].is_garbage) return seen;
    Known& known = objects[seen];
    const bool is_own = known.born != 0 || known.is_from_free_list;
    known.is_garbage = !known.is_constant && is_own && !PyFunction_Check(target);
    return seen;
  }
  void storage(const void* block) override {
    if (block == nullptr || is_foreign_ || !recorder_.objects_.claim_storage(block, source_))
      return;
    Text& text = recorder_.stream_.text();
    text.add("M\t+\t").add_number(source_).add("\tstorage\t1\t");
    text.add_number(process_heap.usable_size(block)).add_char('\n');
  }

 private:
  Recorder& recorder_;
  Text& text_;
  Number source_;
  std::uint32_t left_;
  bool is_foreign_;
};

// Seen already, or an instance of a class of the program's.
bool Recorder::is_of_interest(PyObject* object) const {
  const Number number = objects_.find(object);
  const Reader reader(*layout_, *this, subtype_traverse_);
  if (number != 0) return !Reader::is_constant(object) && objects_.at(number).is_shown;
  return reader.is_of_program(Py_TYPE(object));
}

std::size_t Recorder::size_of(PyObject* object, const Known& known) {
  if (known.has_plain_size) {
    const std::size_t size = _PySys_GetSizeOf(object);
    if (size != static_cast<std::size_t>(-1)) return size;
    PyErr_Clear();
  }
  return static_cast<std::size_t>(Py_TYPE(object)->tp_basicsize) + known.offset;
}

std::int8_t Recorder::generation_of(PyObject* object, Known& known) {
  if (PyObject_GC_IsTracked(object) == 0) return kNotTracked;
  if (!has_gc_) return kUnknownGeneration;
  if (known.generation >= 0) return known.generation;
  // Tracked since a collection: among the youngest.
  if (known.born > collection_step_ && known.born != 0) return 0;
  const ListNode* const node = node_of(object);
  for (std::int8_t i = 0; i < kGenerationCount - 1; ++i) {
    const ListNode* const head = &gc_.generations[i].head;
    for (const ListNode* at = head->after(); at != head; at = at->after())
      if (at == node) return i;
  }
  return kGenerationCount - 1;
}

// After a collection: those that it moved.
void Recorder::refresh_generations() {
  if (!generations_stale_ || !has_gc_) return;
  generations_stale_ = false;
  for (std::size_t i = 0; i < alive_.size(); ++i) {
    Known& known = objects_[alive_[i]];
    if (known.generation >= 0) known.generation = kGenerationCount - 1;
  }
  for (std::int8_t i = 0; i < kGenerationCount - 1; ++i) {
    ListNode* const head = &gc_.generations[i].head;
    for (ListNode* at = head->after(); at != head; at = at->after())
      if (const Number number = objects_.find(object_of(at))) objects_[number].generation = i;
  }
}

void Recorder::write_object(Number number) {
  PyObject* const object = reinterpret_cast<PyObject*>(objects_[number].object);
  const Reader reader(*layout_, *this, subtype_traverse_);
  Known copy = objects_[number];
  const std::int8_t generation = generation_of(object, copy);
  Text& text = scratch_;
  text.clear();
  text.add_number(number).add_char('\t').add_number(size_of(object, copy)).add_char('\t');
  Py_ssize_t count = Py_REFCNT(object);
  for (PyObject* const held : adjusted_)
    if (held == object) --count;
  text.add_signed(is_immortal(object) ? -1 : count).add_char('\t');
  text.add_char(generation == kNotTracked ? '0' : '1').add_char('\t');
  text.add_signed(generation).add_char('\t');
  text.add(copy.is_garbage ? "g" : "").add(Objects::is_finalized(copy) ? "z" : "").add_char('\t');
  if (!copy.is_constant) {
    reader.describe(object, text);
    // What is older than the program is looked into where a name leads to it.
    const bool is_own = copy.born != 0 || copy.is_from_free_list || !copy.is_in_heap ||
                        copy.named == objects_.step();
    EdgeVisitor visitor(*this, text, number, !is_own || reader.is_foreign(Py_TYPE(object)));
    reader.visit(object, visitor);
  }
  const std::uint64_t hash = hash_of(text.view());
  Known& known = objects_[number];
  known.generation = generation;
  if (known.is_shown && known.hash == hash) return;
  known.hash = hash;
  if (!known.is_shown) shown_.push(number);
  known.is_shown = true;
  stream_.begin('O').add_char('\t').add(text.view());
  stream_.end();
}

void Recorder::write_objects() {
  std::size_t next = 0;
  const auto write_queue = [&] {
    while (next < queue_.size()) write_object(queue_[next++]);
  };
  write_queue();
  find_floating();
  for (std::size_t i = 0; i < floating_.size(); ++i) {
    const Number number = floating_[i];
    if (objects_[number].visited == objects_.step()) continue;
    see(reinterpret_cast<PyObject*>(objects_[number].object));
  }
  write_queue();
}

// --- the step ---

void Recorder::write_gone() {
  std::size_t kept = 0;
  bool is_first = true;
  for (std::size_t i = 0; i < shown_.size(); ++i) {
    Known& known = objects_[shown_[i]];
    if (known.visited == objects_.step() && known.object != 0) {
      shown_[kept++] = shown_[i];
      continue;
    }
    known.is_shown = false;
    if (is_first) stream_.begin('R');
    is_first = false;
    stream_.field().add_number(shown_[i]);
  }
  if (!is_first) stream_.end();
  shown_.resize_down(kept);
  for (std::size_t i = 0; i < objects_.deaths().size(); ++i) {
    const Death& death = objects_.deaths()[i];
    Text& text = stream_.begin('D').add_char('\t').add_number(death.number).add_char('\t');
    text.add_signed(death.generation).add_char('\t').add_char(static_cast<char>(death.memory));
    text.add_char('\t').add_char(death.is_finalized ? '1' : '0');
    text.add_char('\t').add_number(death.bytes);
    stream_.end();
  }
}

void Recorder::write_flows() {
  const auto flow = [&](char sign, const char* role, std::uint64_t count, std::uint64_t bytes) {
    if (count == 0) return;
    Text& text = stream_.begin('M').add_char('\t').add_char(sign).add("\t0\t").add(role);
    text.add_char('\t').add_number(count).add_char('\t').add_number(bytes);
    stream_.end();
  };
  flow('+', "other", objects_.fresh().count, objects_.fresh().bytes);
  flow('+', "passing", objects_.passing().count, objects_.passing().bytes);
  Flow others{};
  for (std::size_t i = 0; i < objects_.given_back().size(); ++i) {
    const Given& given = objects_.given_back()[i];
    if (given.owner == 0) {
      ++others.count;
      others.bytes += given.bytes;
      continue;
    }
    Text& text = stream_.begin('M').add("\t-\t").add_number(given.owner).add_char('\t');
    text.add(given.is_object ? "object" : "storage").add("\t1\t").add_number(given.bytes);
    stream_.end();
  }
  flow('-', "other", others.count, others.bytes);
}

void Recorder::write_outputs() {
  stream_.begin('P');
  stream_.field().add_number(bytes_in(output_));
  stream_.field().add_number(bytes_in(errors_));
  stream_.end();
}

std::uint32_t Recorder::file_number(PyObject* name) {
  const char* const plain = plain_text(name);
  const std::uint64_t hash = hash_of(plain != nullptr ? plain : "?");
  for (std::size_t i = 0; i < files_.size(); ++i)
    if (files_[i] == hash) return static_cast<std::uint32_t>(i + 1);
  files_.push(hash);
  stream_.begin('F');
  stream_.field().add_number(files_.size());
  stream_.field().add_clean(plain != nullptr ? plain : "?");
  stream_.end();
  return static_cast<std::uint32_t>(files_.size());
}

void Recorder::write_step(StepKind kind, ThreadStack* stack, PyCodeObject* code, int line,
                          const Text& extra) {
  if (phase_ != Phase::kRunning) return;
  queue_.clear();
  objects_limited_ = false;
  refresh_generations();
  const std::uint32_t file = code != nullptr ? file_number(code->co_filename) : 0;
  write_scopes(stack);
  write_objects();
  write_gone();
  write_flows();
  write_outputs();
  Text& text = stream_.begin('E').add_char('\t').add(kStepKinds[static_cast<unsigned>(kind)]);
  text.add_char('\t').add_number(file).add_char('\t');
  text.add_number(static_cast<std::uint64_t>(line < 0 ? 0 : line)).add_char('\t');
  if (stack != nullptr) text.add_clean({stack->name.data(), stack->name.size()});
  text.add_char('\t');
  if (code != nullptr) {
    const char* const title = plain_text(title_of(code));
    text.add_clean(title != nullptr ? title : "?");
  }
  text.add_char('\t').add(extra.view()).add_char('\t').add_char(objects_limited_ ? '1' : '0');
  stream_.end();
  stream_.flush();
  objects_.next_step();
  if (++written_steps_ >= limits_.steps && kind != StepKind::kEnd) stop("steps");
}

// The interpreter is gone: what died with it.
void Recorder::close() noexcept {
  if (phase_ != Phase::kEnding) return;
  phase_ = Phase::kOver;
  write_gone();
  write_outputs();
  stream_.begin('E').add("\tend\t0\t0\t\t\tgone\t0");
  stream_.end();
  stream_.begin('X').add("\tdone");
  stream_.end();
  stream_.flush();
}

}  // namespace hoop::cpython::life
