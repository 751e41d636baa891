// SPDX-License-Identifier: Apache-2.0
// The part of hoopsnake._core that takes snapshots of processes which never heard of us.
#pragma once

#include <nanobind/nanobind.h>

namespace hoop::bindings {

void add_remote(nanobind::module_& module);

}  // namespace hoop::bindings
