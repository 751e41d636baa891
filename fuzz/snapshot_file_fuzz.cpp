// SPDX-License-Identifier: Apache-2.0
// Any bytes as a snapshot file: they are refused with a message, or every question has an answer.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include "analysis/columns.h"
#include "analysis/file_error.h"
#include "analysis/path_names.h"
#include "analysis/snapshot.h"

using hoop::analysis::CyclesOf;
using hoop::analysis::Detail;
using hoop::analysis::FileError;
using hoop::analysis::IndexUse;
using hoop::analysis::ObjectId;
using hoop::analysis::Snapshot;

namespace {

void ask(Snapshot& snapshot) {
  for (ObjectId i = 0; i < snapshot.columns().objects(); ++i) {
    static_cast<void>(snapshot.names().name_of(i, Detail::kExact));
    static_cast<void>(snapshot.names().name_of(i, Detail::kShape));
    static_cast<void>(snapshot.graph().held_by_c(i));
  }
  for (std::uint32_t row = 0; row < snapshot.columns().types.size(); ++row)
    snapshot.holders(snapshot.objects_of_type(row));
  snapshot.by_type();
  snapshot.by_module();
  snapshot.cycles(CyclesOf::kAll);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = "/tmp/hoop_fuzz_" + std::to_string(::getpid()) + ".hoop";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    Snapshot snapshot(path, IndexUse::kNever);
    ask(snapshot);
  } catch (const FileError&) {
  }
  ::unlink(path.c_str());
  return 0;
}
