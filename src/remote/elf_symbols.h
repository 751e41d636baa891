// SPDX-License-Identifier: Apache-2.0
// Symbols of the executable and the libraries of another process.
#pragma once

#include <optional>
#include <string>

#include "base/units.h"
#include "remote/proc_files.h"

namespace hoop::remote {

// Of the image whose first page is at `base`: what its dynamic symbol table, as it lies in memory,
// says of `name`.
std::optional<Address> find_exported(const TargetMemory& memory, Address base,
                                     const std::string& name);

// The same from .symtab of the image's file, for what is not exported.
std::optional<Address> find_in_file(const TargetMemory& memory, Address base,
                                    const std::string& file, const std::string& name);

}  // namespace hoop::remote
