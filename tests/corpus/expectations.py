# SPDX-License-Identifier: Apache-2.0
"""What is expected of an answer about a case, and the points that an answer gets.

A case is a program with a fault, and a control: the same with the fault mended. What is to be said
of it stands in comments at its head (`# holder: ...`) or in a table: regular expressions for the
type, the holder and the fix, and the verdicts that are right, separated by |. The verdict `none`
means that there is nothing to blame.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

KEYS = ("type", "holder", "verdict", "fix")
POINTS = (*KEYS, "silent")
ALARMS = frozenset({"grows", "bounded", "delayed", "held-from-c"})
NOTHING = "none"
# What an answer about a control must not have: an alarm, other than that something keeps to its
# bound; one about what was mended; any.
SILENCES = ("alarms", "mended", "all")
MAIN = "__main__.py"

Suspect = Mapping[str, Any]


class Expectation(NamedTuple):
    type: str
    holder: str
    verdict: str
    fix: str

    @property
    def is_nothing(self) -> bool:
        return self.verdict == NOTHING

    def verdicts(self) -> list[str]:
        return self.verdict.split("|")


def expectation(fields: Mapping[str, str]) -> Expectation:
    """Of the columns of a table or the lines of a head; ValueError when something is missing."""
    wanted = {key: fields.get(key) or "" for key in KEYS}
    missing = [key for key in KEYS if not wanted[key]]
    if missing and wanted["verdict"] != NOTHING:
        raise ValueError(f"no {', no '.join(missing)}")
    for key in ("type", "holder", "fix"):
        re.compile(wanted[key])
    return Expectation(**wanted)


def read_head(script: Path) -> Expectation:
    fields = {}
    for line in script.read_text().splitlines():
        if not line.startswith("#"):
            break
        found = re.match(r"# ([a-z]+): (.*)", line)
        if found and found[1] in KEYS:
            fields[found[1]] = found[2]
    return expectation(fields)


def read_table(table: Path) -> Iterator[tuple[str, Expectation]]:
    with table.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield row["case"], expectation(row)


@dataclass(frozen=True)
class Case:
    """Two command lines, less the Python; an empty path: whatever Python the run is for."""

    name: str
    expected: Expectation
    leaky: tuple[str, ...]
    control: tuple[str, ...]
    leaky_python: str = ""
    control_python: str = ""


def own_cases(folder: Path) -> Iterator[Case]:
    """Scripts and packages with a head; the control is asked for by an argument."""
    for path in sorted(folder.iterdir()):
        head = path / MAIN if path.is_dir() else path
        if head.suffix == ".py" and head.exists():
            words = (str(path),)
            yield Case(path.stem, read_head(head), words, (*words, "--fixed"))


def environment_python(envs: Path | None, name: str, side: str) -> str:
    python = envs / name / side / "bin" / "python" if envs else None
    return str(python) if python and python.exists() else ""


def table_cases(
    folder: Path, table: Path, controls: Path | None, envs: Path | None
) -> Iterator[Case]:
    """Scripts of a folder that a table tells of. A control is another script under the same name,
    or the same script in another environment."""
    for name, expected in read_table(table):
        script = folder / f"{name}.py"
        if not script.exists():
            continue
        leaky_python = environment_python(envs, name, "leaky")
        fixed_python = environment_python(envs, name, "fixed")
        mended = controls / script.name if controls else script
        control = mended if mended.exists() else script
        has_control = fixed_python or control != script
        yield Case(
            name,
            expected,
            (str(script),),
            (str(control),) if has_control else (),
            leaky_python,
            fixed_python or leaky_python,
        )


def text_of_holder(suspect: Suspect) -> str:
    holder = suspect.get("holder") or {}
    path = holder.get("path") or ""
    path = path if isinstance(path, str) else " ".join(map(str, path))
    words = (holder.get("name"), holder.get("kind"), path, suspect.get("sentence"))
    return " ".join(str(word) for word in words if word)


def matches(expected: Expectation, suspect: Suspect) -> dict[str, bool]:
    """Key of an expectation -> whether this suspect meets it."""
    named = f"{suspect.get('type')} {suspect.get('sentence')}"
    return {
        "type": bool(re.search(expected.type, named)),
        "holder": bool(re.search(expected.holder, text_of_holder(suspect), re.IGNORECASE)),
        "verdict": suspect.get("verdict") in expected.verdicts(),
        "fix": bool(re.search(expected.fix, suspect.get("fix") or "", re.IGNORECASE)),
    }


def is_alarm(expected: Expectation, suspect: Suspect, silence: str) -> bool:
    """What keeps to a bound is an alarm only where it is about what was mended."""
    if suspect.get("verdict") not in ALARMS:
        return False
    if silence == "all" or (silence == "alarms" and suspect["verdict"] != "bounded"):
        return True
    if expected.is_nothing:
        return bool(suspect["verdict"] != "bounded")
    met = matches(expected, suspect)
    return met["holder"] and met["type"]


def alarms(expected: Expectation, suspects: Iterable[Suspect], silence: str) -> list[Suspect]:
    return [suspect for suspect in suspects if is_alarm(expected, suspect, silence)]


def judge(
    expected: Expectation,
    leaky: Sequence[Suspect] | None,
    control: Sequence[Suspect] | None,
    silence: str = SILENCES[0],
) -> dict[str, bool]:
    """Point -> whether it is given. The first suspect counts. None: there was no answer."""
    points = dict.fromkeys(POINTS, False)
    if leaky is not None and expected.is_nothing:
        points.update(dict.fromkeys(KEYS, not alarms(expected, leaky, silence)))
    elif leaky:
        points.update(matches(expected, leaky[0]))
    points["silent"] = control is not None and not alarms(expected, control, silence)
    return points
