#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`hoop learn`: what it takes to record a program's lines, and to make text and a page of them.

Three programs of ours that run as many lines as are recorded: few objects, many, and many calls.
Measured on every Python that has an agent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TypedDict

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.options import parser_of, write_results
from bench.common.pythons import ROOT, find_interpreters
from bench.common.rounds import say
from hoopsnake._errors import HoopError
from hoopsnake.learn.html import as_html
from hoopsnake.learn.recorder import Limits, record
from hoopsnake.learn.text import lines_of
from hoopsnake.report.text import ASCII, Page

LINES = 10_000
PROGRAMS = {
    "few objects": """
total = 0
for turn in range({lines} // 3):
    item = [turn, turn + 1]
    total += len(item)
""",
    "many objects": """
class Row:
    def __init__(self, number):
        self.number = number
        self.parts = [number, str(number)]


rows = [Row(number) for number in range(60)]
table = dict(enumerate(rows))
for turn in range({lines} // 3):
    row = rows[turn % 60]
    row.parts = [turn, row.number]
""",
    "calls": """
def inner(value):
    kept = [value]
    return kept


def outer(value):
    first = inner(value)
    return inner(first)


for turn in range({lines} // 14):
    outer(turn)
""",
}


class Sample(TypedDict):
    """Seconds, but for steps and objects (the most at a step)."""

    python: str
    program: str
    steps: int
    objects: int
    plain: float
    record: float
    text: float
    page: float


def measure(python: Path, version: str, name: str, lines: int) -> Sample:
    code = PROGRAMS[name].format(lines=lines)
    with tempfile.TemporaryDirectory(prefix="hoop-bench-") as folder:
        script = Path(folder) / "program.py"
        script.write_text(code, encoding="ascii")
        begin = time.perf_counter()
        subprocess.run([python, script], check=True, stdin=subprocess.DEVNULL)
        plain = time.perf_counter()
        life = record([str(script)], python=str(python), limits=Limits(steps=lines))
        recorded = time.perf_counter()
    lines_of(life, Page(100, ASCII))
    written = time.perf_counter()
    as_html(life)
    drawn = time.perf_counter()
    return Sample(
        python=version,
        program=name,
        steps=len(life.steps),
        objects=max(len(step.states) for step in life.steps),
        plain=plain - begin,
        record=recorded - plain,
        text=written - recorded,
        page=drawn - written,
    )


def table(samples: list[Sample]) -> str:
    rows = [
        "| Python | program | steps | objects | plain | recorded | as text | as a page |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for key in dict.fromkeys((one["python"], one["program"]) for one in samples):
        mine = [one for one in samples if (one["python"], one["program"]) == key]
        times = [median(one["plain"] for one in mine), median(one["record"] for one in mine)]
        times += [median(one["text"] for one in mine), median(one["page"] for one in mine)]
        shown = " | ".join(f"{seconds:.2f} s" for seconds in times)
        rows.append(
            f"| {key[0]} | {key[1]} | {mine[0]['steps']:,} | {mine[0]['objects']} | {shown} |"
        )
    return "\n".join(rows)


def main() -> int:
    parser = parser_of(__doc__ or "", rounds=3)
    parser.add_argument("--pythons", metavar="A,B", help="only these versions")
    options = parser.parse_args()
    folder = options.hoop or str(ROOT / "build" / "release" / "hoopsnake")
    os.environ["HOOP_AGENTS"] = folder + ":" + os.environ.get("HOOP_AGENTS", "")
    found = find_interpreters()
    wanted = options.pythons.split(",") if options.pythons else list(found)
    rounds, lines = (1, 300) if options.smoke else (options.rounds, LINES)
    samples: list[Sample] = []
    for _ in range(rounds):
        for version in wanted:
            for name in PROGRAMS:
                say(f"learn: {version}, {name}")
                try:
                    samples.append(measure(found[version], version, name, lines))
                except HoopError as error:
                    say(f"learn: {version} is left out: {error}")
                    break
    write_results(options, "learn", samples, table(samples))
    return 0 if samples else 1


if __name__ == "__main__":
    sys.exit(main())
