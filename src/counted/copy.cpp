// SPDX-License-Identifier: Apache-2.0
// Copies of single objects, and of graphs with a memo, as Python's copy module makes them.
#include "hoop/copy.h"

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "counted/header.h"
#include "counted/state.h"
#include "hoop/detail/made.h"
#include "hoop/heap.h"
#include "hoop/object.h"
#include "hoop/ref.h"
#include "hoop/visitor.h"

namespace hoop::counted {

namespace {

// Copies objects one by one; each copy first refers to what its original refers to, and is then
// gone over once, its references turned to copies of their targets.
class GraphCopier final : public Visitor {
 public:
  explicit GraphCopier(Heap& heap) : Visitor(&replace), heap_(heap) {}

  Object* copy(const Object* from) {
    ref<Object> copied = ref<Object>::adopt(copy_of(from));
    while (next_ < copies_.size()) copies_[next_++]->trace(*this);
    return copied.detach();
  }

 private:
  // With a reference for the caller to own.
  Object* copy_of(const Object* from) {
    if (const auto known = memo_.find(from); known != memo_.end()) return shared(known->second);
    if (has(from, detail::kLeaf) && Access::type(from).copy == nullptr)
      return shared(const_cast<Object*>(from));
    copies_.push_back(ref<Object>::adopt(detail::copy_object(heap_, *from)));
    memo_.emplace(from, copies_.back().get());
    return shared(copies_.back().get());
  }

  static Object* shared(Object* object) { return ref<Object>(object).detach(); }

  static const Object* replace(Visitor& self, const Object* target) {
    return static_cast<GraphCopier&>(self).copy_of(target);
  }

  Heap& heap_;
  std::vector<ref<Object>> copies_;  // in the order in which they are gone over
  std::size_t next_ = 0;
  std::unordered_map<const Object*, Object*> memo_;
};

}  // namespace

}  // namespace hoop::counted

namespace hoop::detail {

Object* copy_object(Heap& heap, const Object& from) {
  const Type& type = Access::type(&from);
  if (type.copy == nullptr) throw NotCopyable(counted::type_name(&from));
  return type.copy(heap, from);
}

Object* deep_copy_object(Heap& heap, const Object& from) {
  return counted::GraphCopier(heap).copy(&from);
}

}  // namespace hoop::detail
