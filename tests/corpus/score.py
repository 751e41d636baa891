#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/corpus/score.py: how well `hoop explain` names what keeps memory, in points.

    tests/corpus/score.py                          the cases in tests/corpus/cases
    tests/corpus/score.py --only linked_list,observers --pythons python3.10:python3.13
    tests/corpus/score.py --cases FOLDER --expect TABLE.tsv [--controls FOLDER] [--envs FOLDER]

Runs each case and its control under `hoop run --explain`, and looks at the first suspect of what
`hoop explain --json` says: a point each for the type, the holder, the verdict and the fix, and one
if nothing is blamed in the control. Below the table stands what is missing, and what was said.
`--silence mended` counts only what is blamed in the control for what was mended there, `--silence
all` counts caches that keep to their bound, too.

A table of expectations has the columns case, type, holder, verdict and fix (expectations.py).
--envs is a folder of tests/corpus/environments.py; a case that has none runs under --pythons.

Exit status: 0, or 1 when the mean is below --mean or a case is below --least.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from documents import replace_table
from expectations import POINTS, SILENCES, Case, Suspect, alarms, judge, own_cases, table_cases

HERE = Path(__file__).resolve().parent
HOOP = (sys.executable, "-m", "hoopsnake")
TIMEOUT = 600.0  # seconds, for a program and for the explanation
MOST_SHOWN = 3


@dataclass(frozen=True)
class Answer:
    suspects: list[dict[str, Any]] | None
    error: str = ""  # when there are none


@dataclass(frozen=True)
class Row:
    case: Case
    version: str
    points: dict[str, bool]
    leaky: Answer
    control: Answer
    blamed: list[Suspect]  # in the control

    @property
    def score(self) -> int:
        return sum(self.points.values())

    @property
    def name(self) -> str:
        return f"{self.case.name} {self.version}"

    def sentence(self) -> str:
        if self.leaky.suspects:
            first = self.leaky.suspects[0]
            return f"{first.get('verdict')}: {first.get('sentence')}"
        return self.leaky.error or "(nothing)"


def version_of(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT,
    )


def explain(hoop: Sequence[str], python: str, words: Sequence[str], keep: Path | None) -> Answer:
    """Runs a program under hoop, and asks what is to blame."""
    with tempfile.TemporaryDirectory(prefix="corpus-") as name:
        folder = Path(name)
        snapshots = folder / "snapshots"
        snapshots.mkdir()
        options = ["--explain", "--snapshots", str(snapshots)]
        try:
            program = run([*hoop, "run", *options, "--", python, *words], folder)
            answer = run([*hoop, "explain", "--json", str(snapshots)], folder)
        except subprocess.TimeoutExpired as error:
            return Answer(None, f"no end within {error.timeout:.0f} s")
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / "run.txt").write_text(f"{program.stdout}\n{program.stderr}")
            (keep / "explain.json").write_text(answer.stdout or answer.stderr)
        if program.returncode != 0:
            last = program.stderr.strip().splitlines()[-1:]
            return Answer(None, f"the program ended with {program.returncode}: {' '.join(last)}")
        return parse(answer)


def parse(answer: subprocess.CompletedProcess[str]) -> Answer:
    try:
        return Answer(json.loads(answer.stdout)["suspects"])
    except (ValueError, KeyError, TypeError):
        last = answer.stderr.strip().splitlines()[-1:]
        return Answer(None, f"no answer: {' '.join(last)}")


def score(case: Case, python: str, options: argparse.Namespace) -> Row:
    leaky_python = case.leaky_python or python
    version = version_of(leaky_python)

    def ask(side: str, chosen: str, words: Sequence[str]) -> Answer:
        keep = options.keep / f"{case.name}-{version}" / side if options.keep else None
        return explain(options.hoop, chosen, words, keep)

    leaky = ask("leaky", leaky_python, case.leaky)
    control = Answer([])
    if case.control:
        control = ask("control", case.control_python or python, case.control)
    points = judge(case.expected, leaky.suspects, control.suspects, options.silence)
    blamed = alarms(case.expected, control.suspects or [], options.silence)
    return Row(case, version, points, leaky, control, blamed)


