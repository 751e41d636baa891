#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots: how long they stop a program, how fast they are written, what they answer and when.

Heaps of millions of objects, in a fresh process each, which serves requests while five snapshots
are taken; then the last file is packed, opened, and asked. The installed package is measured, on
the Python that it is installed in; other tools, where bench/setup installed them, on the same heap.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import clean_environment
from bench.common.options import parser_of, write_results
from bench.common.pythons import venv_python
from bench.common.rounds import interleaved, say
from bench.snapshot.tables import (
    KINDS,
    Kind,
    Results,
    RivalRuns,
    Rivals,
    Run,
    all_tables,
    goal_lines,
)

HERE = Path(__file__).resolve().parent
HOOP = [sys.executable, "-m", "hoopsnake"]
VERSION = ".".join(map(str, sys.version_info[:2]))
ROW = "bench.snapshot.heap.Row"
SNAPSHOTS = 5
REST_SECONDS = 1.0  # between them: what is to be mended after one is mended
RIVALS = ("guppy3", "objgraph", "pympler", "midden")
PR_SET_THP_DISABLE = 41


# ---- the process that is looked at ----


class Job:
    """bench/snapshot/job.py at work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process
        self._hear()

    def ask(self) -> dict[str, float]:
        """What happened since it was last asked."""
        assert self._process.stdin is not None
        self._process.stdin.write("?")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"snapshot: the job ended, exit status {self._process.wait()}")
        figures: dict[str, float] = json.loads(line)
        return figures


def without_huge_pages() -> None:
    """For this process, and what it becomes by exec."""
    ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)


@contextmanager
def job(kind: Kind, objects: int, python: Sequence[str] = (sys.executable,)) -> Iterator[Job]:
    before = [*HOOP, "run", "--quiet"] if kind.prepared else python
    process = subprocess.Popen(
        [*before, str(HERE / "job.py"), str(objects)],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=None if kind.huge else without_huge_pages,
    )
    try:
        yield Job(process)
    finally:
        process.kill()
        process.communicate()


# ---- measuring ----


def json_of(command: Sequence[str | Path]) -> Any:
    done = subprocess.run(command, env=clean_environment(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def take(kind: Kind, at: Job, file: Path) -> Run:
    """A snapshot; what it took, and the longest gap that the program saw around it."""
    time.sleep(REST_SECONDS)
    before = at.ask()
    attach = [] if kind.prepared else ["--attach"]
    facts: Run = json_of([*HOOP, "snap", *attach, "--plain", "--json", "-o", file, str(at.pid)])
    after = at.ask()
    return {**before, "rest_gap": before["gap"], "gap": after["gap"], **facts}


def questions(file: Path) -> Run:
    figures: Run = json_of([sys.executable, HERE / "questions.py", file, ROW])
    return figures


def pack(file: Path) -> Run:
    code = "import sys, hoopsnake.heap as heap; heap.compress(sys.argv[1])"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, file], env=clean_environment(), check=True)
    return {"seconds": time.perf_counter() - start, "bytes": file.stat().st_size}


def measure(kind: Kind, objects: int, folder: Path, options: argparse.Namespace) -> Run:
    file = folder / "heap.hoop"
    with job(kind, objects) as at:
        snapshots = [take(kind, at, file) for _ in range(options.snapshots)]
    opened = {"plain": questions(file)}
    packed = pack(file)
    opened["packed"] = questions(file)
    for snapshot in snapshots:  # an unprepared one does not count them
        snapshot.setdefault("objects", opened["plain"]["objects"])
    return {"snapshots": snapshots, "pack": packed, "open": opened}


def brief(run: Run) -> str:
    pauses = " ".join(f"{s['pause_ns'] / 1e6:.1f}" for s in run["snapshots"])
    opened, written = run["open"]["packed"], run["snapshots"][-1]["write_ns"] / 1e9
    return (
        f"pauses {pauses} ms, {opened['objects']:,} objects written in {written:.2f} s, "
        f"opened in {opened['open']:.2f} s, why {opened['why']:.3f} s"
    )


def measure_all(options: argparse.Namespace, folder: Path) -> Results:
    kinds = [k for k in KINDS if not options.contestants or k.name in options.contestants]
    results: Results = {}
    for millions in options.sizes:
        runs: dict[str, list[Run]] = {kind.name: [] for kind in kinds}
        for kind in interleaved(kinds, options.rounds):
            run = measure(kind, round(millions * 1e6), folder, options)
            runs[kind.name].append(run)
            say(f"snapshot: {millions:g} M, {kind.name}: {brief(run)}")
        results[millions] = runs
    return results


# ---- other tools ----


def tool_figures(python: Path, name: str, amount: str | Path, timeout: float) -> Run:
    """What rivals.py prints, or a failure in a few words."""
    command = [str(python), str(HERE / "rivals.py"), name, str(amount)]
    try:
        done = subprocess.run(
            command, env=clean_environment(), capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"not done in {timeout:g} s"}
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"failure": last if "No module" not in last else "not installed"}
    figures: Run = json.loads(done.stdout)
    return figures


def midden(python: Path, objects: int, file: Path, timeout: float) -> Run:
    """Its dump is asked for from outside, and written by the program itself, held by gdb."""
    inject = python.with_name("midden-inject")
    if not inject.exists():
        return {"failure": "not installed"}
    with job(KINDS[-1], objects, [str(python)]) as at:
        at.ask()
        start = time.perf_counter()
        command = [str(inject), str(at.pid), "--output-file", str(file)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            return {"failure": f"no dump in {timeout:g} s"}
        took = time.perf_counter() - start
        if done.returncode != 0 or not file.exists():
            return {"failure": "no dump (it needs gdb)"}
        stop = at.ask()["gap"]
    size = f"{file.stat().st_size / 1e6:.0f} MB"
    return {"asked": [(f"dump by gdb, {size}", took), ("of it the program's stop", stop)]}


def tool_runs(name: str, python: Path, objects: int, folder: Path, seconds: float) -> RivalRuns:
    """What came out of a tool; midden looks at a file, in two steps."""
    if name != "midden":
        return {name: tool_figures(python, name, str(objects), seconds)}
    file = folder / "dump.jsonl"
    runs = {name: midden(python, objects, file, seconds)}
    if "failure" not in runs[name]:
        runs["midden's file"] = tool_figures(python, "midden-open", file, seconds)
    return runs


def measure_rivals(options: argparse.Namespace, folder: Path) -> Rivals:
    python = venv_python(VERSION)
    if python is None:
        say(f"left out: other tools: bench/setup installs them for Python {VERSION}")
        return {}
    rivals: Rivals = {}
    for millions in options.rival_sizes:
        objects, tools = round(millions * 1e6), rivals.setdefault(millions, {})
        for name in RIVALS:
            runs = tool_runs(name, python, objects, folder, options.rival_seconds)
            tools.update(runs)
            for tool, run in runs.items():
                say(f"snapshot: {millions:g} M, {tool}: {run.get('failure') or run['asked']}")
    return rivals


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=3)
    add = parser.add_argument
    add("--millions", default="1,5,10", help="objects of the heaps (%(default)s)")
    add("--snapshots", type=int, default=SNAPSHOTS, help="of each process (%(default)s)")
    add("--rival-millions", default="1", help="objects, for other tools (%(default)s; empty: none)")
    add("--rival-seconds", type=float, default=600, help="then a tool is given up (%(default)s)")
    options = parser.parse_args()
    if options.smoke:
        options.millions, options.rival_millions = "0.03", "0.03"
        options.rounds, options.snapshots = 1, 2
    options.sizes = [float(size) for size in options.millions.split(",")]
    options.rival_sizes = [float(size) for size in options.rival_millions.split(",") if size]
    return options


def main() -> int:
    options = parse_arguments()
    if importlib.util.find_spec("hoopsnake") is None:
        say("snapshot: left out: hoopsnake is not installed in this Python: make install")
        return 0
    if options.hoop:
        say("snapshot: --hoop is not looked at: the installed package is measured")
    with tempfile.TemporaryDirectory(prefix="hoop-bench-") as name:
        results = measure_all(options, Path(name))
        rivals = measure_rivals(options, Path(name))
    for line in goal_lines(results):
        say(line)
    text = all_tables(VERSION, results, rivals)
    write_results(options, "snapshot", {"snapshots": results, "rivals": rivals}, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
