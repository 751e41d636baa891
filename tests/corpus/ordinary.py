#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/corpus/ordinary.py: programs with nothing to blame, under `hoop run --explain`.

    tests/corpus/ordinary.py CACHE                       every program; packages go into CACHE
    tests/corpus/ordinary.py CACHE --only pip,mypy --minor 3.13

Says of each program which alarms there were: suspects that grow, are delayed or are held from C.
What is bounded, large or of the environment is counted, but is no alarm.

Exit status: 0 when there was no alarm, else 1.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from environments import make
from score import HOOP, Answer, describe, explain

HERE = Path(__file__).resolve().parent
ALARMS = ("grows", "delayed", "held-from-c")
NUMPY = 'numpy==2.2.6; python_version < "3.11"', 'numpy==2.3.4; python_version >= "3.11"'


class Program(NamedTuple):
    words: tuple[str, ...]  # the name of a script in ordinary/, or options of python
    requirements: tuple[str, ...] = ()


PROGRAMS = {
    "pip": Program(("-m", "pip", "list"), ("pip==25.2", "attrs==25.4.0")),
    "mypy": Program(
        ("-m", "mypy", "--ignore-missing-imports", "-p", "packaging"),
        ("mypy==1.18.2", "packaging==25.0"),
    ),
    "sphinx": Program(("sphinx_build.py",), ("sphinx==8.1.3",)),
    "django": Program(("django_tests.py",), ("django==5.2.8",)),
    "pandas": Program(("pandas_job.py",), ("pandas==2.3.3", *NUMPY)),
    "matplotlib": Program(("matplotlib_loop.py",), ("matplotlib==3.10.7", *NUMPY)),
    "black": Program(("black_files.py",), ("black==25.9.0", "attrs==25.4.0")),
    "pytest": Program(("pytest_run.py",), ("pytest==8.4.2",)),
    "requests": Program(("requests_local.py",), ("requests==2.32.5",)),
    "sqlite": Program(("sqlite_job.py",)),
    "asyncio": Program(("asyncio_crawler.py",)),
}


def ask(program: Program, folder: Path, minor: str, keep: Path | None) -> Answer:
    error = make(folder, minor, program.requirements)
    if error:
        return Answer(None, f"no environment: {error.splitlines()[-1]}")
    script = HERE / "ordinary" / program.words[0]
    words = (str(script), *program.words[1:]) if script.suffix == ".py" else program.words
    return explain(HOOP, str(folder / "bin" / "python"), words, keep)


def report(name: str, answer: Answer) -> bool:
    """Prints the findings; whether there was an alarm, or no answer."""
    suspects = answer.suspects
    if suspects is None:
        print(f"{name}: {answer.error}")
        return True
    alarms = [suspect for suspect in suspects if suspect.get("verdict") in ALARMS]
    counted = Counter(str(suspect.get("verdict")) for suspect in suspects)
    others = ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
    print(f"{name}: {len(alarms)} alarms ({others or 'no suspects'})")
    for alarm in alarms:
        print(f"  - {describe(alarm)}")
    return bool(alarms)


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--only", default="", help="programs, by commas")
    parser.add_argument("--minor", default=f"3.{sys.version_info.minor}", help="the Python")
    parser.add_argument("--keep", type=Path, help="what was printed goes here")
    options = parser.parse_args()
    only = {name for name in options.only.split(",") if name}
    bad = 0
    for name, program in PROGRAMS.items():
        if only and name not in only:
            continue
        folder = options.cache.absolute() / options.minor / name
        keep = options.keep and options.keep.absolute() / name
        bad += report(name, ask(program, folder, options.minor, keep))
        sys.stdout.flush()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
