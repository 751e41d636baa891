# SPDX-License-Identifier: Apache-2.0
"""The rules of tests/rules/rules.txt, held by the objects and the gc of every CPython found.

A hoop::Heap runs the same file: tests/cpp/counted/rules_test.cpp.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import subprocess
import sys
from typing import Any

import pytest
import whole_process
from whole_process import ROOT

RUNNER = ROOT / "tests" / "rules" / "run_rules.py"
PAGE = ROOT / "docs" / "design" / "rules.md"


def runner() -> Any:
    spec = importlib.util.spec_from_file_location("run_rules", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RULES = runner().read_rules(RUNNER.with_name("rules.txt"))
NAMES = [rule.name for rule in RULES]


def path_of(minor: str) -> str:
    """This interpreter for its own version."""
    if minor == ".".join(map(str, sys.version_info[:2])):
        return sys.executable
    if minor not in whole_process.interpreters():
        pytest.skip(f"no CPython {minor} found (HOOP_PYTHONS can name one)")
    return whole_process.interpreters()[minor].path


@functools.cache
def verdicts(path: str) -> dict[str, Any]:
    command = [path, "-I", RUNNER]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_cpython_keeps(rule: Any, minor: str) -> None:
    verdict = verdicts(path_of(minor))[rule.name]
    if verdict is None:
        pytest.skip(rule.words["because"])
    assert not verdict["wrong"], f"{rule.words['says']}\nlog: {verdict['log']}"


def test_the_runner_sees_a_wrong_log() -> None:
    difference = runner().difference
    log = ["b freed", "a freed", "after"]
    assert not difference(["any order: a freed; b freed", "after"], log)
    assert difference(["a freed", "b freed", "after"], log)
    assert difference(["any order: a freed; b freed"], log)
    assert difference(["any order: a freed; b freed", "after", "more"], log)
    assert difference(["any order: a freed; a freed", "after"], log)


def test_every_rule_says_where_it_is_written() -> None:
    assert len(set(NAMES)) == len(NAMES) > 30
    for rule in RULES:
        assert rule.words["says"].endswith("."), rule.name
        assert re.match("PEP |docs: |CPython issue ", rule.words["source"]), rule.name
        assert ("python" in rule.words) == ("because" in rule.words), rule.name
        assert rule.lines["do"], rule.name
        assert rule.lines["log"], rule.name


def test_the_page_lists_the_rules() -> None:
    listed = re.findall(r"^- \*\*(.+?)\*\*: (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [(rule.name, rule.words["says"]) for rule in RULES]
