#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/corpus/advised.py: what `hoop advise` says of the programs of ordinary.py.

    tests/corpus/advised.py CACHE                       every program; packages go into CACHE
    tests/corpus/advised.py CACHE --only pip,mypy --minor 3.13

Prints each piece of advice that a user would see, to be judged: is it so, and can it be done? Exit
status: 0 when each program gave an answer, else 1.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from environments import make
from ordinary import HERE, PROGRAMS, Program
from score import HOOP


def ask(program: Program, folder: Path, minor: str, verbose: bool) -> dict[str, object] | str:
    error = make(folder, minor, program.requirements)
    if error:
        return f"no environment: {error.splitlines()[-1]}"
    script = HERE / "ordinary" / program.words[0]
    words = (str(script), *program.words[1:]) if script.suffix == ".py" else program.words
    options = ["--json", *(["-v"] if verbose else [])]
    command = [*HOOP, "advise", *options, str(folder / "bin" / "python"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    begin = done.stdout.find('{\n  "format"')
    if begin < 0:
        return (done.stderr.splitlines() or ["no answer"])[-1]
    answer: dict[str, object] = json.loads(done.stdout[begin:])
    return answer


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--only", default="", help="programs, by commas")
    parser.add_argument("--minor", default=f"3.{sys.version_info.minor}", help="the Python")
    parser.add_argument("-v", dest="verbose", action="store_true", help="what is of libraries too")
    options = parser.parse_args()
    only = {name for name in options.only.split(",") if name}
    bad = 0
    for name, program in PROGRAMS.items():
        if only and name not in only:
            continue
        folder = options.cache.absolute() / options.minor / name
        answer = ask(program, folder, options.minor, options.verbose)
        if isinstance(answer, str):
            print(f"{name}: {answer}")
            bad += 1
            continue
        advice = answer["advice"]
        assert isinstance(advice, list)
        print(f"{name}: {len(advice)} pieces, {answer['bytes']:,} bytes in all")
        for one in advice:
            held = one["held"][0]["path"] if one["held"] else ""
            library = " (library)" if one["library"] else ""
            print(f"  - {one['kind']} {one['saving']:,}: {one['title']}, {held}{library}")
        sys.stdout.flush()
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
