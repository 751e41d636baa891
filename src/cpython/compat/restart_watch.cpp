// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/restart_watch.h"

#include <Python.h>

namespace hoop::cpython {

#if PY_VERSION_HEX < 0x030E0000

void watch_for_restart(void (*)()) noexcept {}

#else

namespace {

using Callback = void (*)();
constinit Callback restart = nullptr;  // nullptr once it was called

int on_audit_event(const char*, PyObject*, void*) {
  if (restart == nullptr) return 0;
  const Callback call = restart;
  restart = nullptr;
  call();
  return 0;
}

}  // namespace

void watch_for_restart(void (*on_restart)()) noexcept {
  // The interpreter that ends here has cleared its hooks.
  restart = PySys_AddAuditHook(on_audit_event, nullptr) == 0 ? on_restart : nullptr;
}

#endif

}  // namespace hoop::cpython
