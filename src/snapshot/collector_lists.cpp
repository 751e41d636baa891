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
    if (!is_head(head)) continue;
    for (Address node = next_of(head); node != head; node = next_of(node)) {
      const Address object = node + kNodeBytes;
      if (!map.add(object)) break;  // been there: a list that hangs together wrongly
      ++findings.objects;
      if (findings.subtype_traverse == 0 && is_type(object) && is_known_class(object))
        findings.subtype_traverse = word_at(object + at::kTypeTraverse);
    }
  }
  return findings;
}

}  // namespace hoop::snapshot