def marks(points: dict[str, bool]) -> list[str]:
    return ["yes" if points[name] else "-" for name in POINTS]


def markdown_lines(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| case | score | {' | '.join(POINTS)} | the first suspect |"
    yield "| --- | ---: |" + " --- |" * (len(POINTS) + 1)
    for row in rows:
        sentence = row.sentence().replace("|", "\\|")
        yield f"| {row.name} | {row.score} | {' | '.join(marks(row.points))} | {sentence} |"
    yield f"| mean of {len(rows)} | {mean(rows):.2f} |" + " |" * (len(POINTS) + 1)


def plain_lines(rows: Sequence[Row]) -> Iterator[str]:
    width = max((len(row.name) for row in rows), default=4)
    yield f"{'case':<{width}}  score  {'  '.join(f'{name:<7}' for name in POINTS)}"
    for row in rows:
        cells = "  ".join(f"{mark:<7}" for mark in marks(row.points))
        yield f"{row.name:<{width}}  {row.score:>5}  {cells}  {row.sentence()}"


def describe(suspect: Suspect) -> str:
    holder = suspect.get("holder") or {}
    head = f"{suspect.get('verdict')}: {suspect.get('sentence')}"
    return f"{head} [{suspect.get('type')}; {holder.get('name')}] fix: {suspect.get('fix')}"


def list_missing(rows: Iterable[Row]) -> None:
    for row in rows:
        missing = [name for name in POINTS if not row.points[name]]
        if not missing:
            continue
        print(f"\n{row.name}: missing {', '.join(missing)}; expected {tuple(row.case.expected)}")
        for suspect in (row.leaky.suspects or [])[:MOST_SHOWN]:
            print(f"  - {describe(suspect)}")
        if not row.leaky.suspects:
            print(f"  - {row.sentence()}")
        for alarm in row.blamed[:MOST_SHOWN]:
            print(f"  - in the control: {describe(alarm)}")
        if row.control.error:
            print(f"  - in the control: {row.control.error}")


def mean(rows: Sequence[Row]) -> float:
    return sum(row.score for row in rows) / max(len(rows), 1)


def wanted_cases(options: argparse.Namespace) -> list[Case]:
    if options.expect:
        cases = table_cases(options.cases, options.expect, options.controls, options.envs)
    else:
        cases = own_cases(options.cases)
    only = {name for name in options.only.split(",") if name}
    return [case for case in cases if not only or case.name in only]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--cases", type=Path, default=HERE / "cases")
    parser.add_argument("--expect", type=Path, metavar="TSV")
    parser.add_argument("--controls", type=Path)
    parser.add_argument("--envs", type=Path)
    parser.add_argument("--pythons", default=sys.executable, help="by colons")
    parser.add_argument("--only", default="", help="cases, by commas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--silence", choices=SILENCES, default=SILENCES[0])
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--into", type=Path, metavar="DOCUMENT", help="the table goes there, too")
    parser.add_argument("--keep", type=Path, help="what was printed goes here")
    parser.add_argument("--mean", type=float, default=4.7)
    parser.add_argument("--least", type=int, default=4)
    options = parser.parse_args()
    options.hoop = HOOP
    for name in ("cases", "controls", "envs", "keep"):
        folder = getattr(options, name)
        setattr(options, name, folder and folder.absolute())
    return options


def main() -> int:
    options = parse_options()
    pythons = [path for path in options.pythons.split(os.pathsep) if path]
    work = [
        (case, python)
        for case in wanted_cases(options)
        for python in (pythons[:1] if case.leaky_python else pythons)
    ]
    with ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda one: score(one[0], one[1], options), work))
    lines = list(markdown_lines(rows) if options.markdown or options.into else plain_lines(rows))
    if options.into:
        replace_table(options.into, "scores", lines)
    print("\n".join(lines))
    least = min((row.score for row in rows), default=0)
    print(f"\n{len(rows)} cases, mean {mean(rows):.2f}, least {least}")
    list_missing(rows)
    return int(mean(rows) < options.mean or least < options.least)


if __name__ == "__main__":
    sys.exit(main())
