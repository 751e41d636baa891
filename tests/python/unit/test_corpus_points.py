# SPDX-License-Identifier: Apache-2.0
"""tests/corpus: the points that an answer gets, and that every case says what it expects."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
sys.path.insert(0, str(CORPUS))

from expectations import (  # noqa: E402
    KEYS,
    NOTHING,
    Expectation,
    alarms,
    judge,
    own_cases,
    read_table,
    table_cases,
)

EXPECTED = Expectation("Page", "seen.*visit", "grows|bounded", "None")
CASES = list(own_cases(CORPUS / "cases"))


def suspect(**changes: Any) -> dict[str, Any]:
    answer = {
        "verdict": "grows",
        "sentence": "default argument seen of app.visit keeps 3,000 Page",
        "holder": {"name": "default argument seen of app.visit", "path": "app.visit"},
        "type": "app.Page",
        "fix": "Use None as the default.",
    }
    return answer | changes


def given(points: dict[str, bool]) -> str:
    return " ".join(name for name, value in points.items() if value)


def test_a_right_answer_gets_all_points() -> None:
    assert given(judge(EXPECTED, [suspect()], [])) == "type holder verdict fix silent"


def test_the_first_suspect_counts() -> None:
    other = suspect(type="dict", sentence="x", holder={}, verdict="delayed", fix=None)
    assert given(judge(EXPECTED, [other, suspect()], [])) == "silent"


def test_no_answer_gets_no_point() -> None:
    assert given(judge(EXPECTED, None, None)) == ""
    assert given(judge(EXPECTED, [], [])) == "silent"


def test_an_alarm_in_the_control_costs_a_point() -> None:
    elsewhere = suspect(holder={"name": "x"}, sentence="x", type="int")
    assert not judge(EXPECTED, [suspect()], [elsewhere])["silent"]
    assert judge(EXPECTED, [suspect()], [elsewhere], "mended")["silent"]
    assert judge(EXPECTED, [suspect()], [elsewhere | {"verdict": "large"}])["silent"]


def test_what_is_bounded_is_an_alarm_where_it_is_to_blame() -> None:
    elsewhere = suspect(verdict="bounded", holder={"name": "x"}, sentence="x")
    assert alarms(EXPECTED, [elsewhere], "alarms") == []
    assert alarms(EXPECTED, [elsewhere], "all") == [elsewhere]
    assert alarms(EXPECTED, [suspect(verdict="bounded")], "alarms") != []


def test_where_nothing_is_to_blame_silence_gets_all_points() -> None:
    nothing = Expectation("", "", "none", "")
    assert all(judge(nothing, [suspect(verdict="large")], []).values())
    assert given(judge(nothing, [suspect()], [])) == "silent"


def test_a_table_names_cases_with_controls_and_environments(tmp_path: Path) -> None:
    table = tmp_path / "expect.tsv"
    rows = [("case", *KEYS), ("A1", "T", "h", "grows", "f"), ("A2", "T", "h", "grows", "f")]
    table.write_text("".join("\t".join(row) + "\n" for row in rows))
    for name in ("A1.py", "A2.py", "controls/A2.py", "envs/A1/leaky/bin/python"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    first, second = table_cases(tmp_path, table, tmp_path / "controls", tmp_path / "envs")
    assert first.control == ()
    assert first.leaky_python.endswith("envs/A1/leaky/bin/python")
    assert second.control == (str(tmp_path / "controls" / "A2.py"),)
    assert [name for name, _ in read_table(table)] == ["A1", "A2"]


def test_each_case_expects_a_verdict_that_there_is() -> None:
    known = {"grows", "bounded", "delayed", "held-from-c", "large", "environment", NOTHING}
    assert len(CASES) > 40
    assert {verdict for case in CASES for verdict in case.expected.verdicts()} <= known
