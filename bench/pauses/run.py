#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Full collections: how long they stop the program, how long they take, and what they cost it.

Heaps of millions of containers, in a fresh process each: CPython's gc.collect(), our collection in
place, and ours beside the running program. Then requests a second with a full collection and
without any.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import (
    Contestant,
    clean_environment,
    hoop_collecting,
    hoop_directory,
    taking_part,
)
from bench.common.options import parser_of, write_results
from bench.common.process import Spawner
from bench.common.pythons import (
    DEFAULT_VERSIONS,
    ROOT,
    Interpreter,
    choose_interpreters,
    venv_python,
)
from bench.common.resident import FamilyWatch
from bench.common.rounds import interleaved, say
from bench.pauses.heap import BUILDS
from bench.pauses.tables import Case, Results, Run, goal_lines, stop_table, work_table

HERE = Path(__file__).resolve().parent
PLOT = ROOT / "docs" / "images" / "pauses.svg"
COLLECTIONS = 5
# Twice what stock CPython needs for one here: a case that does not fit is left out.
BYTES_A_CONTAINER = 280
WATCH_SECONDS = 0.05


@dataclass(frozen=True)
class Runner:
    """A contestant and what its job does. `spread_out`: not pinned, the copy needs a core too."""

    contestant: Contestant
    action: str
    words: tuple[str, ...] = ()
    spread_out: bool = False

    @property
    def name(self) -> str:
        return self.contestant.name


# ---- who takes part ----


def stop_runners(directory: Path, remarks: list[str]) -> list[Runner]:
    """The first is the one that all are measured against."""
    collectors = {"in-place": "inplace", "concurrent": "concurrent"}
    runners = [
        Runner(Contestant("stock"), "collect"),
        Runner(Contestant("stock-requests"), "requests", spread_out=True),
    ]
    for contestant in hoop_collecting(collectors, directory, remarks):
        concurrent = contestant.name == "concurrent"
        action = "requests" if concurrent else "collect"
        runners.append(Runner(contestant, action, spread_out=concurrent))
    return runners


def work_runners(directory: Path, remarks: list[str]) -> list[Runner]:
    """In pairs: no collections at all, and collections as they come."""
    collectors = {"hoop-off": "stock", "concurrent": "concurrent"}
    runners = [
        Runner(Contestant("stock-off"), "work", ("off",), spread_out=True),
        Runner(Contestant("stock"), "work", spread_out=True),
    ]
    for contestant in hoop_collecting(collectors, directory, remarks):
        words = ("off",) if contestant.name == "hoop-off" else ()
        runners.append(Runner(contestant, "work", words, spread_out=True))
    return runners


def present(
    runners: Sequence[Runner],
    interpreter: Interpreter,
    options: argparse.Namespace,
    remarks: list[str],
) -> list[Runner]:
    wanted = options.contestants.split(",")
    runners = [runner for runner in runners if runner.name in ("stock", *wanted)]
    with Spawner(options.core) as spawner:
        contestants = [runner.contestant for runner in runners]
        names = [c.name for c in taking_part(contestants, interpreter, spawner, remarks)]
    return [runner for runner in runners if runner.name in names]


# ---- measuring ----


