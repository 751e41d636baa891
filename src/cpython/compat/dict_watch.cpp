// SPDX-License-Identifier: Apache-2.0
#include "cpython/compat/dict_watch.h"

namespace hoop::cpython {

#if PY_VERSION_HEX < 0x030C0000

bool watch_for_last_entry(PyObject*, void (*)()) noexcept { return false; }

#else

namespace {

using LastEntryCallback = void (*)();
constinit PyObject* watched_dict = nullptr;
constinit LastEntryCallback last_entry_callback = nullptr;

// Called before the change is made.
int on_dict_event(PyDict_WatchEvent event, PyObject* dict, PyObject*, PyObject*) {
  const bool is_last = event == PyDict_EVENT_DELETED && PyDict_GET_SIZE(dict) == 1;
  if (dict == watched_dict && is_last) last_entry_callback();
  return 0;
}

}  // namespace

bool watch_for_last_entry(PyObject* dict, void (*on_last)()) noexcept {
  const int watcher = PyDict_AddWatcher(on_dict_event);
  if (watcher < 0) {
    PyErr_Clear();
    return false;
  }
  last_entry_callback = on_last;
  watched_dict = dict;
  if (PyDict_Watch(watcher, dict) == 0) return true;
  PyErr_Clear();
  return false;
}

#endif

}  // namespace hoop::cpython
