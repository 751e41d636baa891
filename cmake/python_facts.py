# SPDX-License-Identifier: Apache-2.0
"""Run by an interpreter at configure time: prints what its agent needs, or why it gets none."""

import os
import platform
import sys
import sysconfig


def facts() -> str:
    name = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.implementation.name != "cpython":
        return f"skip;{name};not CPython"
    if not (3, 10) <= sys.version_info[:2] <= (3, 14):
        return f"skip;{name};not one of 3.10-3.14"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return f"skip;{name};free-threaded"
    if sysconfig.get_config_var("Py_DEBUG"):
        return f"skip;{name};a debug build"
    suffix = f".cpython-3{sys.version_info[1]}-{platform.machine()}-linux-gnu.so"
    if sysconfig.get_config_var("EXT_SUFFIX") != suffix:
        return f"skip;{name};its modules do not end in {suffix}"
    paths = [sysconfig.get_path("include"), sysconfig.get_path("platinclude")]
    if not os.path.exists(os.path.join(paths[0], "Python.h")):
        return f"skip;{name};no Python.h (its development package is missing)"
    return ";".join(["agent", name, suffix, *dict.fromkeys(paths)])


print(facts())
