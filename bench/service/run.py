#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An ASGI service with a large heap: requests a second, latencies, and memory.

Each contestant is a fresh server under uvicorn, asked over loopback: as fast as it can answer, then
at a constant rate, while latencies are counted from when a request was due (see load.py), then at
that rate again while its memory is watched.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import (
    Contestant,
    clean_environment,
    hoop_collecting,
    hoop_directory,
    taking_part,
)
from bench.common.figures import Spread, ratio, spread
from bench.common.options import only_contestants, parser_of, write_results
from bench.common.process import Spawner
from bench.common.pythons import ROOT, Interpreter, choose_interpreters, venv_python
from bench.common.resident import FamilyWatch
from bench.common.rounds import interleaved, say
from bench.common.table import markdown_table

HERE = Path(__file__).resolve().parent
PLOT = ROOT / "docs" / "images" / "service.svg"
CLOSED_CONNECTIONS = 8
WATCH_SECONDS = 0.25
SHARE_OF_CAPACITY = 0.4  # of what stock can answer, where no rate is asked for
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 99.99, 100.0)
CURVE = (*range(0, 100), *(99 + n / 10 for n in range(10)), *(99.9 + n / 100 for n in range(11)))

Run = dict[str, Any]
# contestant -> one run a round
Results = dict[str, list[Run]]


@dataclass(frozen=True)
class Runner:
    """A contestant, and what its server tells CPython's collector once it is warm."""

    contestant: Contestant
    mode: str = "as it is"

    @property
    def name(self) -> str:
        return self.contestant.name


# ---- who takes part ----


def all_runners(directory: Path, remarks: list[str]) -> list[Runner]:
    """Latencies are measured against gc-off, memory against stock."""
    runners = [
        Runner(Contestant("stock")),
        Runner(Contestant("gc-off"), "off"),
        Runner(Contestant("gc-freeze"), "freeze"),
        Runner(Contestant("gc-young"), "young"),
    ]
    ours = hoop_collecting({"concurrent": "concurrent"}, directory, remarks)
    return [*runners, *map(Runner, ours)]


def present(
    interpreter: Interpreter, options: argparse.Namespace, remarks: list[str]
) -> list[Runner]:
    runners = all_runners(hoop_directory(options.hoop), remarks)
    names = options.contestants and f"gc-off,{options.contestants}"
    contestants = only_contestants([runner.contestant for runner in runners], names)
    with Spawner(options.core) as spawner:
        inside = {c.name for c in taking_part(contestants, interpreter, spawner, remarks)}
    return [runner for runner in runners if runner.name in inside]


def serves(python: Path) -> bool:
    command = [str(python), "-c", "import uvicorn"]
    return subprocess.run(command, capture_output=True).returncode == 0


def interpreter_with_uvicorn(options: argparse.Namespace) -> Interpreter | None:
    """A tiny round takes the Python that runs this, where there are no environments yet."""
    chosen, _ = choose_interpreters([options.python])
    if options.smoke:
        version = ".".join(map(str, sys.version_info[:2]))
        chosen.append(Interpreter(version, Path(sys.executable)))
    return next((python for python in chosen if serves(python.path)), None)


# ---- measuring ----


