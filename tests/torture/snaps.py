#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/torture/snaps.py: snapshots of programs at work, taken one after the other.

    tests/torture/snaps.py                               ten of each program, in both ways
    tests/torture/snaps.py --python python3.14           of programs of another Python
    tests/torture/snaps.py --programs server --ways attached --snaps 1000

*asked*: under `hoop run`; *attached*: the program as it is, copied from outside. Servers are asked
for pages all the time. Each program has to go on and to come to the right end; no answer may be
missing; no child, tracer, thread or descriptor may be left; each file has to open and to know who
holds the objects that programs/held.py made. A program whose packages are missing is left out.

Prints a line for each. Exit status: 0, or 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"
NAMES = (
    *("server", "django_app", "uvicorn_app", "pandas_job", "crawler"),
    *("many_threads", "tight_loop", "blocked"),
)
WAYS = ("asked", "attached")
HOOP = [sys.executable, "-m", "hoopsnake"]
CLIENTS = 8
SETTLE, LOOKS = 0.3, 10  # seconds until a program is at work, and looks at it meanwhile
PATIENCE = 60.0  # seconds for an answer, a snapshot, an end
HELD, HELD_BY, HELD_COUNT = "held.Session", "held.SESSIONS[*]", 1000
ROW = "{:<13} {:<9} {:>5} {:>8} {:>8} {:>9} {:>5} {:>9}  {}"
HEAD = ("program", "way", "snaps", "stop ms", "longest", "work/s", "lost", "wait ms", "")
# What a right is missing for, in the words of `hoop snap`.
REFUSED = ("SYS_PTRACE", "ptrace_scope", "seccomp")


class LeftOutError(Exception):
    """It cannot be done here."""


