#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nanoseconds a node: hoop::ref and its collector, smart pointers, Boehm's collector, CPython.

Every contestant does the same work, each workload in a process of its own; the processes take
turns.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.build import build_programs
from bench.common.contestants import Contestant, clean_environment, preloaded, rivals
from bench.common.figures import ratio, spread
from bench.common.options import only_named, parser_of, write_results
from bench.common.process import Spawner
from bench.common.pythons import DEFAULT_VERSIONS, choose_interpreters
from bench.common.rounds import interleaved, say
from bench.common.table import markdown_table

JOB = Path(__file__).with_name("job.py")
PACKAGES = {
    "counted_intrusive": "intrusive_ptr: Boost not found (Debian package libboost-dev)",
    "counted_boehm": "boehm: the collector not found (Debian package libgc-dev)",
}


@dataclass(frozen=True)
class Workload:
    """`job` and `size` are what the programs are called with; `only`: who takes part."""

    name: str
    job: str
    size: int
    smoke_size: int
    only: tuple[str, ...] = ()


LIVE_SIZES = (100_000, 1_000_000, 10_000_000)
WORKLOADS = (
    Workload("pair", "pair", 2_000_000, 2_000),
    Workload("pair, pooled", "pooled", 2_000_000, 2_000, ("hoop",)),
    Workload("held", "held", 2_000_000, 20_000),
    Workload("cycle", "cycle", 1_000_000, 10_000),
    Workload("list of 1 million", "list", 1_000_000, 10_000),
    Workload("list of 10 million", "list", 10_000_000, 100_000, ("hoop",)),
    Workload("wide tree", "tree", 5, 2),
    Workload("GCBench", "gcbench", 16, 6),
    Workload("cache (a request)", "cache", 1_000_000, 10_000),
    *(Workload(f"live {size}", "live", size, size // 10) for size in LIVE_SIZES),
)


@dataclass(frozen=True)
class Runner:
    """A contestant, and the program that is it."""

    contestant: Contestant
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.contestant.name


# workload -> contestant -> figure -> one value a round; or contestant -> why there is none
Samples = dict[str, dict[str, dict[str, list[float]]]]
Remarks = dict[str, dict[str, str]]


# ---- who takes part ----


def native_runners(remarks: list[str]) -> list[Runner]:
    names = ["counted_hoop", "counted_shared", "counted_intrusive", "counted_boehm"]
    directory, possible = build_programs("counted", names)
    remarks += [PACKAGES[name] for name in names if name not in possible]
    mimalloc = {name: path for name, path in rivals([]).items() if name == "mimalloc"}
    if not mimalloc:
        remarks.append("mimalloc: not found (Debian package libmimalloc2.0)")
    runners = [Runner(Contestant("hoop"), (str(directory / "counted_hoop"),))]
    for name in ("shared", "intrusive"):
        argv = (str(directory / f"counted_{name}"),)
        if f"counted_{name}" not in possible:
            continue
        runners.append(Runner(Contestant(f"{name}_ptr"), argv))
        if name == "shared":
            threaded = Contestant("shared_ptr-threads", {"HOOP_BENCH_THREAD": "1"})
            runners.append(Runner(threaded, argv))
        for path in mimalloc.values():
            runners.append(Runner(preloaded(f"{name}_ptr-mimalloc", path, None), argv))
    if "counted_boehm" in possible:
        # It marks with a thread for each core otherwise, and all of them are on one.
        boehm = Contestant("boehm", {"GC_MARKERS": "1"})
        runners.append(Runner(boehm, (str(directory / "counted_boehm"),)))
    return runners


def python_runners(versions: str, remarks: list[str]) -> list[Runner]:
    interpreters, missing = choose_interpreters(versions.split(","))
    remarks += [remark for remark in missing if "PyPI" not in remark]
    return [
        Runner(Contestant(f"CPython {interpreter.version}"), (str(interpreter.path), str(JOB)))
        for interpreter in interpreters
    ]


def check_programs(runners: Sequence[Runner], spawner: Spawner) -> None:
    """Each ends what it makes, once: what is measured is not optimized away."""
    for runner in runners:
        if str(JOB) in runner.argv:
            continue
        outcome = spawner.run([*runner.argv, "--check"], environment_of(runner))
        if outcome.status != 0:
            raise SystemExit(f"{runner.name} --check: {outcome.stdout}{outcome.stderr}")


def environment_of(runner: Runner) -> dict[str, str]:
    return clean_environment() | dict(runner.contestant.environment)


# ---- measuring ----


def measure(
    workload: Workload,
    runners: Sequence[Runner],
    spawner: Spawner,
    rounds: int,
    samples: Samples,
    remarks: Remarks,
) -> None:
    runners = [runner for runner in runners if not workload.only or runner.name in workload.only]
    say(f"counted: {workload.name}: {', '.join(runner.name for runner in runners)}")
    checksums: dict[str, int] = {}
    for runner in interleaved(runners, rounds):
        if runner.name in remarks.get(workload.name, {}):
            continue
        argv = [*runner.argv, workload.job, str(workload.size)]
        outcome = spawner.run(argv, environment_of(runner))
        if outcome.status != 0:
            raise SystemExit(
                f"{workload.name} with {runner.name}: status {outcome.status}\n{outcome.stderr}"
            )
        result = json.loads(outcome.stdout)
        if "remark" in result:
            remarks.setdefault(workload.name, {})[runner.name] = result["remark"]
            continue
        checksums[runner.name] = result["checksum"]
        for figure, value in result["figures"].items():
            own = samples.setdefault(workload.name, {}).setdefault(runner.name, {})
            own.setdefault(figure, []).append(value)
    if len(set(checksums.values())) > 1:
        raise SystemExit(f"{workload.name}: the results differ: {checksums}")


# ---- tables ----


def cell(samples: Samples, remarks: Remarks, workload: str, name: str, figure: str) -> str:
    values = samples.get(workload, {}).get(name, {}).get(figure)
    if values is None:
        return remarks.get(workload, {}).get(name, "-")
    return str(spread(values))


def times_table(samples: Samples, remarks: Remarks, names: list[str], unit: str) -> str:
    rows = [
        [work.name, *(cell(samples, remarks, work.name, name, work.job) for name in names)]
        for work in WORKLOADS
        if work.job != "live" and work.name in samples
    ]
    if "held" in samples:
        sizes = [cell(samples, remarks, "held", name, "bytes") for name in names]
        rows.append(["held: bytes an object", *sizes])
    return markdown_table([unit, *names], rows)


def ratios_table(samples: Samples, names: list[str]) -> str:
    """How many times as long as `hoop` the others took."""
    rows = []
    for work in WORKLOADS:
        own = samples.get(work.name, {})
        if work.job == "live" or len(own) < 2 or "hoop" not in own:
            continue
        base = own["hoop"][work.job]
        cells = [
            str(ratio(own[name][work.job], base)) if name in own else "-" for name in names[1:]
        ]
        rows.append([work.name, *cells])
    return markdown_table(["times hoop", *names[1:]], rows)


def live_table(samples: Samples, names: list[str], smoke: bool) -> str:
    """Milliseconds of one collection, by how many objects are alive."""
    kinds = {"young": "generation 0", "full": "all"}
    works = [work for work in WORKLOADS if work.job == "live"]
    shown = [work.smoke_size if smoke else work.size for work in works]
    rows = []
    for name in names:
        for figure, label in kinds.items():
            series = [samples.get(w.name, {}).get(name, {}).get(figure) for w in works]
            if any(values is None for values in series):
                continue
            times = [[value / 1e6 for value in values or []] for values in series]
            growth = ratio(times[-1], times[0])
            rows.append([f"{name}: {label}", *(precise(values) for values in times), str(growth)])
    header = ["ms a collection", *(f"{size:,} alive" for size in shown), "last : first"]
    return markdown_table(header, rows)


def precise(values: Sequence[float]) -> str:
    figure = spread(values)
    return f"{figure.value:.3f} ({figure.low:.3f}..{figure.high:.3f})"


def tables(samples: Samples, remarks: Remarks, names: list[str], smoke: bool) -> str:
    parts = [times_table(samples, remarks, names, "ns a node")]
    parts.append(ratios_table(samples, names))
    if any(work.job == "live" and work.name in samples for work in WORKLOADS):
        parts += [live_table(samples, names, smoke)]
    return "\n\n".join(parts)


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of(__doc__.splitlines()[0], rounds=7)
    parser.add_argument("--pythons", default=",".join(DEFAULT_VERSIONS[-2:]), help="(%(default)s)")
    parser.add_argument("--workloads", metavar="A,B", help="only these; live: all sizes of it")
    options = parser.parse_args()
    if options.smoke:
        options.rounds = 1
    return options


def chosen_workloads(options: argparse.Namespace) -> list[Workload]:
    wanted = only_named(WORKLOADS, options.workloads, key="job")
    if options.smoke:
        wanted = [replace(work, size=work.smoke_size) for work in wanted]
    return wanted


def main() -> int:
    options = parse_arguments()
    left_out: list[str] = []
    samples: Samples = {}
    remarks: Remarks = {}
    with Spawner(options.core) as spawner:
        runners = [*native_runners(left_out), *python_runners(options.pythons, left_out)]
        if options.contestants is not None:
            runners = only_named(runners, f"hoop,{options.contestants}")
        check_programs(runners, spawner)
        for workload in chosen_workloads(options):
            measure(workload, runners, spawner, options.rounds, samples, remarks)
    for remark in dict.fromkeys(left_out):
        say(f"left out: {remark}")
    names = [runner.name for runner in runners]
    write_results(options, "counted", samples, tables(samples, remarks, names, options.smoke))
    return 0


if __name__ == "__main__":
    sys.exit(main())
