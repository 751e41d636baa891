// SPDX-License-Identifier: Apache-2.0
// Daemon threads of CPython 3.10 read the states of thread and interpreter when both have been
// freed: a thread that waits for the GIL asks for it each 5 ms, and takes that back before it ends
// itself (take_gil in ceval_gil.h). Most processes are gone by then; one of ours still writes its
// figures and waits for the report. 3.11 and later never free the main interpreter's state.
#pragma once

namespace hoop::cpython {

// REQUIRES: the GIL. Before Py_FinalizeEx frees them: from here on their blocks are kept, until the
// next interpreter of this process ends.
void keep_states_for_late_threads() noexcept;
// At the end of Py_FinalizeEx: other blocks are freed as ever.
void stop_keeping_states() noexcept;

}  // namespace hoop::cpython
