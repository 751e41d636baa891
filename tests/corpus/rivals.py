#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/corpus/rivals.py: what other tools say of the same cases, in the same points.

    tests/corpus/rivals.py CACHE                  the cases in tests/corpus/cases
    tests/corpus/rivals.py CACHE --only observers --tools objgraph,memray
    tests/corpus/rivals.py CACHE --cases FOLDER --expect TABLE.tsv [--controls F] [--envs F]

Installs the tools into CACHE and runs each case and its control with each tool around it
(rivals_ask.py). The same regular expressions decide as for `hoop explain`, on what a tool says of
the holder; two points are easier to get: to list the right thing as grown counts as the verdict
`grows`, and of the control a tool may say what it likes, as long as it is not about what was
mended. None of them has a word for the fix. Cases in which nothing is to blame are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from documents import replace_table
from environments import make
from expectations import POINTS, Case, judge, matches, own_cases, table_cases
from score import version_of

HERE = Path(__file__).resolve().parent
TOOLS = ("python-leak-hunter", "guppy3", "objgraph", "tracemalloc", "memray")
PACKAGES = ("python-leak-hunter==0.1.1", "guppy3==3.1.7", "objgraph==3.7.0", "memray==1.20.0")
TIMEOUT = 120.0
MOST_SAID = 160  # characters
FOLDERS = re.compile(r"/[^\s:'\"]*/(?=[\w.]+:)")


class Said(NamedTuple):
    points: Mapping[str, bool]
    text: str

    @property
    def score(self) -> int:
        return sum(self.points.values())


def ask(tool: str, python: str, words: Sequence[str], packages: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="rivals-") as folder:
        answer = Path(folder) / "answer.json"
        command = [python, "-c", "import rivals_ask", tool, str(answer), *words]
        environment = os.environ | {"PYTHONPATH": str(HERE), "RIVALS_PATH": str(packages)}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
        try:
            subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
            )
            found: dict[str, Any] = json.loads(answer.read_text())
        except (subprocess.TimeoutExpired, OSError, ValueError) as error:
            return {"text": f"no answer: {type(error).__name__}"}
        return found


def suspect(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": answer.get("type", ""),
        "holder": {"path": answer.get("holder", "")},
        "verdict": answer.get("verdict", ""),
        "sentence": "",
        "fix": "",
    }


def say(tool: str, case: Case, python: str, cache: Path) -> Said:
    leaky_python = case.leaky_python or python
    packages = site_packages(cache, version_of(leaky_python))
    answer = ask(tool, leaky_python, case.leaky, packages)
    control = suspect(ask(tool, case.control_python or python, case.control, packages))
    met = matches(case.expected, control)
    blamed = [control] if met["type"] and met["holder"] else []
    points = judge(case.expected, [suspect(answer)], blamed)
    points["verdict"] &= points["type"] or points["holder"]
    return Said(points, " ".join(answer["text"].split()))


def site_packages(cache: Path, minor: str) -> Path:
    return cache / minor / "lib" / f"python{minor}" / "site-packages"


def install(cache: Path, minors: set[str]) -> None:
    for minor in sorted(minors):
        error = make(cache / minor, minor, PACKAGES)
        if error:
            sys.exit(f"rivals: {minor}: {error}")


def score_lines(cases: Sequence[Case], said: Mapping[tuple[str, str], Said]) -> Iterator[str]:
    tools = list(dict.fromkeys(tool for tool, _ in said))
    yield f"| case | {' | '.join(tools)} | all together |"
    yield "| --- |" + " ---: |" * (len(tools) + 1)
    totals = dict.fromkeys([*tools, "all"], 0)
    for case in cases:
        answers = {tool: said[tool, case.name] for tool in tools}
        together = sum(any(one.points[name] for one in answers.values()) for name in POINTS)
        for tool, one in answers.items():
            totals[tool] += one.score
        totals["all"] += together
        scores = " | ".join(str(one.score) for one in answers.values())
        yield f"| {case.name} | {scores} | {together} |"
    means = " | ".join(f"{total / len(cases):.2f}" for total in totals.values())
    yield f"| mean of {len(cases)} | {means} |"


def word_lines(names: Container[str], said: Mapping[tuple[str, str], Said]) -> Iterator[str]:
    yield "| case | tool | points | what it says first |"
    yield "| --- | --- | --- | --- |"
    for (tool, name), one in said.items():
        if name in names:
            points = " ".join(point for point in POINTS if one.points[point])
            text = FOLDERS.sub("", one.text)[:MOST_SAID].replace("|", "\\|").replace("`", "'")
            yield f"| {name} | {tool} | {points} | `{text}` |"


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--cases", type=Path, default=HERE / "cases")
    parser.add_argument("--expect", type=Path, metavar="TSV")
    parser.add_argument("--controls", type=Path)
    parser.add_argument("--envs", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", default="", help="cases, by commas")
    parser.add_argument("--tools", default=",".join(TOOLS))
    parser.add_argument("--words", default="", help="cases for which the words are shown: all")
    parser.add_argument("--into", type=Path, metavar="DOCUMENT", help="the tables go there, too")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    folder, cache = options.cases.absolute(), options.cache.absolute()
    found = (
        table_cases(folder, options.expect, options.controls, options.envs)
        if options.expect
        else own_cases(folder)
    )
    only = {name for name in options.only.split(",") if name}
    cases = [case for case in found if not case.expected.is_nothing and case.control]
    cases = [case for case in cases if not only or case.name in only]
    install(cache, {version_of(case.leaky_python or options.python) for case in cases})
    work = [(tool, case) for case in cases for tool in options.tools.split(",")]
    with ThreadPoolExecutor(options.jobs) as pool:
        answers = pool.map(lambda one: say(one[0], one[1], options.python, cache), work)
        said = {(tool, case.name): one for (tool, case), one in zip(work, answers, strict=True)}
    names = options.words.split(",") if options.words else [case.name for case in cases]
    tables = {"rivals": score_lines(cases, said), "words of rivals": word_lines(names, said)}
    for title, lines in tables.items():
        text = list(lines)
        print("\n".join(text), end="\n\n")
        if options.into:
            replace_table(options.into, title, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