@dataclass
class Outcome:
    stops: list[float] = field(default_factory=list)  # ms
    work: float = 0.0  # a second, while snapshots are taken and before
    lost: int = 0
    longest_wait: float = 0.0  # s, of a client
    wrong: list[str] = field(default_factory=list)

    def check(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(what)


class Clients:
    """Ask for a page after the other, each over a connection that it keeps."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.answered = self.lost = 0
        self.longest = 0.0
        names = range(CLIENTS if port else 0)
        self._threads = [threading.Thread(target=self._ask, args=(name,)) for name in names]
        for thread in self._threads:
            thread.start()

    def _ask(self, name: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        number = 0
        while not self._is_over.is_set():
            number += 1
            path, start = f"/client{name}/{number}", time.monotonic()
            try:
                connection.request("GET", path)
                is_right = connection.getresponse().read().startswith(path.encode())
            except (OSError, http.client.HTTPException):
                is_right = False
                connection.close()
            with self._lock:
                self.answered += is_right
                self.lost += not is_right
                self.longest = max(self.longest, time.monotonic() - start)
        connection.close()

    def end(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def started(words: list[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program and its port."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        words,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline().split()
        if not line:
            last = (process.communicate()[1].strip().splitlines() or ["it ended"])[-1]
            raise LeftOutError(last) if "No module" in last else SystemExit(f"{words}: {last}")
        yield process, int(line[1])
    finally:
        process.kill()
        process.communicate()


def snap(pid: int, way: str, file: Path) -> dict[str, int]:
    attach = ["--attach"] if way == "attached" else []
    words = [*HOOP, "snap", *attach, "--plain", "--json", "-o", str(file), str(pid)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    if any(word in done.stderr for word in REFUSED):
        raise LeftOutError(done.stderr.strip())
    if done.returncode != 0:
        raise ValueError(done.stderr.strip())
    facts: dict[str, int] = json.loads(done.stdout)
    return facts


def check_file(file: Path, outcome: Outcome) -> None:
    from hoopsnake import heap

    why = heap.open(file, index="never").why(HELD)
    held = [(holder.path, holder.count) for holder in why.holders]
    outcome.check(held == [(HELD_BY, HELD_COUNT)], f"held by {held[:3]}")


# ---- what a process has, which a snapshot must not add to ----


def status(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition(f"\n{name}:")[2].split()[0])


def children(pid: int) -> str:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has just ended
            found += path.read_text().split()
    return " ".join(found)


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def most_in_use(pid: int) -> tuple[int, int]:
    """Threads and descriptors, while a program begins its work."""
    seen = []
    for _ in range(LOOKS):
        time.sleep(SETTLE / LOOKS)
        seen.append((status(pid, "Threads"), descriptors(pid)))
    threads, files = zip(*seen, strict=True)
    return max(threads), max(files)


def check_leftovers(pid: int, before: tuple[int, int], outcome: Outcome) -> None:
    """`before`: threads and descriptors; what ends is given a moment."""
    for _ in range(100):
        in_use = status(pid, "Threads"), descriptors(pid)
        if not children(pid) and in_use[0] <= before[0] and in_use[1] <= before[1]:
            break
        time.sleep(0.02)
    outcome.check(not children(pid), f"children left: {children(pid)}")
    outcome.check(status(pid, "TracerPid") == 0, "still traced")
    outcome.check(in_use[0] <= before[0], "more threads than before")
    outcome.check(in_use[1] <= before[1], "more descriptors than before")


# ---- a program ----


def words_of(name: str, way: str, python: str) -> list[str]:
    program = [python, str(PROGRAMS / f"{name}.py")]
    return [*HOOP, "run", "--quiet", *program] if way == "asked" else program


def torture(name: str, way: str, options: argparse.Namespace, folder: Path) -> Outcome:
    outcome, file = Outcome(), folder / "program.hoop"
    with started(words_of(name, way, options.python)) as (process, port):
        pid = process.pid
        before = most_in_use(pid)
        clients, start = Clients(port), time.monotonic()
        try:
            time.sleep(SETTLE)
            take_snaps(pid, way, options, file, outcome)
        finally:
            clients.end()
            seconds = time.monotonic() - start
        if process.poll() is None:
            check_leftovers(pid, before, outcome)
        out, err = process.communicate(timeout=PATIENCE)
        end(outcome, process.returncode, out, err, clients)
        outcome.work /= seconds
    return outcome


def take_snaps(
    pid: int, way: str, options: argparse.Namespace, file: Path, outcome: Outcome
) -> None:
    for number in range(options.snaps):
        try:
            facts = snap(pid, way, file)
        except (ValueError, subprocess.TimeoutExpired) as error:
            outcome.wrong.append(f"snapshot {number}: {error}")
            return
        is_attached = "stop_ns" in facts
        outcome.check(is_attached == (way == "attached"), "no agent: it could not be asked")
        outcome.stops.append(facts["pause_ns"] / 1e6)
        if number % options.open_every == 0:
            check_file(file, outcome)


def end(outcome: Outcome, code: int, out: str, err: str, clients: Clients) -> None:
    said = json.loads(out) if code == 0 and out else {"did": 0, "failed": 0}
    outcome.check(code == 0, f"exit status {code}: {err[-300:]}")
    outcome.check(said["failed"] == 0, f"{said['failed']} wrong results")
    outcome.check(said["did"] > 0, "it did nothing")
    # The count of a server begins at 0, so it is what was answered: no request came twice.
    outcome.check(not clients.answered or said["did"] == clients.answered, "answers lost")
    outcome.work, outcome.lost = said["did"], clients.lost
    outcome.longest_wait = clients.longest
    outcome.check(outcome.lost == 0, f"{outcome.lost} requests without an answer")


def tell(name: str, way: str, outcome: Outcome) -> None:
    stops = outcome.stops or [0.0]
    wait = f"{1e3 * outcome.longest_wait:.0f}" if outcome.longest_wait else "-"
    figures = [f"{statistics.median(stops):.1f}", f"{max(stops):.1f}", f"{outcome.work:,.1f}"]
    verdict = "; ".join(dict.fromkeys(outcome.wrong)) or "fine"
    row = [name, way, len(outcome.stops), *figures, outcome.lost, wait, verdict]
    print(ROW.format(*row), flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(usage=__doc__)
    add = parser.add_argument
    add("--python", default=sys.executable, help="that runs the programs")
    add("--programs", type=lambda text: text.split(","), default=list(NAMES))
    add("--ways", type=lambda text: text.split(","), default=list(WAYS))
    add("--snaps", type=int, default=10, help="of each program in each way (%(default)s)")
    add("--open-every", type=int, default=5, help="so many files, one is opened (%(default)s)")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    is_fine = True
    print(ROW.format(*HEAD))
    with tempfile.TemporaryDirectory(prefix="hoop-snaps-") as folder:
        for name in options.programs:
            for way in options.ways:
                try:
                    outcome = torture(name, way, options, Path(folder))
                except LeftOutError as reason:
                    print(f"{name:<13} {way:<9} left out: {reason}", flush=True)
                    continue
                tell(name, way, outcome)
                is_fine = is_fine and not outcome.wrong
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
