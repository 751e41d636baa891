// SPDX-License-Identifier: Apache-2.0
// The analysed graph beside its snapshot, as FILE.index: opened by mapping it. It is no document of
// its own: another version of the file or of Hoopsnake makes it worthless, and it is made again.
#pragma once

#include <optional>

#include "analysis/graph.h"
#include "analysis/heap_file.h"

namespace hoop::analysis {

// Nothing: there is none, or not for this file, or it is damaged.
std::optional<Graph> read_index(const HeapFile& file);
// Where the folder cannot be written to, nothing happens. True: it is there.
bool write_index(const HeapFile& file, const Graph& graph);

}  // namespace hoop::analysis
