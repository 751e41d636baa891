// SPDX-License-Identifier: Apache-2.0
// `hoop learn`: whether this process is one whose objects are followed, and the way from the agent
// to the recorder.
#pragma once

#include <cstdint>

namespace hoop::cpython {

// At the very start, before Python reads the environment: HOOP_LIFE names a folder, and is taken
// out so that child processes do not write there too.
void open_life() noexcept;
[[nodiscard]] bool life_is_recorded() noexcept;
// The interpreter is up. REQUIRES, for this and the next three: the GIL.
void begin_life() noexcept;
void life_sees_collection_start(int generation) noexcept;
void life_sees_collection_end(int generation, std::uint64_t collected) noexcept;
// The program is over: `how` in a word.
void end_life(const char* how) noexcept;
// The interpreter is gone.
void close_life() noexcept;
// In a fork's child.
void abandon_life() noexcept;

}  // namespace hoop::cpython
