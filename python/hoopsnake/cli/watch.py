# SPDX-License-Identifier: Apache-2.0
"""`hoop watch`: snapshots of a running process now and then, until it is sure what grows."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence

from hoopsnake._errors import HoopError
from hoopsnake._output import whole_file
from hoopsnake.cli import explain as explaining
from hoopsnake.cli import snapshots as shared
from hoopsnake.cli.snap import take_into
from hoopsnake.report import render, units
from hoopsnake.report.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hoopsnake.explain import Explanation

_MOST_SECONDS = 1e7
_CERTAIN_RISES = 3
_LEAST_SNAPSHOTS = 4


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    folder = _folder(options)
    files: list[str] = []
    found: Explanation | None = None
    try:
        while len(files) < options.most:
            path = _take(options.pid, folder, files)
            if path is None:
                break
            files.append(path)
            if len(files) > 1:
                found = explaining.run(files)
            _show_state(files, found)
            if found is not None and is_sure(found, len(files)):
                break
            if len(files) < options.most:
                time.sleep(options.every)
    except KeyboardInterrupt:
        print("", file=sys.stderr)
        if not files:
            raise
    finally:
        if not files and not options.snapshots:
            _remove_empty(folder)
    if found is None or len(found.points) < len(files):
        found = explaining.run(files)
    _show_result(found, folder, options)
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
    try:
        value = float(text[:-1]) * scale if scale else float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 10s, 5m or 1h")
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
    """The one named, or a new one: an earlier process may have had this number too."""
    try:
        if options.snapshots:
            os.makedirs(options.snapshots, mode=0o700, exist_ok=True)
            return str(options.snapshots)
        return _new_folder(f"{options.pid}-watch")
    except OSError as error:
        place = options.snapshots or os.getcwd()
        raise HoopError(f"cannot keep snapshots in {place} ({error.strerror})") from error


def _new_folder(name: str) -> str:
    folder, number = name, 1
    while True:
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            number += 1
            folder = f"{name}-{number}"
        else:
            return folder


def _remove_empty(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def _take(pid: int, folder: str, before: Sequence[str]) -> str | None:
    """The path of a new snapshot; None, and a line that says why, once there can be no more."""
    path = os.path.join(folder, f"{pid}-{len(before) + 1}-watch.hoop")
    try:
        with whole_file(path) as file:
            take_into(pid, file)
    except HoopError as error:
        if not before:
            raise
        print(_why_it_ends(pid, error), file=sys.stderr)
        return None
    return path


def _why_it_ends(pid: int, error: HoopError) -> str:
    return f"hoop watch: {error}" if _runs(pid) else f"process {pid} has ended"


def _runs(pid: int) -> bool:
    """One that has ended, and that its parent did not wait for, does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


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