class Server:
    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.pid = process.pid
        self._port = port

    def ask(self, name: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{name}", timeout=300) as body:
            return json.loads(body.read())

    def load(self, kind: str, amount: float, seconds: float, core: int) -> Run:
        words = [str(self._port), kind, f"{amount:g}", str(seconds), str(core)]
        output = subprocess.run(
            [sys.executable, str(HERE / "load.py"), *words], stdout=subprocess.PIPE, check=True
        ).stdout
        result: Run = json.loads(output)
        return result


@contextmanager
def serving(
    interpreter: Interpreter, runner: Runner, options: argparse.Namespace
) -> Iterator[Server]:
    """The server may use every core: a copy of it that looks for garbage needs one as well."""
    process = subprocess.Popen(
        [str(interpreter.path), str(HERE / "server.py"), f"{options.gigabytes:g}", runner.mode],
        env=clean_environment() | dict(runner.contestant.environment),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline()
        if not port:
            raise SystemExit(f"service: {runner.name}: exit status {process.wait()}")
        yield Server(process, int(port))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measure(server: Server, options: argparse.Namespace, rate_of: Callable[[float], float]) -> Run:
    """`rate_of` makes a rate of the requests a second that there can be."""
    core = options.core
    server.load("closed", CLOSED_CONNECTIONS, options.warm, core)
    server.ask("warmed")
    closed = server.load("closed", CLOSED_CONNECTIONS, options.seconds / 4, core)
    capacity = len(closed["latencies"]) / closed["seconds"]
    rate = rate_of(capacity)
    server.ask("collections")
    timed = server.load("rate", rate, options.seconds, core)
    collections = server.ask("collections")["collections"]
    watch = FamilyWatch(server.pid, WATCH_SECONDS)
    watch.start()
    try:
        server.load("rate", rate, options.memory_seconds, core)
    finally:
        timeline = watch.stop()
    latencies = sorted(timed["latencies"])
    return {
        "capacity": capacity,
        "rate": rate,
        "requests": len(latencies),
        "latency": {f"{p:g}": percentile(latencies, p) for p in PERCENTILES},
        "curve": [(p, percentile(latencies, p)) for p in CURVE],
        "collections": collections,
        "memory": timeline,
        "peak": max(size for _, size in timeline),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least latency that so many per cent of the requests do not exceed."""
    return ordered[max(0, -int(-len(ordered) * share // 100) - 1)]


def measure_all(
    interpreter: Interpreter, runners: Sequence[Runner], options: argparse.Namespace
) -> Results:
    results: Results = {runner.name: [] for runner in runners}
    rates: list[float] = [options.rate] if options.rate else []

    def rate_of(capacity: float) -> float:
        """Stock is the first to be asked, and what it can do decides for all."""
        if not rates:
            rates.append(round(SHARE_OF_CAPACITY * capacity))
        return rates[0]

    for runner in interleaved(runners, options.rounds):
        with serving(interpreter, runner, options) as server:
            run = measure(server, options, rate_of)
        results[runner.name].append(run)
        say(f"service: {interpreter.version}: {runner.name}: {brief(run)}")
    return results


def brief(run: Run) -> str:
    latency = " ".join(f"{1e3 * seconds:.1f}" for seconds in run["latency"].values())
    return (
        f"{run['capacity']:.0f} requests/s; at {run['rate']:.0f}: {latency} ms, "
        f"{len(run['collections'])} full collections; peak {run['peak'] / 2**20:.0f} MiB"
    )


# ---- tables ----


def latencies(runs: Sequence[Run], share: str) -> list[float]:
    return [run["latency"][share] for run in runs]


def with_spread(figures: Spread, scale: float, digits: int) -> str:
    numbers = (figures.value, figures.low, figures.high)
    value, low, high = (f"{scale * number:.{digits}f}" for number in numbers)
    return f"{value} ({low}..{high})"


def latency_table(results: Results) -> str:
    shares = ["50", "99", "99.9", "100"]
    header = ["latency, ms", "p50", "p99", "p99.9", "longest", "p99.9 of gc-off's", "longest of it"]
    base = results["gc-off"]
    rows = []
    for name, runs in results.items():
        cells = [with_spread(spread(latencies(runs, share)), 1e3, 1) for share in shares]
        for share in ("99.9", "100"):
            against = ratio(latencies(runs, share), latencies(base, share))
            cells.append(with_spread(against, 1, 1))
        rows.append([name, *cells])
    return markdown_table(header, rows)


def cost_table(results: Results) -> str:
    columns = ["requests/s", "of stock's", "full collections", "peak MiB", "of stock's"]
    stock = results["stock"]
    rows = []
    for name, runs in results.items():
        capacity, peak = ([run[key] for run in runs] for key in ("capacity", "peak"))
        counts = [len(run["collections"]) for run in runs]
        rows.append(
            [
                name,
                f"{statistics.median(capacity):.0f}",
                with_spread(ratio(capacity, [run["capacity"] for run in stock]), 1, 2),
                f"{statistics.median(counts):g}",
                f"{statistics.median(peak) / 2**20:.0f}",
                with_spread(ratio(peak, [run["peak"] for run in stock]), 1, 2),
            ]
        )
    return markdown_table(["cost", *columns], rows)


def tables(version: str, results: Results, options: argparse.Namespace) -> str:
    rate = results["stock"][0]["rate"]
    title = f"#### CPython {version}: a heap of {options.gigabytes:g} GB, {rate:.0f} requests/s"
    return "\n\n".join([title, latency_table(results), cost_table(results)])


def goal_lines(results: Results) -> list[str]:
    """What was set out for, and what came out."""
    ours = results.get("concurrent")
    if not ours:
        return []
    if not all(run["collections"] for run in ours):
        return ["no full collection fell into the time: this shows nothing, take more --seconds"]
    lines = []
    for share, name in (("99.9", "p99.9"), ("100", "longest")):
        against = ratio(latencies(ours, share), latencies(results["gc-off"], share))
        lines.append(f"{name}: {with_spread(against, 1, 1)} times gc-off's (goal: 2)")
    peaks = [[run["peak"] for run in runs] for runs in (ours, results["stock"])]
    lines.append(f"memory: {with_spread(ratio(*peaks), 1, 2)} times stock's (goal: 1.3)")
    return lines


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=2)
    add = parser.add_argument
    add("--python", default="3.13", help="(%(default)s)")
    add("--gigabytes", type=float, default=3.0, help="size of the heap (%(default)s)")
    add("--rate", type=float, help="requests a second (two fifths of what stock can answer)")
    add("--seconds", type=float, default=40, help="of requests at that rate (%(default)s)")
    add("--warm", type=float, default=5, help="seconds of requests before (%(default)s)")
    add("--memory-seconds", type=float, default=20, help="of watching memory (%(default)s)")
    add(
        "--plot",
        nargs="?",
        const=str(PLOT),
        metavar="FILE",
        help=f"draw ({PLOT.name}); needs --json",
    )
    options = parser.parse_args()
    if options.plot and not options.json:
        parser.error("--plot draws what --json writes: give both")
    if options.smoke:
        options.rounds, options.gigabytes, options.rate = 1, 0.03, 100
        options.warm, options.seconds, options.memory_seconds = 0.2, 1, 0.5
    return options


def draw(json_file: str, picture: str) -> None:
    python = venv_python("plot") or Path(sys.executable)
    command = [str(python), str(HERE / "plot.py"), json_file, picture]
    if subprocess.run(command).returncode != 0:
        say("service: not drawn: bench/setup installs matplotlib")


def main() -> int:
    options = parse_arguments()
    interpreter = interpreter_with_uvicorn(options)
    if interpreter is None:
        say(f"service: left out: no Python {options.python} with uvicorn: run bench/setup")
        return 0
    remarks: list[str] = []
    runners = present(interpreter, options, remarks)
    results = measure_all(interpreter, runners, options)
    for remark in dict.fromkeys(remarks):
        say(f"left out: {remark}")
    for line in goal_lines(results):
        say(line)
    text = tables(interpreter.version, results, options)
    write_results(options, "service", {interpreter.version: results}, text)
    if options.plot:
        draw(options.json, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
