#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory after a peak: how much of what holds no live block any more is given back, and when.

A job rises to its peak, drops nearly all, and sleeps for a second; nothing is called to trim, but
for the contestant named malloc+trim. See docs/benchmarks.md for how the ideal is computed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import (
    Contestant,
    clean_environment,
    hoop_directory,
    memory_contestants,
    taking_part,
)
from bench.common.figures import spread
from bench.common.options import only_contestants, parser_of, write_results
from bench.common.process import Spawner
from bench.common.pythons import ROOT, Interpreter, choose_interpreters, venv_python
from bench.common.rounds import interleaved, say
from bench.common.table import markdown_table
from bench.memory.scenarios import SCENARIOS
from bench.memory.watch import Observation, Watch

HERE = Path(__file__).resolve().parent
PLOT = ROOT / "docs" / "images" / "memory-after-peak.svg"

# scenario -> contestant -> one observation a round
Results = dict[str, dict[str, list[Observation]]]


def observe(
    interpreter: Interpreter, contestant: Contestant, scenario: str, options: argparse.Namespace
) -> Observation:
    argv = [str(interpreter.path), str(HERE / "job.py"), scenario, str(options.scale)]
    environment = clean_environment() | dict(contestant.environment)
    with tempfile.TemporaryDirectory(prefix="hoop-bench-") as directory:
        record = Path(directory) / "addresses"
        return Watch(argv, environment, options.core, record).run()


def measure(
    interpreter: Interpreter, contestants: list[Contestant], options: argparse.Namespace
) -> Results:
    results: Results = {}
    for scenario in options.scenarios.split(","):
        say(f"memory: {interpreter.version}: {scenario}")
        observations: dict[str, list[Observation]] = {c.name: [] for c in contestants}
        for contestant in interleaved(contestants, options.rounds):
            try:
                observation = observe(interpreter, contestant, scenario, options)
            except RuntimeError as error:
                raise SystemExit(f"{scenario} with {contestant.name}: {error}") from error
            observations[contestant.name].append(observation)
        results[scenario] = observations
    return results


# ---- tables ----


def mebibytes(samples: list[int]) -> str:
    return f"{statistics.median(samples) / 2**20:.0f}"


def share(observations: list[Observation], mark: str) -> str:
    figures = spread([100 * observation.returned_share(mark) for observation in observations])
    return f"{figures.value:.0f} % ({figures.low:.0f}..{figures.high:.0f})"


def scenario_table(scenario: str, observations: dict[str, list[Observation]]) -> str:
    header = ["allocator", "base", "peak", "after 1 s", "ideal", "given back", "when a bit active"]
    rows = [
        [
            contestant,
            *(mebibytes([o.rss[mark] for o in rounds]) for mark in ("base", "peak", "after")),
            mebibytes([o.ideal_rss() for o in rounds]),
            share(rounds, "after"),
            share(rounds, "active"),
        ]
        for contestant, rounds in observations.items()
    ]
    return f"#### {SCENARIOS[scenario][2]} (`{scenario}`)\n\n{markdown_table(header, rows)}"


def summary_table(results: Results) -> str:
    contestants = list(next(iter(results.values())))
    rows = [
        [contestant, *(share(observed[contestant], "after") for observed in results.values())]
        for contestant in contestants
    ]
    return markdown_table(["given back after 1 s", *results], rows)


def tables(version: str, results: Results) -> str:
    parts = [f"### CPython {version}: RSS in MiB, and the share of empty pages given back"]
    parts.append(summary_table(results))
    parts += [scenario_table(scenario, observed) for scenario, observed in results.items()]
    return "\n\n".join(parts)


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=3)
    add = parser.add_argument
    add("--pythons", default="3.13", help="(%(default)s)")
    add("--scenarios", default=",".join(SCENARIOS), help="(%(default)s)")
    add("--scale", type=float, default=1.0, help="size of each job (%(default)s)")
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
    for scenario in options.scenarios.split(","):
        if scenario not in SCENARIOS:
            parser.error(f"no such scenario: {scenario}")
    if options.smoke:
        options.rounds, options.scale = 1, 0.05
        options.contestants = options.contestants or "hoop,malloc+trim"
        options.scenarios = "random,parse-then-drop"
    return options


def draw(json_file: str, picture: str) -> None:
    python = venv_python("plot") or Path(sys.executable)
    command = [str(python), str(HERE / "plot.py"), json_file, picture]
    if subprocess.run(command).returncode != 0:
        say("memory: not drawn: bench/setup installs matplotlib")


def main() -> int:
    options = parse_arguments()
    interpreters, _ = choose_interpreters(options.pythons.split(","))
    remarks: list[str] = []
    results: dict[str, Results] = {}
    for interpreter in interpreters:
        candidates = memory_contestants(hoop_directory(options.hoop), remarks)
        with Spawner(options.core) as spawner:
            contestants = taking_part(
                only_contestants(candidates, options.contestants), interpreter, spawner, remarks
            )
        results[interpreter.version] = measure(interpreter, contestants, options)
    for remark in dict.fromkeys(remarks):
        say(f"left out: {remark}")
    samples = {
        version: {
            scenario: {name: [vars(o) for o in rounds] for name, rounds in observed.items()}
            for scenario, observed in measured.items()
        }
        for version, measured in results.items()
    }
    text = "\n\n".join(tables(version, measured) for version, measured in results.items())
    write_results(options, "memory", samples, text)
    if options.plot:
        draw(options.json, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
