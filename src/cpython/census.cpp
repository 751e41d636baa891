// SPDX-License-Identifier: Apache-2.0
#include "cpython/census.h"

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.h"
#include "base/units.h"
#include "cpython/compat/object_layout.h"
#include "heap/geometry.h"
#include "heap/heap.h"
#include "os/pages.h"

namespace hoop::cpython {
namespace {

constexpr std::size_t kFirstTypeCapacity = 4096;
constexpr std::size_t kWeightOne =
    16;  // weights are sixteenths: a sample's scale need not be whole

std::uint64_t hash_of(const void* type) {
  return (reinterpret_cast<Address>(type) >> 4) * 0x9E3779B97F4A7C15u;
}

std::size_t place_for(const void* type, std::size_t capacity) {
  return hash_of(type) >> 32 & (capacity - 1);
}

// One bit for each value of the hash's upper 16: small enough to stay in the processor's first
// cache, where the table is not. Most words that are looked up are no types.
constexpr std::size_t kFilterBytes = (std::size_t{1} << 16) / 8;

std::uint64_t filter_bit(const void* type) {
  return std::uint64_t{1} << (hash_of(type) >> 48) % 64;
}
std::size_t filter_word(const void* type) { return hash_of(type) >> 54; }

PyObject* subclasses_of(PyObject* type) {
  // Through `type`, since a metaclass may define the method otherwise.
  return PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyType_Type), "__subclasses__", "O",
                             type);
}

void add_weighted(TypeCount& entry, std::size_t bytes, std::size_t weight) {
  entry.count += weight;
  entry.bytes += bytes * weight;
}

}  // namespace

Census::~Census() {
  if (table_ != nullptr) os::unmap(table_, capacity_ * sizeof(TypeCount));
  if (filter_ != nullptr) os::unmap(filter_, kFilterBytes);
  Py_XDECREF(types_);
}

TypeCount* Census::find(const void* type) const noexcept {
  std::size_t place = place_for(type, capacity_);
  while (table_[place].type != nullptr && table_[place].type != type)
    place = (place + 1) & (capacity_ - 1);
  return &table_[place];
}

bool Census::may_be_known(const void* type) const noexcept {
  return (filter_[filter_word(type)] & filter_bit(type)) != 0;
}

bool Census::grow() noexcept {
  TypeCount* const old = table_;
  const std::size_t old_capacity = capacity_;
  const std::size_t grown = old == nullptr ? kFirstTypeCapacity : old_capacity * 2;
  void* const pages = os::map(round_up(grown * sizeof(TypeCount), os::kPageBytes));
  if (pages == nullptr) return false;
  table_ = static_cast<TypeCount*>(pages);
  capacity_ = grown;
  for (std::size_t i = 0; i < old_capacity; ++i) {
    if (old[i].type != nullptr) *find(old[i].type) = old[i];
  }
  if (old != nullptr) os::unmap(old, old_capacity * sizeof(TypeCount));
  return true;
}

bool Census::add_type(PyTypeObject* type) noexcept {
  if ((type_count_ + 1) * 4 > capacity_ && !grow()) return false;
  TypeCount* const entry = find(type);
  if (entry->type != nullptr) return true;
  entry->type = type;
  filter_[filter_word(type)] |= filter_bit(type);
  ++type_count_;
  return PyList_Append(types_, reinterpret_cast<PyObject*>(type)) == 0;
}

bool Census::learn_types() noexcept {
  types_ = PyList_New(0);
  filter_ = static_cast<std::uint64_t*>(os::map(kFilterBytes));
  bool ok = types_ != nullptr && filter_ != nullptr && add_type(&PyBaseObject_Type);
  for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(types_); ++i) {
    PyObject* const children = subclasses_of(PyList_GET_ITEM(types_, i));
    if (children == nullptr) {
      PyErr_Clear();
      continue;
    }
    for (Py_ssize_t j = 0; ok && j < PyList_GET_SIZE(children); ++j) {
      PyObject* const child = PyList_GET_ITEM(children, j);
      if (PyType_Check(child)) ok = add_type(reinterpret_cast<PyTypeObject*>(child));
    }
    Py_DECREF(children);
  }
  PyErr_Clear();
  return ok;
}

