# SPDX-License-Identifier: Apache-2.0
"""Programs made at random: what `hoop learn` records of counts, frees and garbage, line by line,
against a naive model of reference counting."""

from __future__ import annotations

import os
import sys

import pytest
from whole_process import ROOT, Sandbox

from hoopsnake.learn.recorder import record

sys.path.insert(0, str(ROOT / "tests" / "python" / "support"))

import lifetimes

SEEDS = range(int(os.environ.get("HOOP_SEEDS", "2")))


@pytest.mark.parametrize("seed", SEEDS)
def test_frees_and_counts_are_as_predicted(
    box: Sandbox, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOP_AGENTS", box.environ["HOOP_AGENTS"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    program = lifetimes.Program(seed, 150)
    script = box.script("program.py", program.text)
    life = record([str(script)], python=box.python.path, timeout=60)
    assert life.stopped == ""
    ours = [one.number for one in life.things.values() if one.type in ("Node", "list", "dict")]
    first = lifetimes.PRELUDE.count("\n") + 1
    by_count: set[int] = set()
    by_collection: set[int] = set()
    seen = 0
    for step in life.steps:
        for event in step.events:
            if event.kind == "freed" and event.thing in ours:
                freed = by_count if event.by == "count" else by_collection
                freed.add(ours.index(event.thing) + 1)
        if step.title != "<module>" or step.kind != "line" or step.line < first:
            continue
        line = program.lines[step.line - first]
        where = f"seed {seed}, line {step.line}: {line.text}"
        assert (by_count, by_collection) == (line.by_count, line.by_collection), where
        states = {
            ours.index(state.number) + 1: state for state in step.states if state.number in ours
        }
        assert {number: state.own for number, state in states.items()} == line.counts, where
        garbage = {number for number, state in states.items() if state.garbage}
        assert garbage == line.garbage, where
        by_count, by_collection = set(), set()
        seen += 1
    assert seen == len(program.lines)
