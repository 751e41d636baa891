// SPDX-License-Identifier: Apache-2.0
// Where CPython keeps what its collector goes by. No internal header is used: the lists are found
// from a fresh object, and what is found has to agree with what the gc module says.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

namespace hoop::cpython {

// The two words before an object that the collector knows. Their lowest bits are flags; an object
// that is not tracked has next == 0.
struct ListNode {
  std::uintptr_t next;
  std::uintptr_t prev;

  static constexpr std::uintptr_t kPrevFlags = 3;
  static constexpr std::uintptr_t kNextFlags = 1;

  [[nodiscard]] bool is_tracked() const { return next != 0; }
  [[nodiscard]] ListNode* after() const { return reinterpret_cast<ListNode*>(next & ~kNextFlags); }
  [[nodiscard]] ListNode* before() const { return reinterpret_cast<ListNode*>(prev & ~kPrevFlags); }
  void set_before(const ListNode* node) {
    prev = (prev & kPrevFlags) | reinterpret_cast<std::uintptr_t>(node);
  }
  void set_after(const ListNode* node) { next = reinterpret_cast<std::uintptr_t>(node); }
};

inline ListNode* node_of(PyObject* object) { return reinterpret_cast<ListNode*>(object) - 1; }
inline PyObject* object_of(ListNode* node) { return reinterpret_cast<PyObject*>(node + 1); }

// Moves one node to the end of the list at `head`.
inline void move_to_end(ListNode* node, ListNode* head) {
  node->before()->set_after(node->after());
  node->after()->set_before(node->before());
  ListNode* const last = head->before();
  last->set_after(node);
  node->set_before(last);
  node->set_after(head);
  head->set_before(node);
}

// Moves all nodes of one list to the front of another, at once.
inline void splice_in_front(ListNode& from, ListNode& to) {
  if (from.after() == &from) return;
  ListNode* const first = from.after();
  ListNode* const last = from.before();
  last->set_after(to.after());
  to.after()->set_before(last);
  to.set_after(first);
  first->set_before(&to);
  from.set_after(&from);
  from.set_before(&from);
}

// One generation: the head of a circular list, and the two numbers that decide when it is
// collected.
struct Generation {
  ListNode head;
  int threshold;
  int count;

  [[nodiscard]] bool is_empty() const { return head.after() == &head; }
};
static_assert(sizeof(Generation) == 24);

inline constexpr int kGenerationCount = 3;

// The collector's own totals: objects in the oldest generation at the last full collection, and
// those that came to it since. Full collections wait until the second is a quarter of the first.
struct LongLived {
  Py_ssize_t total;
  Py_ssize_t pending;
};

struct GcState {
  Generation* generations = nullptr;  // kGenerationCount, youngest first
  LongLived* long_lived = nullptr;
};

// Finds the state of the running interpreter's collector. nullptr: done. Else why not, in a few
// words; no exception is set. REQUIRES: the GIL; `gc_module` is the module gc.
const char* find_gc_state(PyObject* gc_module, GcState& state) noexcept;

}  // namespace hoop::cpython
