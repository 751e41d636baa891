// SPDX-License-Identifier: Apache-2.0
// A write to a huge page that a copy shares splits it, and the next copy takes ten times as long.
// When the copy is gone they are put together again, one at a time, without the GIL.
#pragma once

#include "heap/heap.h"

namespace hoop::cpython {

// Takes down which chunks of the heap should be huge pages; false when there are none.
// REQUIRES: the GIL.
bool mend_huge_pages(const heap::Heap& heap) noexcept;

// Mends the next one; false when there is nothing more to do. Needs no GIL; one thread at a time.
bool mend_next_huge_page() noexcept;

// In a fork's child.
void forget_mending() noexcept;

}  // namespace hoop::cpython
