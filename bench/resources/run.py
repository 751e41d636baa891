#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to watch what a program opens: processor time with the watch, and without.

Programs that do little but open, use and close, in a fresh process each, both sides in turn.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import Contestant, clean_environment, hoop, hoop_directory
from bench.common.figures import Spread, ratio
from bench.common.options import parser_of, write_results
from bench.common.process import Spawner
from bench.common.pythons import DEFAULT_VERSIONS, Interpreter, choose_interpreters
from bench.common.rounds import interleaved, say
from bench.common.table import markdown_table
from bench.resources.job import WORK

JOB = Path(__file__).with_name("job.py")
EXTREME = "nothing but opening"

# work -> side -> seconds, one a round
Results = dict[str, dict[str, list[float]]]


def sides(directory: Path, remarks: list[str]) -> list[Contestant]:
    """The first is the one that the other is measured against."""
    return [
        Contestant(name, {**base.environment, "HOOP_RESOURCES": value}, base.mapped)
        for base in hoop(directory, remarks)
        for name, value in (("off", "off"), ("on", "on"))
    ]


def measure(
    interpreter: Interpreter, runners: Sequence[Contestant], options: argparse.Namespace
) -> Results:
    results: Results = {}
    with Spawner(options.core) as spawner, tempfile.TemporaryDirectory() as folder:
        for work in options.works.split(","):
            seconds: dict[str, list[float]] = {runner.name: [] for runner in runners}
            for runner in interleaved(runners, options.rounds):
                # Nothing is watched where nothing can be told.
                environment = clean_environment() | {"HOOP_RUN_DIR": folder, **runner.environment}
                words = [str(interpreter.path), str(JOB), work, f"{options.scale:g}"]
                outcome = spawner.run(words, environment)
                if outcome.status != 0:
                    raise SystemExit(f"resources: {work}, {runner.name}: {outcome.stderr}")
                seconds[runner.name].append(float(outcome.stdout))
            results[work] = seconds
            say(f"resources: {interpreter.version}: {work}: {three_digits(cost_of(seconds))}")
    return results


def cost_of(seconds: dict[str, list[float]]) -> Spread:
    return ratio(seconds["on"], seconds["off"])


def three_digits(cost: Spread) -> str:
    return f"{cost.value:.3f} ({cost.low:.3f}..{cost.high:.3f})"


def table_of(version: str, results: Results) -> str:
    rows = [
        [work, f"{statistics.median(seconds['off']):.2f}", three_digits(cost_of(seconds))]
        for work, seconds in results.items()
    ]
    ordinary = [cost_of(seconds).value for work, seconds in results.items() if work != EXTREME]
    if ordinary:
        mean = math.exp(statistics.fmean(map(math.log, ordinary)))
        rows.append([f"geometric mean without *{EXTREME}*", "", f"{mean:.3f}"])
    return markdown_table([f"CPython {version}", "seconds unwatched", "watched, times"], rows)


def parse_arguments() -> argparse.Namespace:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=9)
    parser.add_argument("--pythons", default=",".join(DEFAULT_VERSIONS), help="(%(default)s)")
    parser.add_argument("--works", default=",".join(WORK), help="only these (%(default)s)")
    parser.add_argument("--scale", type=float, default=1, help="so much work (%(default)s)")
    options = parser.parse_args()
    for work in options.works.split(","):
        if work not in WORK:
            parser.error(f"no such work: {work}")
    if options.smoke:
        options.pythons, options.rounds, options.scale = "3.11", 1, 0.01
    return options


def main() -> int:
    options = parse_arguments()
    remarks: list[str] = []
    interpreters, missing = choose_interpreters(options.pythons.split(","))
    remarks += [remark for remark in missing if "PyPI" not in remark]
    runners = sides(hoop_directory(options.hoop), remarks)
    measured = {one.version: measure(one, runners, options) for one in interpreters if runners}
    for remark in dict.fromkeys(remarks):
        say(f"left out: {remark}")
    tables = [table_of(version, results) for version, results in measured.items()]
    write_results(options, "resources", measured, "\n\n".join(tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
