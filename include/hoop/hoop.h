// SPDX-License-Identifier: Apache-2.0
// Counted references that free at once, and cycles that do not leak. See docs/cpp.md.
#pragma once

// IWYU pragma: begin_exports
#include "hoop/array.h"
#include "hoop/containers.h"
#include "hoop/copy.h"
#include "hoop/heap.h"
#include "hoop/object.h"
#include "hoop/ref.h"
#include "hoop/traits.h"
#include "hoop/visitor.h"
#include "hoop/weak.h"
// IWYU pragma: end_exports