def run(runner: Runner, case: Case, amount: float, options: argparse.Namespace) -> Run:
    words = [str(case.containers), case.build, f"{amount:g}", *runner.words]
    cores = os.sched_getaffinity(0) if runner.spread_out else {options.core}
    process = subprocess.Popen(
        [str(case.interpreter.path), str(HERE / "job.py"), runner.action, *words],
        env=clean_environment() | dict(runner.contestant.environment),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    assert process.stdout is not None
    result, sizes = follow(process)
    if process.wait() != 0 or result is None:
        raise SystemExit(f"pauses: {case.name}, {runner.name}: exit status {process.returncode}")
    result["peak"] = max([result["peak"], *sizes])
    return result


def follow(process: subprocess.Popen[str]) -> tuple[Run | None, list[int]]:
    """What the job says; and its memory, copies of it included, while it asks to be watched."""
    assert process.stdout is not None
    watch = FamilyWatch(process.pid, WATCH_SECONDS)
    result: Run | None = None
    for line in process.stdout:
        message = json.loads(line)
        if message["kind"] == "memory":
            watch.start()
        else:
            result = message
    return result, [size for _, size in watch.stop()]


def run_all(
    case: Case, runners: Sequence[Runner], rounds: int, amount: float, options: argparse.Namespace
) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {runner.name: [] for runner in runners}
    for runner in interleaved(runners, rounds):
        result = run(runner, case, amount, options)
        runs[runner.name].append(result)
        say(f"pauses: {case.name}: {runner.name}: {brief(result)}")
    return runs


def brief(result: Run) -> str:
    if "requests_a_second" in result:
        rate, count = result["requests_a_second"], len(result["collections"])
        return f"{rate:.0f} requests a second, {count} full collections"
    stops = " ".join(f"{1e3 * collection['stop']:.1f}" for collection in result["collections"])
    return f"stops of {stops or 'no collection'} ms, peak {result['peak'] / 2**20:.0f} MiB"


def fits(case: Case, remarks: list[str]) -> bool:
    with open("/proc/meminfo", encoding="ascii") as lines:
        available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    if case.containers * BYTES_A_CONTAINER <= available * 1024:
        return True
    remarks.append(f"{case.name}: not enough memory")
    return False


def measure_stops(
    cases: Sequence[Case], options: argparse.Namespace, remarks: list[str]
) -> Results:
    results: Results = {}
    for case in cases:
        if not fits(case, remarks):
            continue
        runners = stop_runners(hoop_directory(options.hoop), remarks)
        runners = present(runners, case.interpreter, options, remarks)
        results[case.name] = run_all(case, runners, options.rounds, options.collections, options)
    return results


def measure_work(cases: Sequence[Case], options: argparse.Namespace, remarks: list[str]) -> Results:
    results: Results = {}
    for case in cases:
        if not fits(case, remarks):
            continue
        runners = work_runners(hoop_directory(options.hoop), remarks)
        runners = present(runners, case.interpreter, options, remarks)
        results[case.name] = run_all(case, runners, options.work_rounds, options.seconds, options)
    return results


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=2)
    add = parser.add_argument
    add("--pythons", default=",".join(DEFAULT_VERSIONS), help="(%(default)s)")
    add("--millions", default="1,3,6,12", help="containers of the heaps (%(default)s)")
    add("--builds", default=",".join(BUILDS), help="how the heaps are built (%(default)s)")
    add(
        "--cases",
        default="*/6M/on,3.13/*/on,3.13/3M/shuffled",
        help="of all these only PYTHON/MILLIONS/BUILD like one of these patterns (%(default)s)",
    )
    add("--collections", type=int, default=COLLECTIONS, help="report this one (%(default)s)")
    add("--seconds", type=float, default=60, help="of requests; 0: none (%(default)s)")
    add("--work-rounds", type=int, default=1, help="rounds of requests (%(default)s)")
    add("--work-case", default="3.13/6M/on", help="the heap beside requests (%(default)s)")
    add(
        "--plot",
        nargs="?",
        const=str(PLOT),
        metavar="FILE",
        help=f"draw ({PLOT.name}); needs --json",
    )
    parser.set_defaults(contestants="in-place,concurrent,stock-off,hoop-off")
    options = parser.parse_args()
    if options.plot and not options.json:
        parser.error("--plot draws what --json writes: give both")
    for build in options.builds.split(","):
        if build not in BUILDS:
            parser.error(f"no such build: {build}")
    if options.smoke:
        options.pythons, options.cases, options.work_case = "3.11,3.13", "*", "*/0.03M/on"
        options.millions, options.builds = "0.03", "on,shuffled"
        options.rounds, options.collections, options.seconds = 1, 2, 0.5
    return options


def cases_of(options: argparse.Namespace, remarks: list[str]) -> tuple[list[Case], list[Case]]:
    """Those that are stopped, and the one beside which requests are counted."""
    interpreters, missing = choose_interpreters(options.pythons.split(","))
    remarks += [remark for remark in missing if "PyPI" not in remark]
    possible = [
        Case(interpreter, float(millions), build)
        for interpreter in interpreters
        for build in options.builds.split(",")
        for millions in options.millions.split(",")
    ]
    patterns = options.cases.split(",")
    stopped = [case for case in possible if any(fnmatch(case.name, p) for p in patterns)]
    at_work = [case for case in possible if fnmatch(case.name, options.work_case)]
    return stopped, at_work[:1] if options.seconds else []


def draw(json_file: str, picture: str) -> None:
    python = venv_python("plot") or Path(sys.executable)
    command = [str(python), str(HERE / "plot.py"), json_file, picture]
    if subprocess.run(command).returncode != 0:
        say("pauses: not drawn: bench/setup installs matplotlib")


def main() -> int:
    options = parse_arguments()
    remarks: list[str] = []
    cases, work_cases = cases_of(options, remarks)
    stops = measure_stops(cases, options, remarks)
    work = measure_work(work_cases, options, remarks)
    for remark in dict.fromkeys(remarks):
        say(f"left out: {remark}")
    for line in goal_lines(cases, stops, work):
        say(line)
    tables = [stop_table(case, stops[case.name]) for case in cases if case.name in stops]
    tables += [work_table(name, runs) for name, runs in work.items()]
    write_results(options, "pauses", {"stops": stops, "work": work}, "\n\n".join(tables))
    if options.plot:
        draw(options.json, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
