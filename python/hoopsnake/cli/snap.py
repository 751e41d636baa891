# SPDX-License-Identifier: Apache-2.0
"""`hoop snap`: a snapshot of a running process. One that `hoop run` started is asked for it by its
socket; any other Python is copied as it stands.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import asking, unprepared
from hoopsnake.report import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NS_PER_MS = 1e6


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    path = options.output or f"{options.pid}-{time.strftime('%Y%m%d-%H%M%S')}.hoop"
    with whole_file(path) as file:
        facts = _take(options, file)
    facts["path"] = path
    facts["bytes"] = _pack(path, options.plain)
    if options.json:
        print(json.dumps(facts))
    else:
        _tell(facts)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoop snap",
        description="Writes all objects of a running Python process, and who refers to whom, into "
        "a file. The process stands still for some milliseconds and goes on. Values stay out: of "
        "text, only keys that look like identifiers are written.",
    )
    parser.add_argument("pid", type=int, metavar="PID", help="the process")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: PID-DATE-TIME.hoop")
    parser.add_argument("--with-values", action="store_true", help="write text of keys in full")
    parser.add_argument("--plain", action="store_true", help="leave the file as it was written")
    parser.add_argument("--attach", action="store_true", help="do not ask the process: copy it")
    parser.add_argument("--json", action="store_true", help="say what was done as JSON")
    return parser


def _take(options: argparse.Namespace, file: int) -> dict[str, object]:
    connection = None if options.attach else asking.connect(options.pid, os.environ)
    if connection is not None:
        with connection:
            return asking.ask(connection, file, with_values=options.with_values)
    return unprepared.take(options.pid, file, with_values=options.with_values)


def take_into(pid: int, file: int) -> None:
    """Write a snapshot of a process into an open file."""
    _take(argparse.Namespace(pid=pid, attach=False, with_values=False), file)


def _pack(path: str, plain: bool) -> int:
    """Compress the file, where we can; return its size."""
    from hoopsnake import _core

    if not plain and _core.can_compress():
        _core.compress(path)
    return os.path.getsize(path)


def _tell(facts: dict[str, object]) -> None:
    size = units.size(int(str(facts["bytes"])))
    objects = f"{facts['objects']:,} objects, " if "objects" in facts else ""
    print(f"{facts['path']}: {objects}{size}")
    print(f"  the process stood still for {_ms(facts['pause_ns'])}, {_how(facts)};")
    print(f"  its copy wrote for {_ms(facts['write_ns'])}")
    if leftover := facts.get("leftover"):
        print(f"hoop snap: {leftover}", file=sys.stderr)
    print(f"Next: hoop top {facts['path']}")


def _how(facts: dict[str, object]) -> str:
    if "stops" not in facts:
        return "asked for it"
    if facts["is_good_instant"]:
        return "copied from outside while nobody ran Python"
    return "copied from outside amid its work: some objects may be half-built"


def _ms(nanoseconds: object) -> str:
    if not isinstance(nanoseconds, int):
        raise HoopError("the process gave an answer that is not understood")
    return f"{nanoseconds / _NS_PER_MS:.1f} ms"
