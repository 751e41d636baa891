#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nanoseconds an allocation: the heap and its rivals in C++, then PyObject_Malloc under CPython.

Every contestant runs the same program. A rival is preloaded into a process of its own, as its users
do; the processes take turns.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.build import build_programs
from bench.common.contestants import (
    Contestant,
    clean_environment,
    hoop_directory,
    preloaded,
    python_contestants,
    rivals,
    taking_part,
)
from bench.common.figures import ratio, spread
from bench.common.options import only_contestants, parser_of, write_results
from bench.common.process import Outcome, Spawner
from bench.common.pythons import DEFAULT_VERSIONS, ROOT, Interpreter, choose_interpreters
from bench.common.rounds import interleaved, say
from bench.common.table import markdown_table

HERE = Path(__file__).resolve().parent
PROGRAMS = ("pair_bench", "larson_bench", "cfrac_bench")
RUNS_OF_A_PATTERN = 2000

# contestant -> workload -> one figure (ns) a round
Samples = dict[str, dict[str, list[float]]]


def add_figures(samples: Samples, contestant: str, figures: Mapping[str, float]) -> None:
    for workload, nanoseconds in figures.items():
        samples.setdefault(contestant, {}).setdefault(workload, []).append(nanoseconds)


def figures_tables(samples: Samples, title: str, unit: str) -> str:
    """One row a workload: the times, then how many times as long as ours the others took."""
    base = "hoop" if "hoop" in samples else next(iter(samples))
    others = [name for name in samples if name != base]
    workloads = list(samples[base])
    times = [[work, *(str(spread(own[work])) for own in samples.values())] for work in workloads]
    ratios = [
        [work, *(str(ratio(samples[other][work], samples[base][work])) for other in others)]
        for work in workloads
    ]
    return f"### {title}\n\n{markdown_table([unit, *samples], times)}\n\n" + markdown_table(
        [f"times {base}", *others], ratios
    )


def check(outcome: Outcome, who: str) -> None:
    if outcome.status != 0:
        raise SystemExit(f"{who}: exit status {outcome.status}\n{outcome.stderr}")


# ---- C++ ----


def native_contestants(remarks: list[str]) -> list[Contestant]:
    libraries = rivals(remarks)
    return [
        Contestant("malloc"),
        Contestant("hoop"),
        *(preloaded(name, path, None) for name, path in libraries.items()),
    ]


def run_native(
    spawner: Spawner, program: Path, contestant: Contestant, seconds: float
) -> tuple[dict[str, float], dict[str, float]]:
    """ns an item by "<access> <workload>", and the checksums that the program gives."""
    allocator = "hoop" if contestant.name == "hoop" else "malloc"
    argv = [
        str(program),
        f"--benchmark_filter=^{allocator}/",
        "--benchmark_format=json",
        f"--benchmark_min_time={seconds}",
    ]
    outcome = spawner.run(argv, clean_environment() | dict(contestant.environment))
    check(outcome, f"{program.name} with {contestant.name}")
    figures = {}
    checksums = {}
    for result in json.loads(outcome.stdout)["benchmarks"]:
        _, access, workload = result["name"].split("/")
        how = "pointers" if access == "pointers" else "direct"
        figures[f"{workload}, {how}"] = 1e9 / result["items_per_second"]
        if "checksum" in result:
            checksums[workload] = result["checksum"]
    return figures, checksums


def measure_native(
    options: argparse.Namespace, spawner: Spawner, directory: Path, remarks: list[str]
) -> Samples:
    contestants = only_contestants(native_contestants(remarks), options.contestants)
    samples: Samples = {contestant.name: {} for contestant in contestants}
    checksums: dict[str, float] = {}
    for name in PROGRAMS:
        say(f"native: {name}: {', '.join(samples)}")
        for contestant in interleaved(contestants, options.rounds):
            figures, sums = run_native(spawner, directory / name, contestant, options.seconds)
            add_figures(samples, contestant.name, figures)
            for workload, checksum in sums.items():
                if checksums.setdefault(workload, checksum) != checksum:
                    raise SystemExit(f"{workload} with {contestant.name}: wrong result")
    return samples


