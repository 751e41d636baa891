# SPDX-License-Identifier: Apache-2.0
"""The switch that turns everything off."""

from __future__ import annotations

from collections.abc import Mapping


def disabled(environ: Mapping[str, str]) -> bool:
    """True when HOOP_DISABLE is set to anything but 0."""
    return environ.get("HOOP_DISABLE", "") not in ("", "0")
