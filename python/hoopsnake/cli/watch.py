# SPDX-License-Identifier: Apache-2.0
"""`hoop watch`: snapshots of a running process now and then, until it is sure what grows."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import explain as explaining
from hoopsnake.cli import snapshots as shared
from hoopsnake.cli.rundirs import process_exists
from hoopsnake.cli.snap import take_into
from hoopsnake.report import render, units
from hoopsnake.report.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.explain import Explanation

_CERTAIN_RISES = 3
_LEAST_SNAPSHOTS = 4


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    folder = _folder(options)
    files: list[str] = []
    found: Explanation | None = None
    try:
        while len(files) < options.most:
            files.append(_take(options.pid, folder, len(files) + 1))
            if len(files) > 1:
                found = explaining.run(files)
            _show_state(files, found)
            if found is not None and is_sure(found, len(files)):
                break
            if len(files) < options.most:
                time.sleep(options.every)
    except KeyboardInterrupt:
        print("", file=sys.stderr)
    except HoopError:
        if process_exists(options.pid) or not files:
            raise
        print(f"process {options.pid} has ended", file=sys.stderr)
    if not files:
        return 1
    _show_result(found or explaining.run(files), folder, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="hoop watch",
        description="Takes snapshots of a running Python process until it is sure what grows in "
        "it, and says so as `hoop explain` does. Ctrl-C ends it sooner.",
    )
    made.add_argument("pid", type=int, metavar="PID", help="the process")
    made.add_argument(
        "--every", type=seconds_of, default=10.0, metavar="TIME", help="10s, 5m, 1h; default: 10s"
    )
    made.add_argument(
        "--most", type=shared.number_of, default=30, metavar="N", help="snapshots; default: 30"
    )
    made.add_argument("--snapshots", metavar="DIR", help="where to keep them; default: PID-watch")
    made.add_argument("-v", "--verbose", action="store_true", help="show the evidence")
    made.add_argument("--json", action="store_true", help="print the answer as JSON, in bytes")
    return made


def seconds_of(text: str) -> float:
    """A time such as 10s, 5m or 1h, for argparse."""
    scale = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    value = float(text[:-1]) * scale if scale else float(text)
    if value <= 0:
        raise ValueError
    return value


def is_sure(found: Explanation, snapshots: int) -> bool:
    """The first suspect has grown again and again, and grew with the last snapshot too."""
    if snapshots < _LEAST_SNAPSHOTS or not found.alarms:
        return False
    growth = found.alarms[0].growth
    return (
        growth is not None
        and growth.rises >= _CERTAIN_RISES
        and growth.counts[-1] > growth.counts[-2]
    )


def _folder(options: argparse.Namespace) -> str:
    folder = options.snapshots or f"{options.pid}-watch"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise HoopError(f"cannot keep snapshots in {folder} ({error.strerror})") from error
    return str(folder)


def _take(pid: int, folder: str, number: int) -> str:
    path = os.path.join(folder, f"{pid}-{number}-watch.hoop")
    with whole_file(path) as file:
        take_into(pid, file)
    return path


def _show_state(files: Sequence[str], found: Explanation | None) -> None:
    if found is None:
        print("1 snapshot; growth shows from the second on", file=sys.stderr)
        return
    last = found.points[-1]
    text = (
        f"{units.plural(len(files), 'snapshot')}, {units.plural(last.objects, 'object')}, "
        f"{units.size(last.size)}: "
    )
    first = found.alarms[0] if found.alarms else None
    text += f"{first.holder.name} has {first.count:,}" if first else "nothing grows so far"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{clean(text)}")
        sys.stderr.flush()
    else:
        print(clean(text), file=sys.stderr)


def _show_result(found: Explanation, folder: str, options: argparse.Namespace) -> None:
    if sys.stderr.isatty():
        print("", file=sys.stderr)
    if options.json:
        from hoopsnake.explain.documents import as_json

        shared.show_json(as_json(found))
        return
    page = render.page_for(sys.stdout)
    shared.show(explaining.text(found, page, verbose=options.verbose))
    print(f"The snapshots: {folder}. `hoop explain -v {folder}` shows the evidence.")
