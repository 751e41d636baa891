// SPDX-License-Identifier: Apache-2.0
#include "bindings/remote.h"

#include <Python.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // IWYU pragma: keep
#include <sys/random.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "remote/process.h"
#include "remote/python_runtime.h"
#include "remote/snapshot_unprepared.h"
#include "remote/trouble.h"
#include "snapshot/blob_arguments.h"
#include "snapshot/format.h"

namespace nb = nanobind;

namespace hoop::bindings {
namespace {

void raise_unless_done(const remote::Trouble& trouble) {
  if (!trouble) return;
  PyErr_SetString(PyExc_OSError, trouble.line().c_str());
  throw nb::python_error();
}

std::string row(const std::string& key, const std::string& value) {
  return key + '\0' + value + '\0';
}

// What the writer is told, once it is known at which instant the process stood still. `rows`: text
// for META and MEMORY, as in snapshot/blob_arguments.h.
std::string arguments_of(const remote::ProcessFacts& process, const remote::PythonFacts& python,
                         const std::string& rows, bool with_values,
                         const remote::Instant& instant) {
  const std::string meta = rows + row("instant", instant.is_good ? "syscall" : "anywhere");
  snapshot::BlobArguments arguments{};
  arguments.version = python.version;
  arguments.pid = static_cast<std::uint32_t>(process.pid);
  arguments.runtime = python.runtime;
  arguments.taken = instant.taken;
  arguments.flags =
      (with_values ? snapshot::kWithValues : 0) | (instant.is_good ? 0 : snapshot::kAnyInstant);
  arguments.meta_bytes = static_cast<std::uint32_t>(meta.size());
  if (::getrandom(&arguments.key, sizeof arguments.key, 0) < 0) arguments.key = {};
  return std::string(reinterpret_cast<const char*>(&arguments), sizeof arguments) + meta;
}

// (pid) -> (version as PY_VERSION_HEX, executable, pid inside its namespace, file with the runtime)
nb::tuple find_python(pid_t pid) {
  remote::ProcessFacts process;
  remote::PythonFacts python;
  raise_unless_done(remote::look_at_process(pid, process));
  raise_unless_done(remote::find_python(pid, python));
  return nb::make_tuple(python.version, process.executable, process.pid_inside, python.library);
}

// Writes into `file`; `blob` is the content of libhoop_blob.so.
nb::dict snapshot_process(pid_t pid, const nb::bytes& blob, int file, const nb::bytes& rows,
                          bool with_values) {
  remote::ProcessFacts process;
  remote::PythonFacts python;
  raise_unless_done(remote::look_at_process(pid, process));
  raise_unless_done(remote::find_python(pid, python));
  const std::string text(rows.c_str(), rows.size());
  remote::Options options;
  options.judge = remote::judge_by_gil(pid, python);
  options.arguments = [&](const remote::Instant& instant) {
    return arguments_of(process, python, text, with_values, instant);
  };
  options.may_go_on = [] {
    const nb::gil_scoped_acquire gil;
    return PyErr_CheckSignals() == 0;
  };
  const std::span<const std::byte> code(reinterpret_cast<const std::byte*>(blob.c_str()),
                                        blob.size());
  remote::Result result;
  remote::Trouble trouble;
  {
    const nb::gil_scoped_release released;
    trouble = remote::snapshot_unprepared(pid, code, file, options, result);
  }
  if (PyErr_Occurred() != nullptr) throw nb::python_error();
  raise_unless_done(trouble);
  nb::dict facts;
  facts["is_good_instant"] = result.instant.is_good;
  facts["threads"] = result.instant.threads;
  facts["stops"] = result.stops;
  facts["stop_ns"] = result.stop_time;
  facts["clone_ns"] = result.clone_time;
  facts["reap_stop_ns"] = result.reap_stop_time;
  facts["write_ns"] = result.run_time;
  facts["bytes"] = result.bytes;
  facts["leftover"] = result.leftover;
  return facts;
}

}  // namespace

void add_remote(nb::module_& module) {
  module.def("find_python", &find_python);
  module.def("snapshot_process", &snapshot_process, nb::arg("pid"), nb::arg("blob"),
             nb::arg("file"), nb::arg("rows"), nb::arg("with_values"));
}

}  // namespace hoop::bindings