def build_native(given: str | None, remarks: list[str]) -> Path | None:
    """Where the C++ programs are; builds them when no directory is given."""
    if given:
        return Path(given).resolve()
    directory, possible = build_programs("native", PROGRAMS)
    if not possible:
        remarks.append("C++: Google Benchmark not found (Debian package libbenchmark-dev)")
        return None
    return directory


# ---- PyObject_Malloc ----


def build_extension(interpreter: Interpreter) -> Path | None:
    """The directory that holds the extension for this interpreter; None without Python.h."""
    facts = subprocess.run(
        [
            str(interpreter.path),
            "-c",
            "import sysconfig; print(sysconfig.get_path('include'));"
            "print(sysconfig.get_config_var('EXT_SUFFIX'))",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\n")
    if not (Path(facts[0]) / "Python.h").exists():
        return None
    directory = ROOT / "build" / "bench-extension" / interpreter.version
    directory.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c++20", "-O3", "-DNDEBUG", "-fno-plt", "-fPIC", "-shared", f"-I{facts[0]}"]
    output = ["-o", str(directory / f"pymalloc_pair{facts[1]}")]
    source = HERE / "extension" / "pymalloc_pair.cpp"
    subprocess.run(["c++", *flags, str(source), *output], check=True)
    return directory


def measure_python(
    options: argparse.Namespace, spawner: Spawner, interpreter: Interpreter, remarks: list[str]
) -> Samples:
    extension = build_extension(interpreter)
    if extension is None:
        remarks.append(f"Python {interpreter.version}: no Python.h, its pymalloc is not measured")
        return {}
    candidates = [
        contestant
        for contestant in python_contestants(hoop_directory(options.hoop), remarks)
        if not contestant.name.endswith("libc-only")
    ]
    contestants = taking_part(
        only_contestants(candidates, options.contestants), interpreter, spawner, remarks
    )
    samples: Samples = {contestant.name: {} for contestant in contestants}
    say(f"native: PyObject_Malloc of {interpreter.version}: {', '.join(samples)}")
    runs = RUNS_OF_A_PATTERN // 100 if options.smoke else RUNS_OF_A_PATTERN
    argv = [str(interpreter.path), str(HERE / "pymalloc_job.py"), str(extension), str(runs)]
    for contestant in interleaved(contestants, options.rounds):
        outcome = spawner.run(argv, clean_environment() | dict(contestant.environment))
        check(outcome, f"PyObject_Malloc with {contestant.name}")
        add_figures(samples, contestant.name, json.loads(outcome.stdout))
    return samples


# ---- all of it ----


def parse_arguments() -> argparse.Namespace:
    parser = parser_of(__doc__.splitlines()[0], rounds=9)
    parser.add_argument("--pythons", default=",".join(DEFAULT_VERSIONS), help="(%(default)s)")
    parser.add_argument(
        "--programs", metavar="DIR", help="built C++ programs (builds them if not given)"
    )
    parser.add_argument("--seconds", type=float, default=0.1, help="for each figure (%(default)s)")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.seconds = 1, 0.001
    return options


def main() -> int:
    options = parse_arguments()
    remarks: list[str] = []
    results: dict[str, Samples] = {}
    with Spawner(options.core) as spawner:
        programs = build_native(options.programs, remarks)
        if programs is not None:
            results["C++"] = measure_native(options, spawner, programs, remarks)
        interpreters, missing = choose_interpreters(options.pythons.split(","))
        remarks += missing
        for interpreter in interpreters:
            samples = measure_python(options, spawner, interpreter, remarks)
            if samples:
                results[f"CPython {interpreter.version}"] = samples
    sections = [
        figures_tables(samples, title, "ns a step" if title == "C++" else "ns a pair")
        for title, samples in results.items()
    ]
    for remark in dict.fromkeys(remarks):
        say(f"left out: {remark}")
    write_results(options, "native", results, "\n\n".join(sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
