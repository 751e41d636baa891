#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Advice: what `hoop advise` predicts, and what the change really saves.

Each program is there twice, as it is and changed by hand as advised. Both run under `hoop run`; at
the end, what they have in use is asked of the heap and of malloc(), and advice is made from a
snapshot of the first. The installed package is measured, on the Python that it is installed in.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.common.contestants import clean_environment
from bench.common.options import write_results
from bench.common.rounds import say
from bench.common.table import markdown_table

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent / "programs"
PROGRAMS = {
    "points": "slots",
    "orders": "slots",
    "tree": "slots",
    "sessions": "slots",
    "settings": "unshared-attributes",
    "table": "dict-rows",
    "json_lines": "dict-rows",
    "cities": "equal-values",
    "permissions": "equal-values",
    "pages": "wide-text",
    "queue": "over-allocated",
    "neighbours": "over-allocated",
    "tags": "tiny-containers",
    "edges": "tiny-containers",
    "samples": "boxed-numbers",
    "stamps": "boxed-numbers",
    "track": "boxed-numbers",
    "handlers": "closures",
    "observers": "bound-methods",
    "packets": "pinned-base",
    "squares": "list-once",
    "document": "text-and-data",
    "counts": "narrow-numbers",
    "column": "object-column",
}
NEED_NUMPY = {"counts", "column"}
GOAL = 0.10
SMOKE_SCALE = 0.1
_MIB = 1 << 20


@dataclass
class Result:
    """Bytes."""

    program: str
    kind: str
    in_use: int
    predicted: int  # 0: no such advice
    measured: int
    others: int  # pieces of advice besides

    @property
    def off(self) -> float:
        return abs(self.predicted - self.measured) / max(abs(self.measured), 1)


def in_use(program: Path, scale: float, snapshot: Path | None) -> int:
    environ = clean_environment() | {
        "PYTHONPATH": str(ROOT),
        "HOOP_ADVISE_SCALE": str(scale),
        # Two runs of the same heap: no set has another order in one of them.
        "PYTHONHASHSEED": "0",
    }
    if snapshot is not None:
        environ["HOOP_ADVISE_SNAPSHOT"] = str(snapshot)
    if "HOOP_AGENTS" in os.environ:
        environ["HOOP_AGENTS"] = os.environ["HOOP_AGENTS"]
    command = [sys.executable, "-m", "hoopsnake", "run", "--quiet", sys.executable, str(program)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    return int(json.loads(done.stdout)["in_use"])


def measure(name: str, kind: str, scale: float, folder: Path) -> Result:
    from hoopsnake import heap
    from hoopsnake.advise import advise

    file = folder / f"{name}.hoop"
    before = in_use(HERE / f"{name}_before.py", scale, file)
    after = in_use(HERE / f"{name}_after.py", scale, None)
    found = advise(heap.open(file, index="never"))
    predicted = sum(one.saving for one in found if one.kind == kind and not one.is_library)
    if not predicted:
        for one in found:
            held = one.held[0].path if one.held else "nobody"
            say(f"{name}: {one.kind} {one.saving:,}, {one.title}, held by {held}")
    others = sum(one.kind != kind and not one.is_library for one in found)
    return Result(name, kind, before, predicted, before - after, others)


def table(results: list[Result]) -> str:
    rows = [
        [
            f"`{one.program}`",
            one.kind,
            f"{one.in_use / _MIB:.1f}",
            f"{one.predicted / _MIB:.2f}",
            f"{one.measured / _MIB:.2f}",
            f"{100 * one.off:.1f} %",
        ]
        for one in results
    ]
    head = ["program", "advice", "in use, MiB", "predicted, MiB", "measured, MiB", "off"]
    close = sum(one.off <= GOAL for one in results)
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"{markdown_table(head, rows)}\n\n{close} of {len(results)} programs are within "
        f"{100 * GOAL:.0f} %, on CPython {version}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="three programs, small ones")
    parser.add_argument("--programs", help="only these, by commas")
    parser.add_argument("--json", metavar="FILE", help="write every figure")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there")
    options = parser.parse_args()
    chosen = options.programs.split(",") if options.programs else list(PROGRAMS)
    if options.smoke and not options.programs:
        chosen = ["points", "json_lines", "queue"]
    if importlib.util.find_spec("numpy") is None:
        for name in sorted(NEED_NUMPY.intersection(chosen)):
            say(f"{name}: left out, there is no numpy")
        chosen = [name for name in chosen if name not in NEED_NUMPY]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            scale = SMOKE_SCALE if options.smoke else 1.0
            one = measure(name, PROGRAMS[name], scale, Path(folder))
            results.append(one)
            say(f"{name}: predicted {one.predicted:,}, measured {one.measured:,}")
    write_results(options, "advise", [asdict(one) for one in results], table(results))
    return 0 if options.smoke or all(one.predicted for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())
