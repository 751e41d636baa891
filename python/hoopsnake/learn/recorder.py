# SPDX-License-Identifier: Apache-2.0
"""Runs a program in a child on Hoopsnake's heap, and returns the life of its objects.

The child is a stock CPython; what records is the agent in it (src/cpython/life).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from hoopsnake._errors import HoopError
from hoopsnake.cli import environment
from hoopsnake.learn.events import Builder
from hoopsnake.learn.model import Life, Program
from hoopsnake.learn.stream import Reader

_POLL_SECONDS = 0.02
Echo = Literal["nothing", "errors", "all"]
INLINE = "<string>"  # the file of what -c runs


@dataclass(frozen=True, slots=True)
class Limits:
    """`steps`: recorded, then the program runs on unseen; `objects`: shown at a step; `edges`: of
    one object."""

    steps: int = 10_000
    objects: int = 300
    edges: int = 60


def record(
    program: Sequence[str],
    *,
    python: str | None = None,
    limits: Limits | None = None,
    timeout: float | None = None,
    only: Sequence[str] = (),
    echo: Echo = "nothing",
    stdin: int | None = subprocess.DEVNULL,
) -> Life:
    """Run `program`, a path or `-c` and code, then arguments, and tell what its lines did.

    `python`: the interpreter, else ours. `timeout`: seconds, then it is killed, and what was
    recorded is returned. `only`: files, and folders with a `/` at the end, whose lines are told;
    else the script's folder and what is below it. `echo`: of what it writes, this goes to our own
    stdout and stderr while it runs. `stdin`: as for subprocess; None is ours.

    Raises HoopError where the program cannot be run, or not be recorded at all.
    """
    used = limits or Limits()
    folder = Path(tempfile.mkdtemp(prefix="hoop-learn-"))
    try:
        _write_order(folder, program, used, only)
        status, timed_out = _run(folder, program, python, timeout, echo, stdin)
        return _life(folder, program, used, status, timed_out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _roots(program: Sequence[str], only: Sequence[str]) -> list[str]:
    if only:
        return [os.path.abspath(one) + ("/" if one.endswith("/") else "") for one in only]
    if program[0] == "-c":
        return [INLINE]
    script = os.path.abspath(program[0])
    return [script, os.path.dirname(script).rstrip("/") + "/"]


def _write_order(folder: Path, program: Sequence[str], limits: Limits, only: Sequence[str]) -> None:
    if not program or (program[0] == "-c" and len(program) < 2):
        raise HoopError("there is no program to run")
    if program[0] != "-c" and not os.path.isfile(program[0]):
        raise HoopError(f"{program[0]!r}: no such file")
    numbers = f"{limits.steps} {limits.objects} {limits.edges}"
    order = "\n".join([numbers, *_roots(program, only), ""])
    (folder / "order").write_bytes(os.fsencode(order))
    for name in ("out", "err", "stream"):
        (folder / name).touch()


def _environ(folder: Path) -> dict[str, str]:
    environ = environment.as_we_got_it(os.environ, environment.initial_entries())
    shim = environment.find_shim(environ)
    environ["LD_PRELOAD"] = environment.preload_value(
        environment.link_if_unsafe(shim, str(folder)), environ.get("LD_PRELOAD", "")
    )
    for name in ("HOOP_RUN_DIR", "HOOP_DISABLE", "PYTHONMALLOC"):
        environ.pop(name, None)
    environ["HOOP_COLLECTOR"] = "stock"
    environ["HOOP_LIFE"] = str(folder)
    return environ


def _run(
    folder: Path,
    program: Sequence[str],
    python: str | None,
    timeout: float | None,
    echo: Echo,
    stdin: int | None,
) -> tuple[int, bool]:
    """The exit status, negative where a signal ended it, and whether time was up."""
    # Unbuffered: what a line prints is there when the line is over.
    words = [python or sys.executable, "-u", *program]
    with open(folder / "out", "ab") as out, open(folder / "err", "ab") as err:
        try:
            process = subprocess.Popen(
                words, stdin=stdin, stdout=out, stderr=err, env=_environ(folder)
            )
        except OSError as error:
            raise HoopError(f"cannot run {words[0]!r}: {error.strerror}") from error
    copier = _Copier(folder, echo) if echo != "nothing" else None
    try:
        return _wait(process, timeout)
    finally:
        if copier:
            copier.finish()


def _wait(process: subprocess.Popen[bytes], timeout: float | None) -> tuple[int, bool]:
    while True:
        try:
            return process.wait(timeout), False
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(), True
        except KeyboardInterrupt:
            # The terminal sent it to the program as well: it decides.
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Copier:
    """What the program writes goes on to our own stdout and stderr, while it runs."""

    def __init__(self, folder: Path, what: Echo) -> None:
        self._ended = threading.Event()
        self._pairs: list[tuple[BinaryIO, BinaryIO]] = [
            (open(folder / "err", "rb"), sys.stderr.buffer)  # noqa: SIM115
        ]
        if what == "all":
            out = open(folder / "out", "rb")  # noqa: SIM115
            self._pairs.insert(0, (out, sys.stdout.buffer))
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        self._ended.set()
        self._thread.join()
        for source, _ in self._pairs:
            source.close()

    def _copy(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._ended.wait(_POLL_SECONDS)
            for source, target in self._pairs:
                while data := source.read(1 << 16):
                    target.write(data)
                    target.flush()


def _life(
    folder: Path, program: Sequence[str], limits: Limits, status: int, timed_out: bool
) -> Life:
    text = (folder / "stream").read_text(encoding="utf-8", errors="replace")
    reader = Reader(text)
    builder = Builder(reader, (folder / "out").read_bytes(), (folder / "err").read_bytes())
    steps = list(builder.steps())
    if not steps:
        _say_why_there_is_nothing(folder, text, status, timed_out)
    name = program[0]
    arguments = tuple(program[1:] if name != "-c" else program[2:])
    life = Life(Program(name, reader.python.split(" ")[0], {}, arguments), builder.things, steps)
    life.program.sources.update(_sources(life, program))
    life.exit_status = status
    life.rest = builder.rest
    life.stopped = _why_stopped(reader.ended, builder.limited, limits, status, timed_out)
    return life


def _say_why_there_is_nothing(folder: Path, text: str, status: int, timed_out: bool) -> None:
    errors = (folder / "err").read_text(encoding="utf-8", errors="replace").strip()
    if not text:
        raise HoopError(
            "this Python cannot be recorded: CPython 3.10 to 3.14 with a GIL, and an agent of "
            "Hoopsnake's for that version, are needed"
        )
    last = errors.splitlines()[-1] if errors else f"its exit status is {status}"
    why = "time was up" if timed_out else last
    raise HoopError(f"no line of the program ran: {why}")


def _sources(life: Life, program: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in life.steps:
        if not step.file or step.file in found:
            continue
        if step.file == INLINE and program[0] == "-c":
            found[step.file] = program[1].splitlines()
            continue
        try:
            text = Path(step.file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        found[step.file] = text.splitlines()
    return found


def _why_stopped(ended: str, limited: bool, limits: Limits, status: int, timed_out: bool) -> str:
    if timed_out:
        return "Time was up, and the program was ended: this is what ran until then."
    if ended == "steps":
        return (
            f"The limit of {limits.steps:,} steps was reached: the rest of the program ran unseen."
        )
    if ended == "trace":
        return "The program set a trace function of its own: what ran under it is not shown."
    if not ended and status < 0:
        name = signal.Signals(-status).name
        return f"The program was ended by {name}: this is what ran until then."
    if not ended:
        return "The program left without an end of Python: by os._exit, exec or another tracer."
    if limited:
        return (
            f"At some steps there are more than {limits.objects:,} objects: those beyond are not "
            "shown."
        )
    return ""
