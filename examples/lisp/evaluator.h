// SPDX-License-Identifier: Apache-2.0
// From values to values. All state is in environments; the heap is theirs.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "value.h"

namespace lisp {

// Both throw Error. Calls in tail position take no stack.
Value evaluate(Value expression, ref<Environment> environment);
Value call(hoop::Heap& heap, const Value& function, Arguments arguments);

// The forms that do not evaluate all that they are given: `if`, `define` and so on.
std::vector<std::pair<std::string_view, SpecialForm>> special_forms();

}  // namespace lisp