// A block is an object of type T when T's address stands where an object of T has it.
void Census::count_block(const heap::Heap& heap, const heap::LiveBlock& block,
                         std::size_t weight) noexcept {
  if (block.domain != heap::Domain::kObject) {
    add_weighted(buffers_, block.bytes, weight);
    return;
  }
  for (std::size_t offset = 0; offset <= kMaxObjectOffset; offset += kCollectorHeaderBytes) {
    if (block.bytes < offset + sizeof(PyObject)) break;
    const auto* const object = reinterpret_cast<const PyObject*>(block.start + offset);
    const PyTypeObject* const type = object->ob_type;
    if (type == nullptr || !may_be_known(type)) continue;
    TypeCount* const entry = find(type);
    if (entry->type == nullptr || object_offset_of(type) != offset) continue;
    const bool dead =
        is_in_free_list(object, [&](const void* address) { return heap.spans(address); });
    if (!dead && !has_plausible_count(object)) continue;
    const bool is_collected = (type->tp_flags & Py_TPFLAGS_HAVE_GC) != 0;
    if (!dead && is_collected && !has_plausible_collector_header(object)) continue;
    add_weighted(dead ? free_lists_ : *entry, block.bytes, weight);
    return;
  }
  add_weighted(buffers_, block.bytes, weight);
}

void Census::count_all(const heap::Heap& heap) noexcept {
  heap.for_each_block([&](const heap::LiveBlock& block) { count_block(heap, block, kWeightOne); });
}

void Census::count_sample(const heap::Heap& heap, unsigned max_chunks) noexcept {
  const unsigned chunks = heap.chunk_count();
  const unsigned looked_at = std::min(chunks, max_chunks);
  for (unsigned i = 0; i < looked_at; ++i) {
    const auto chunk = static_cast<unsigned>(std::size_t{i} * chunks / looked_at);
    const std::size_t weight = std::size_t{chunks} * kWeightOne / looked_at;
    heap.for_each_block_in_chunk(
        chunk, [&](const heap::LiveBlock& block) { count_block(heap, block, weight); });
  }
  heap.for_each_direct_block(
      [&](const heap::LiveBlock& block) { count_block(heap, block, kWeightOne); });
}

const TypeCount* Census::sorted(std::size_t& count) noexcept {
  TypeCount* const end = std::remove_if(table_, table_ + capacity_,
                                        [](const TypeCount& entry) { return entry.count == 0; });
  count = static_cast<std::size_t>(end - table_);
  std::sort(table_, end, [](const TypeCount& a, const TypeCount& b) { return a.bytes > b.bytes; });
  const auto unweighted = [](TypeCount& entry) {
    entry.count /= kWeightOne;
    entry.bytes /= kWeightOne;
  };
  std::for_each(table_, end, unweighted);
  unweighted(buffers_);
  unweighted(free_lists_);
  return table_;
}

void Census::name_of(const PyTypeObject* type, TextBuffer& text) noexcept {
  const char* const name = type->tp_name;
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) {
    if (std::strchr(name, '.') == nullptr) text.add("builtins.");
    text.add(name);
    return;
  }
  PyObject* const module =
      type->tp_dict != nullptr ? PyDict_GetItemString(type->tp_dict, "__module__") : nullptr;
  const char* const module_name =
      module != nullptr && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : nullptr;
  if (module_name != nullptr) text.add(module_name).add_char('.');
  PyObject* const qualified = reinterpret_cast<const PyHeapTypeObject*>(type)->ht_qualname;
  const char* const qualified_name =
      qualified != nullptr && PyUnicode_Check(qualified) ? PyUnicode_AsUTF8(qualified) : nullptr;
  text.add(qualified_name != nullptr ? qualified_name : name);
  PyErr_Clear();
}

}  // namespace hoop::cpython
