# SPDX-License-Identifier: Apache-2.0
"""What belongs to the standard library, by its name."""

from __future__ import annotations

import sys

_MAIN = ("__main__", "__mp_main__")
# What each folder has in which a module was looked for: as much as there are folders.
FINALIZERS = "weakref.finalize._registry"
PATHS_OF_IMPORTS = "sys.path_importer_cache"


def is_standard_module(name: str) -> bool:
    """A module of the standard library, or the program's own first one."""
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or top in _MAIN


def is_of_standard_module(path: str) -> bool:
    """A path that begins at a module of the standard library."""
    return path.partition(".")[0] in sys.stdlib_module_names


def is_standard(name: str) -> bool:
    """A type that is built in or of the standard library."""
    top = name.partition(".")[0]
    return "." not in name or top in sys.stdlib_module_names
