# SPDX-License-Identifier: Apache-2.0
"""Who does full garbage collections: the names that `--collector` and `install` take."""

from __future__ import annotations

from hoopsnake._errors import HoopError

NAMES = ("concurrent", "inplace", "stock")


def checked(name: str) -> str:
    """Return `name` if it is a collector's; HoopError with those there are if it is not."""
    if name not in NAMES:
        *others, last = NAMES
        raise HoopError(f"there is no collector {name!r}; there are {', '.join(others)} and {last}")
    return name
