// SPDX-License-Identifier: Apache-2.0
#include "cpython/life_watch.h"

#include <Python.h>
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <new>  // IWYU pragma: keep

#include "base/text.h"
#include "base/units.h"
#include "cpython/allocator.h"
#include "cpython/compat/death_watch.h"
#include "cpython/life/recorder.h"
#include "os/pages.h"
#include "os/report_process.h"

namespace hoop::cpython {
namespace {

constinit life::Recorder* recorder = nullptr;

void on_block(const void* block, std::size_t bytes, bool is_taken) {
  recorder->sees_block(block, bytes, is_taken);
}

void on_death(PyObject* object) { recorder->sees_death(object); }

}  // namespace

void open_life() noexcept {
  const char* const variable = os::variable("HOOP_LIFE");
  if (variable == nullptr) return;
  FixedText<512> folder;
  folder.add(variable);
  ::unsetenv("HOOP_LIFE");
  void* const memory = os::map(round_up(sizeof(life::Recorder), os::kPageBytes));
  if (memory == nullptr || folder.truncated()) return;
  auto* const made = new (memory) life::Recorder;
  if (made->open(folder.data())) recorder = made;
}

bool life_is_recorded() noexcept { return recorder != nullptr; }

void begin_life() noexcept {
  if (recorder == nullptr) return;
  recorder->begin();
  watch_blocks(on_block);
  watch_deaths(on_death);
  life::follow_this_thread(recorder);
}

void life_sees_collection_start(int generation) noexcept {
  if (recorder != nullptr) recorder->sees_collection_start(generation);
}

void life_sees_collection_end(int generation, std::uint64_t collected) noexcept {
  if (recorder != nullptr) recorder->sees_collection_end(generation, collected);
}

void end_life(const char* how) noexcept {
  if (recorder != nullptr) recorder->end(how);
}

void close_life() noexcept {
  if (recorder != nullptr) recorder->close();
}

void abandon_life() noexcept {
  if (recorder != nullptr) recorder->abandon();
}

}  // namespace hoop::cpython
