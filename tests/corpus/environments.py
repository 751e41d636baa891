#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/corpus/environments.py: the virtual environments of leak cases that need packages.

    tests/corpus/environments.py PINS.tsv CACHE               every case
    tests/corpus/environments.py PINS.tsv CACHE --only L01,L07
    tests/corpus/environments.py PINS.tsv CACHE --check SCRIPTS   runs each script in both, too

A table of pins has the columns case, python (3.12), leaky, fixed and extra: requirements, separated
by spaces. CASE/leaky and CASE/fixed are made in the cache folder, with uv where there is one, else
with pip. What is there already and has the same requirements stays. One that fails is named at the
end, and the others are made all the same.

Exit status: 0, or 1 if an environment could not be made.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
STAMP = "requirements.txt"  # in an environment that is complete
SIDES = ("leaky", "fixed")
TIMEOUT = 1800.0


class Environment(NamedTuple):
    case: str
    side: str
    minor: str  # 3.12
    requirements: tuple[str, ...]

    def folder(self, cache_folder: Path) -> Path:
        return cache_folder / self.case / self.side


@cache
def pythons() -> dict[str, str]:
    """Minor version -> path, of the Pythons that are found."""
    run = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "find_pythons")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    found = (line.split("\t") for line in run.stdout.splitlines())
    return {version.rpartition(".")[0]: path for path, version in found}


def read_pins(table: Path) -> Iterator[Environment]:
    with table.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            for side in SIDES:
                if row[side]:
                    words = (*row[side].split(), *(row["extra"] or "").split())
                    yield Environment(row["case"], side, row["python"], words)


def commands(folder: Path, python: str, requirements: Sequence[str]) -> list[list[str]]:
    inside = str(folder / "bin" / "python")
    uv = shutil.which("uv")
    if uv:
        create = [uv, "venv", "-q", "--clear", "--python", python, str(folder)]
        install = [uv, "pip", "install", "-q", "--python", inside]
    else:
        create = [python, "-m", "venv", "--clear", str(folder)]
        install = [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    return [create, [*install, *requirements]] if requirements else [create]


def make(folder: Path, minor: str, requirements: Sequence[str]) -> str:
    """Makes one if it is not there; what went wrong, or nothing."""
    wanted = "\n".join((f"# {minor}", *requirements))
    stamp = folder / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    python = pythons().get(minor)
    if python is None:
        return f"no Python {minor} found"
    for command in commands(folder, python, requirements):
        try:
            run = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return f"{command[0]}: took longer than {TIMEOUT:.0f} s"
        if run.returncode != 0:
            return run.stdout.strip()
    stamp.write_text(wanted)
    return ""


def make_all(wanted: Sequence[Environment], cache_folder: Path, jobs: int) -> list[str]:
    """Makes them, a line each as they come; the names of those that failed."""
    failed = []
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(
            lambda one: make(one.folder(cache_folder), one.minor, one.requirements), wanted
        )
        for one, error in zip(wanted, results, strict=True):
            print(f"{one.case} {one.side}: {error.splitlines()[-1] if error else 'there'}")
            sys.stdout.flush()
            if error:
                failed.append(f"{one.case} {one.side}")
    return failed


def check(wanted: Sequence[Environment], cache_folder: Path, scripts: Path) -> None:
    for one in wanted:
        python = one.folder(cache_folder) / "bin" / "python"
        try:
            run = subprocess.run(
                [str(python), str(scripts / f"{one.case}.py")],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"{one.case} {one.side}: {error}")
            continue
        shown = run.stdout.strip() if run.returncode == 0 else run.stderr.strip()[-300:]
        print(f"{one.case} {one.side}: status {run.returncode}: {' | '.join(shown.splitlines())}")
        sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("pins", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--only", default="", help="cases, by commas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check", type=Path, metavar="SCRIPTS")
    options = parser.parse_args()
    only = {name for name in options.only.split(",") if name}
    wanted = [one for one in read_pins(options.pins) if not only or one.case in only]
    failed = make_all(wanted, options.cache, options.jobs)
    if options.check:
        check(wanted, options.cache, options.check)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
