#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole Python programs under each allocator: CPU time, wall time and peak RSS.

A job is one process on one core. The contestants take turns at each program, and must print the
same checksum. A ratio is the median of the ratios round by round.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import (
    Contestant,
    clean_environment,
    hoop_directory,
    python_contestants,
    taking_part,
)
from bench.common.figures import geometric_mean_ratio, ratio
from bench.common.options import only_contestants, only_named, parser_of, write_results
from bench.common.process import Spawner
from bench.common.pythons import DEFAULT_VERSIONS, Interpreter, choose_interpreters
from bench.common.rounds import interleaved, say
from bench.common.table import markdown_table
from bench.python.catalogue import CONTROL, HEAVY, ORDINARY, PROGRAMS, PYPERFORMANCE, SMOKE, Program

JOB = Path(__file__).with_name("job.py")
# Rows of the summary; the goals for ordinary programs are for both kinds together.
SUMMARIES = {
    HEAVY: (HEAVY,),
    ORDINARY: (ORDINARY,),
    PYPERFORMANCE: (PYPERFORMANCE,),
    "ordinary and pyperformance": (ORDINARY, PYPERFORMANCE),
    CONTROL: (CONTROL,),
}


@dataclass
class Series:
    """One program under one contestant, a sample a round."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak_rss: list[float] = field(default_factory=list)


# program -> contestant -> samples
Results = dict[str, dict[str, Series]]


class Session:
    """Measures all programs under one interpreter."""

    def __init__(self, spawner: Spawner, interpreter: Interpreter, scale: float) -> None:
        self._spawner = spawner
        self._interpreter = interpreter
        self._scale = scale

    def run_once(self, program: Program, contestant: Contestant, series: Series) -> str | None:
        """The checksum; None when the program failed."""
        outcome = self._spawner.run(
            [str(self._interpreter.path), str(JOB), program.job, "--scale", str(self._scale)],
            clean_environment() | dict(contestant.environment),
        )
        if outcome.status != 0 or not outcome.stdout.strip():
            last = (outcome.stderr.strip().splitlines() or ["no message"])[-1]
            say(f"  {program.name}, {contestant.name}: exit status {outcome.status}: {last}")
            return None
        series.cpu.append(outcome.cpu)
        series.wall.append(outcome.wall)
        series.peak_rss.append(outcome.peak_rss)
        return outcome.stdout.strip().splitlines()[-1]

    def measure(
        self, program: Program, contestants: list[Contestant], rounds: int
    ) -> dict[str, Series] | None:
        """None when the program does not run here at all. The first run only warms the caches."""
        expected = self.run_once(program, contestants[0], Series())
        if expected is None:
            return None
        series = {contestant.name: Series() for contestant in contestants}
        for contestant in interleaved(contestants, rounds):
            checksum = self.run_once(program, contestant, series[contestant.name])
            if checksum != expected:
                raise SystemExit(
                    f"{program.name} with {contestant.name} on {self._interpreter.version}: "
                    f"{checksum} instead of {expected}"
                )
        return series


# ---- tables ----


def program_rows(results: Results, base: str, what: str) -> list[list[str]]:
    """`what` is "time" (base over it: more is better) or "rss" (it over base: less is better)."""
    rows = []
    for program, series in results.items():
        row = [program]
        for contestant, own in series.items():
            if what == "time" and contestant == base:
                row.append(f"{sorted(own.cpu)[len(own.cpu) // 2]:.2f} s")
            elif what == "time":
                row.append(str(ratio(series[base].cpu, own.cpu)))
            elif contestant == base:
                row.append(f"{sorted(own.peak_rss)[len(own.peak_rss) // 2] / 2**20:.0f} MiB")
            else:
                row.append(str(ratio(own.peak_rss, series[base].peak_rss)))
        rows.append(row)
    return rows


def summary_rows(results: Results, base: str, what: str) -> list[list[str]]:
    kinds = {program.name: program.kind for program in PROGRAMS}
    contestants = list(next(iter(results.values())))
    rows = []
    for title, members in SUMMARIES.items():
        chosen = [series for name, series in results.items() if kinds[name] in members]
        if not chosen:
            continue
        row = [f"**{title}** ({len(chosen)})"]
        for contestant in contestants:
            if what == "time":
                pairs = [(series[base].cpu, series[contestant].cpu) for series in chosen]
            else:
                pairs = [(series[contestant].peak_rss, series[base].peak_rss) for series in chosen]
            row.append("1" if contestant == base else str(geometric_mean_ratio(pairs)))
        rows.append(row)
    return rows


def goals(results: Results, base: str) -> list[str]:
    """How we stand against the base and against the best of the others, set by set."""
    contestants = list(next(iter(results.values())))
    if "hoop" not in contestants:
        return []
    kinds = {program.name: program.kind for program in PROGRAMS}
    lines = []
    for title, members in SUMMARIES.items():
        chosen = [series for name, series in results.items() if kinds[name] in members]
        if not chosen or title == CONTROL:
            continue
        against = {
            other: geometric_mean_ratio([(s[other].cpu, s["hoop"].cpu) for s in chosen])
            for other in contestants
            if other != "hoop"
        }
        rivals = {name: spread for name, spread in against.items() if name != base}
        line = f"- {title}: hoop is {against[base]} times as fast as {base}"
        if rivals:
            best = min(rivals, key=lambda name: rivals[name].value)
            line += f", {rivals[best]} times as fast as the best other ({best})"
        lines.append(line)
    own = {name: ratio(series[base].cpu, series["hoop"].cpu) for name, series in results.items()}
    worst = min(own, key=lambda name: own[name].value)
    lines.append(f"- slowest program against {base}: {worst}, {own[worst]}")
    return lines


def tables(version: str, results: Results) -> str:
    base = next(iter(next(iter(results.values()))))
    contestants = list(next(iter(results.values())))
    parts = [f"### CPython {version}"]
    parts += ["\n".join(lines)] if (lines := goals(results, base)) else []
    for what, title in (
        ("time", f"speed: CPU time of {base} over its own (more is better)"),
        ("rss", f"peak RSS: its own over that of {base} (less is better)"),
    ):
        rows = summary_rows(results, base, what) + program_rows(results, base, what)
        parts.append(f"CPython {version}, {title}\n\n" + markdown_table([what, *contestants], rows))
    return "\n\n".join(parts)


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of((__doc__ or "").splitlines()[0], rounds=5)
    parser.add_argument("--pythons", default=",".join(DEFAULT_VERSIONS), help="(%(default)s)")
    parser.add_argument("--programs", metavar="A,B", help="only these programs, or sets of them")
    parser.add_argument("--scale", type=float, default=1.0, help="size of each job (%(default)s)")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.scale = 1, 0.01
        options.programs = options.programs or ",".join(SMOKE)
        options.contestants = options.contestants or "hoop,mimalloc"
    return options


def chosen_programs(names: str | None) -> list[Program]:
    if names is None:
        return PROGRAMS
    kinds = {program.kind for program in PROGRAMS}
    wanted = names.split(",")
    of_sets = [program.name for program in PROGRAMS if program.kind in wanted]
    return only_named(PROGRAMS, ",".join([n for n in wanted if n not in kinds] + of_sets))


def measure_interpreter(
    options: argparse.Namespace, spawner: Spawner, interpreter: Interpreter, remarks: list[str]
) -> Results:
    candidates = python_contestants(hoop_directory(options.hoop), remarks)
    contestants = taking_part(
        only_contestants(candidates, options.contestants), interpreter, spawner, remarks
    )
    names = ", ".join(contestant.name for contestant in contestants)
    say(f"python: {interpreter.version}: {names}")
    session = Session(spawner, interpreter, options.scale)
    results: Results = {}
    for program in chosen_programs(options.programs):
        say(f"python: {interpreter.version}: {program.name}")
        series = session.measure(program, contestants, options.rounds)
        if series is None:
            remarks.append(f"{program.name} on Python {interpreter.version}: does not run")
        else:
            results[program.name] = series
    return results


def main() -> int:
    options = parse_arguments()
    interpreters, remarks = choose_interpreters(options.pythons.split(","))
    results: dict[str, Results] = {}
    with Spawner(options.core) as spawner:
        for interpreter in interpreters:
            measured = measure_interpreter(options, spawner, interpreter, remarks)
            if measured:
                results[interpreter.version] = measured
    for remark in dict.fromkeys(remarks):
        say(f"left out: {remark}")
    samples = {
        version: {
            program: {name: vars(series) for name, series in by_contestant.items()}
            for program, by_contestant in measured.items()
        }
        for version, measured in results.items()
    }
    text = "\n\n".join(tables(version, measured) for version, measured in results.items())
    write_results(options, "python", samples, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
