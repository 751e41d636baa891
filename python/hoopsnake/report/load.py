# SPDX-License-Identifier: Apache-2.0
"""Puts the files of a run directory together into a `Run`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from hoopsnake.report import readers
from hoopsnake.report.model import (
    Ending,
    FinalFile,
    LiveFile,
    LiveState,
    Problem,
    Process,
    Run,
    RunFile,
    State,
)

_RECORD_NAME = re.compile(r"(\d{1,10})\.(\d{1,6})\.(live|json)")
_ENDINGS = {
    Ending.NORMAL: State.FINISHED,
    Ending.AT_ONCE: State.AT_ONCE,
    Ending.REPLACED: State.REPLACED,
}

IsAlive = Callable[[int, int], bool]


def load_run(path: str, is_alive: IsAlive | None = None) -> Run | None:
    """Read a run directory; None when it holds no trace of a run.

    `is_alive(pid, started_unix_ns)` says whether that very process still runs.
    """
    problems: list[Problem] = []
    try:
        names = set(os.listdir(path))
    except OSError:
        return None
    about = None
    if "run.json" in names:
        about = readers.read_run(os.path.join(path, "run.json"), problems)
    processes = _read_processes(path, names, is_alive or process_runs, problems)
    if about is None and not processes and not problems:
        return None
    root = _find_root(processes, _root_pid(path, about))
    others = tuple(process for process in processes if process is not root)
    left_out = readers.read_left_out(os.path.join(path, "children")) if "children" in names else 0
    return Run(path, about, root, others, tuple(problems), left_out)


def process_runs(pid: int, started_unix_ns: int) -> bool:
    """True when `pid` runs and is no later process that was given the same number."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open("/proc/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        born = booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration):
        return False
    slack = 2.0  # btime is in whole seconds and moves when the clock is set
    return fields[0] not in (b"Z", b"X") and born <= started_unix_ns / 1e9 + slack


def _read_processes(
    path: str, names: set[str], is_alive: IsAlive, problems: list[Problem]
) -> list[Process]:
    matches = (_RECORD_NAME.fullmatch(name) for name in names)
    keys = {(int(match[1]), int(match[2])) for match in matches if match}
    processes = []
    for pid, image in sorted(keys):
        stem = f"{pid}.{image}"
        live = final = None
        if f"{stem}.live" in names:
            live = readers.read_live(os.path.join(path, f"{stem}.live"), problems)
        if f"{stem}.json" in names:
            final = readers.read_final(os.path.join(path, f"{stem}.json"), problems)
        if live or final:
            has_later = (pid, image + 1) in keys
            processes.append(
                Process(
                    pid,
                    image,
                    _state(live, final, is_alive, has_later_image=has_later),
                    live,
                    final,
                )
            )
    return sorted(processes, key=_age)


def _state(
    live: LiveFile | None, final: FinalFile | None, is_alive: IsAlive, *, has_later_image: bool
) -> State:
    if final and final.ending in _ENDINGS:
        return _ENDINGS[final.ending]
    if has_later_image:
        return State.REPLACED
    if live and live.state is LiveState.LEFT:
        return State.AT_ONCE  # even if it is there yet: it waits for this report
    if live and is_alive(live.pid, live.started_unix_ns):
        return State.RUNNING
    if live is None or live.state in (LiveState.FINISHED, LiveState.PASSIVE):
        return State.FINISHED
    return State.KILLED


def _age(process: Process) -> tuple[bool, int, int, int]:
    """Oldest first; those that did not say when they started come last."""
    started = process.started_unix_ns
    return started == 0, started, process.pid, process.image


def _root_pid(path: str, about: RunFile | None) -> int:
    if about and about.root_pid:
        return about.root_pid
    tail = os.path.basename(os.path.normpath(path)).rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else 0


def _find_root(processes: list[Process], root_pid: int) -> Process | None:
    """The last image of the process that `hoop run` became."""
    images = [process for process in processes if process.pid == root_pid]
    return max(images, key=lambda process: process.image, default=None)
