// SPDX-License-Identifier: Apache-2.0
#include "snapshot/collector_lists.h"

#include <sys/syscall.h>

#include <cstddef>
#include <cstring>

#include "base/units.h"
#include "cycles/object_map.h"
#include "os/bare.h"
#include "snapshot/interpreter_layout.h"
#include "snapshot/objects.h"
#include "snapshot/python_layout.h"

namespace hoop::snapshot {
namespace {

// A node: next, previous, each with flags in its lowest bits; the object is right behind it.
constexpr Address kFlags = 3;
constexpr std::size_t kNodeBytes = 16;

Address next_of(Address node) { return word_at(node) & ~kFlags; }
Address previous_of(Address node) { return word_at(node + sizeof(Address)) & ~kFlags; }

bool is_mapped(Address address) {
  constexpr Address kPage = 4096;
  unsigned char resident = 0;
  const Address page = round_down(address, kPage);
  return page != 0 && os::bare::call(SYS_mincore, static_cast<long>(page), kPage,
                                     reinterpret_cast<long>(&resident)) == 0;
}

bool is_node(Address address) { return address % sizeof(Address) == 0 && is_mapped(address); }

// The head of a list that is not empty: both its neighbours point back.
bool is_head(Address head) {
  const Address first = next_of(head);
  const Address last = previous_of(head);
  return first != head && is_node(first) && is_node(last) && previous_of(first) == head &&
         next_of(last) == head;
}

// A generation's head is followed by two ints.
constexpr Address kGenerationBytes = 24;

// The lists of the three generations, in a row, and of what gc.freeze() took out of them.
struct GenerationLists {
  Address first = 0;  // 0: not found
  Address frozen = 0;
};

// Somewhere behind them lies a pointer to the first: between the last and the frozen one, or (3.14)
// behind that.
GenerationLists find_generations(Address begin, Address end) {
  for (Address at = begin; at < end; at += sizeof(Address)) {
    const Address first = word_at(at);
    const Address behind = first + 3 * kGenerationBytes;
    if (first < begin || behind > at || first % sizeof(Address) != 0) continue;
    return {first, at == behind ? behind + sizeof(Address) : behind};
  }
  return {};
}

template <class F>
void for_each_in_list(Address head, F&& visit) {
  if (!is_head(head)) return;
  for (Address node = next_of(head); node != head; node = next_of(node))
    if (!visit(node + kNodeBytes)) return;  // been there: a list that hangs together wrongly
}

// importlib's own class: there in every process, and made by a class statement.
bool is_known_class(Address type) {
  constexpr char kName[] = "ModuleSpec";
  const auto* const name = reinterpret_cast<const char*>(word_at(type + at::kTypeName));
  return (flags_of_type(type) & type_flag::kHeapType) != 0 &&
         std::memcmp(name, kName, sizeof kName) == 0;
}

}  // namespace

ListFindings enter_collector_lists(Address interpreter, const InterpreterLayout& where,
                                   cycles::ObjectMap& map) {
  ListFindings findings;
  const Address begin = interpreter + where.collector;
  for (Address head = begin; head < begin + where.collector_bytes; head += sizeof(Address)) {
    for_each_in_list(head, [&](Address object) {
      if (!map.add(object)) return false;
      ++findings.objects;
      if (findings.subtype_traverse == 0 && is_type(object) && is_known_class(object))
        findings.subtype_traverse = word_at(object + at::kTypeTraverse);
      return true;
    });
  }
  return findings;
}

void Generations::enter(Address interpreter, const InterpreterLayout& where) {
  const Address begin = interpreter + where.collector;
  const GenerationLists lists = find_generations(begin, begin + where.collector_bytes);
  if (lists.first == 0 || young_ == nullptr) return;
  are_known_ = true;
  const Address second = lists.first + kGenerationBytes;
  for_each_in_list(lists.first, [this](Address object) { return young_->add(object); });
  for_each_in_list(second, [this](Address object) { return young_->add_live(object); });
  for_each_in_list(lists.frozen, [this](Address object) { return frozen_->add(object); });
}

}  // namespace hoop::snapshot
