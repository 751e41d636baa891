// SPDX-License-Identifier: Apache-2.0
// The groups of analysis/survey.h as tuples. Each ends with the numbers of its objects, packed.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>
#include <vector>

#include "analysis/columns.h"
#include "analysis/snapshot.h"

namespace hoop::bindings {

nanobind::list survey_dicts(const analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::list survey_instances(const analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::list survey_equals(analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::list survey_wide(analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::list survey_containers(analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::list survey_numbers(analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::list survey_callables(const analysis::Snapshot& snapshot, std::uint64_t least_bytes);
nanobind::tuple survey_column(const analysis::Snapshot& snapshot,
                              const std::vector<analysis::ObjectId>& arrays);

// Those of `ids` that nobody has claimed, (number, bytes); `claimed` has a byte for each object.
nanobind::tuple claim(const analysis::Snapshot& snapshot,
                      const std::vector<analysis::ObjectId>& ids,
                      const nanobind::bytearray& claimed);

}  // namespace hoop::bindings
