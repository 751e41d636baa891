# SPDX-License-Identifier: Apache-2.0
"""What `hoopsnake.install/stats/trim/epoch` do: finding the agent, and typing its answers."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module

from hoopsnake._errors import HoopError
from hoopsnake._switch import disabled


@dataclass(frozen=True, slots=True)
class Stats:
    """The heap at one moment. Sizes are bytes.

    All figures are of Hoopsnake's heap alone: C libraries, thread stacks and code are not in it.
    """

    active: bool
    """True when Hoopsnake's heap serves this process; every other field is 0 when it does not."""
    in_use: int
    """Bytes in live blocks, as the heap rounds their sizes."""
    live_blocks: int
    """Number of live blocks."""
    free_resident: int
    """Free bytes that still occupy memory, ready for reuse."""
    free_returned: int
    """Free bytes whose memory is given back to the system at this moment."""
    returned_total: int
    """Bytes given back since the start: of whole pages, those that were never written to as well;
    what was taken again and given again counts again."""
    fragmentation: float
    """Share, 0 to 1, of the heap's occupied memory in which no live block lies."""
    metadata: int
    """Bytes of the heap's own bookkeeping."""
    direct: int
    """Bytes of blocks too big for the heap's pages (over 1 MiB), each in a mapping of its own."""
    huge_pages: int
    """Bytes of the heap that sit in huge pages."""
    committed: int
    """Bytes of address space that the heap has taken into use."""
    reserved: int
    """Bytes of address space that the heap has set aside; costs no memory."""
    trim_seconds: float
    """Time spent giving memory back, in seconds."""


def install() -> bool:
    if disabled(os.environ):
        return False
    _ensure_agent()
    from hoopsnake import _agent

    try:
        return _agent.install()
    except RuntimeError as error:
        raise HoopError(f"Hoopsnake stays out of this process: {error}") from error


def stats() -> Stats:
    _ensure_agent()
    from hoopsnake import _agent

    figures = _agent.stats()
    return Stats(
        active=_agent.status()["active"],
        in_use=figures["in_use"],
        live_blocks=figures["live_blocks"],
        free_resident=figures["free_resident"],
        free_returned=figures["free_returned"],
        returned_total=figures["returned_total"],
        fragmentation=figures["fragmentation"],
        metadata=figures["metadata"],
        direct=figures["direct"],
        huge_pages=figures["huge_pages"],
        committed=figures["committed"],
        reserved=figures["reserved"],
        trim_seconds=figures["trim_ns"] / 1e9,
    )


def trim() -> int:
    _ensure_agent()
    from hoopsnake import _agent

    return _agent.trim()


def epoch() -> None:
    _ensure_agent()
    from hoopsnake import _agent

    _agent.epoch()


def _ensure_agent() -> None:
    """Load the agent of this interpreter as hoopsnake._agent; HoopError when there is none."""
    if "hoopsnake._agent" not in sys.modules and not _load_preloaded():
        _load_installed()


def _load_preloaded() -> bool:
    """Load the agent that `hoop run` put in, which need not be the one beside this package.

    Opening another copy would ask a heap that serves nobody.
    """
    path = _mapped_agent() if "HOOP_RUN_DIR" in os.environ else None
    if not path:
        return False
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    loader = ExtensionFileLoader("hoopsnake._agent", path)
    spec = spec_from_file_location("hoopsnake._agent", path, loader=loader)
    if spec is None:
        return False
    module = module_from_spec(spec)
    loader.exec_module(module)
    sys.modules["hoopsnake._agent"] = module
    vars(sys.modules["hoopsnake"])["_agent"] = module  # as an import would
    return True


def _mapped_agent() -> str | None:
    from importlib.machinery import EXTENSION_SUFFIXES

    name = "/_agent" + EXTENSION_SUFFIXES[0]
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            lines = (line.rstrip("\n") for line in maps)
            return next((line[line.index("/") :] for line in lines if line.endswith(name)), None)
    except OSError:
        return None


def _load_installed() -> None:
    try:
        import_module("hoopsnake._agent")
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        detail = "" if isinstance(error, ModuleNotFoundError) else f" ({error})"
        raise HoopError(
            f"no usable Hoopsnake agent for {sys.implementation.name} {version}{detail}; "
            "reinstall hoopsnake with this very Python"
        ) from error
