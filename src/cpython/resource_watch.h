// SPDX-License-Identifier: Apache-2.0
// Watches what the program opens: files, sockets, mappings, databases, processes, temporary
// directories, descriptors, event loops. What it forgot to close goes into the figures.
// How: docs/design/resources.md.
#pragma once

#include "cpython/json_file.h"

namespace hoop::cpython {

// REQUIRES, as all here: the GIL.
void open_resource_watch() noexcept;

enum class OpenAtEnd {
  kCounted,  // the interpreter ends: what is open was not closed
  kMeant,    // the process leaves from amid the program
};
// Looks at what is still open, names who holds it, and watches no longer.
void close_resource_watch(OpenAtEnd open) noexcept;

// The process goes on after all.
void reopen_resource_watch() noexcept;

// In a fork's child: what is open is the parent's.
void forget_resources() noexcept;

// Writes the object `resources`.
void write_resources(JsonFile& json) noexcept;

}  // namespace hoop::cpython
