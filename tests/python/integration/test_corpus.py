# SPDX-License-Identifier: Apache-2.0
"""Some cases of tests/corpus, on the oldest and the newest Python: what explain says of them."""

from __future__ import annotations

import sys

import pytest
from whole_process import ROOT, Sandbox, hoop_command

CORPUS = ROOT / "tests" / "corpus"
sys.path.insert(0, str(CORPUS))

from expectations import judge, own_cases  # noqa: E402
from score import describe, explain  # noqa: E402

CASES = {case.name: case for case in own_cases(CORPUS / "cases")}
CHOSEN = (
    "asyncio_queue",
    "asyncio_waiters",
    "cache_on_method",
    "cached_property_cycle",
    "closure_list",
    "count_too_high",
    "default_argument",
    "fine_batches",
    "frames_kept",
    "import_finders",
    "tree_with_parents",
)


@pytest.mark.pythons("3.10", "3.14")
@pytest.mark.parametrize("name", CHOSEN)
def test_the_holder_is_named_and_the_control_is_silent(box: Sandbox, name: str) -> None:
    case = CASES[name]
    leaky = explain(hoop_command(), box.python.path, case.leaky, None)
    control = explain(hoop_command(), box.python.path, case.control, None)
    points = judge(case.expected, leaky.suspects, control.suspects)
    said = [describe(suspect) for suspect in (leaky.suspects or []) + (control.suspects or [])]
    assert sum(points.values()) >= 4, (points, leaky.error, control.error, said)
