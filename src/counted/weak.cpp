// SPDX-License-Identifier: Apache-2.0
// Handles of weak references.
#include "hoop/weak.h"

#include <functional>
#include <memory>
#include <utility>

#include "counted/header.h"
#include "counted/state.h"
#include "counted/weak_table.h"
#include "hoop/detail/core.h"
#include "hoop/object.h"

namespace hoop::detail {

namespace {

using counted::has;
using counted::state_of;

// Puts a node into its object's list: the first, or behind the one that has no callback.
void link(const Object* object, WeakNode* node) {
  counted::WeakTable& table = counted::state_around(object).weak;
  WeakNode* const first = has(object, kWeak) ? table.find(object) : nullptr;
  if (first == nullptr) {
    table.insert(object, node);
    counted::set(object, kWeak);
    return;
  }
  if (node->callback != nullptr && first->callback == nullptr) {
    node->previous = first;
    node->next = std::exchange(first->next, node);
  } else {
    node->next = first;
    first->previous = node;
    table.replace(object, node);
  }
  if (node->next != nullptr) node->next->previous = node;
}

void unlink(WeakNode* node) noexcept {
  counted::WeakTable& table = static_cast<counted::State*>(node->core)->weak;
  if (node->next != nullptr) node->next->previous = node->previous;
  if (node->previous != nullptr) {
    node->previous->next = node->next;
  } else if (node->next != nullptr) {
    table.replace(node->target, node->next);
  } else {
    table.erase(node->target);
    counted::unset(node->target, kWeak);
  }
}

WeakNode* new_node(const Object* object, std::function<void()> callback) {
  auto node = std::make_unique<WeakNode>();
  node->target = object;
  node->core = &counted::state_around(object);
  node->callback = std::move(callback);
  link(object, node.get());
  return node.release();
}

}  // namespace

WeakNode* weak_node(const Object* object) {
  if (has(object, kWeak)) {
    WeakNode* const first = state_of(object).weak.find(object);
    if (first->callback == nullptr) {
      ++first->uses;
      return first;
    }
  }
  return new_node(object, nullptr);
}

WeakNode* weak_node(const Object* object, std::function<void()> callback) {
  return callback == nullptr ? weak_node(object) : new_node(object, std::move(callback));
}

void add(WeakNode* node) noexcept { ++node->uses; }

void release(WeakNode* node) noexcept {
  if (--node->uses != 0) return;
  if (node->target != nullptr) unlink(node);
  delete node;
}

const Object* target(const WeakNode* node) noexcept {
  const Object* const object = node->target;
  return object == nullptr || has(object, kDying) ? nullptr : object;
}

}  // namespace hoop::detail
