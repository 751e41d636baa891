# SPDX-License-Identifier: Apache-2.0
"""Starts programs of questions in a process of their own, with limits, and says how it went."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Any

from hoopsnake.report import units

MEMORY = 1 << 30  # bytes of address space
CPU_SECONDS = 10
WALL_SECONDS = 60
OUTPUT = 1 << 20  # bytes of a file
_SHOWN = 4000

_START = "from hoopsnake.quiz.child import main; main()"


@dataclass(frozen=True, slots=True)
class Ran:
    """`problem` is a sentence; empty where the run came to its end."""

    out: str
    err: str
    result: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def run(
    do: str,
    program: str,
    *,
    confined: bool = False,
    seconds: int = CPU_SECONDS,
    memory: int = MEMORY,
    wall: float = WALL_SECONDS,
    **more: Any,
) -> Ran:
    """Run a job of child.py. `confined`: it is code of the user's."""
    limits = {"memory": memory, "seconds": seconds, "output": OUTPUT, "confined": confined}
    with tempfile.TemporaryDirectory(prefix="hoop-quiz-", ignore_cleanup_errors=True) as folder:
        work = os.path.join(folder, "work")
        os.mkdir(work)
        job, result = os.path.join(folder, "job"), os.path.join(folder, "result")
        with open(job, "w", encoding="utf-8") as file:
            json.dump({"do": do, "program": program, **limits, **more}, file)
        status = _start([sys.executable, "-c", _START, job, result], work, folder, wall)
        out, err = _read(os.path.join(folder, "out")), _read(os.path.join(folder, "err"))
        found = _load(result)
    return Ran(out, err, found, _problem(status, found, err, do, seconds, wall))


def _start(words: list[str], work: str, folder: str, wall: float) -> int | None:
    """The exit status, or None where the time was over; no process of it is left."""
    with (
        open(os.path.join(folder, "out"), "wb") as out,
        open(os.path.join(folder, "err"), "wb") as err,
    ):
        process = subprocess.Popen(
            words,
            cwd=work,
            env=_environment(work),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            return process.wait(wall)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(work: str) -> dict[str, str]:
    """Ours, so that the package is found; without what would change the answers."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH" or not name.startswith(("PYTHON", "HOOP_COLLECT"))
    }
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    paths = [here, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return kept | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": work,
        "NO_COLOR": "1",
    }


def _read(path: str) -> str:
    with open(path, "rb") as file:
        return file.read(OUTPUT).decode("utf-8", "replace")


def _load(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _problem(
    status: int | None, found: dict[str, Any], err: str, do: str, seconds: int, wall: float
) -> str:
    if status is None:
        return f"it did not end within {wall:g} seconds"
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"it took more than {units.plural(seconds, 'second')} of processor time"
    if status == -signal.SIGXFSZ:
        return "it wrote more than a megabyte"
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    if "error" in found:
        return _of_error(str(found["error"]))
    if do == "output":
        return f"it ended with {last_line(err)}" if status else ""
    if not found:
        return f"it ended the process (exit status {status}) before it could be looked at"
    return ""


def _of_error(error: str) -> str:
    if error.startswith("MemoryError"):
        return f"it needs more memory than the {MEMORY >> 20} MiB that there are for it"
    if error.startswith("SystemExit"):
        return "it ended the program before it could be looked at"
    return f"it fails with {error}"


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:_SHOWN] if lines else "an exit status that is not 0"
