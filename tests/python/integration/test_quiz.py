# SPDX-License-Identifier: Apache-2.0
"""Every question of the quiz has one right answer, by running it, on every version."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from whole_process import ROOT, Sandbox

from hoopsnake.learn.lessons import LESSONS
from hoopsnake.quiz import answers, runner
from hoopsnake.quiz.model import KINDS

SUPPORT = ROOT / "tests" / "python" / "support"
GENERATED = 1


@pytest.mark.same_everywhere
def test_every_question_has_one_right_answer(box: Sandbox) -> None:
    done = box.plain(SUPPORT / "quiz_all.py", str(GENERATED), timeout=240).check()
    found: dict[str, Any] = json.loads(done.out)
    written = [name for name in found if ":" not in name]
    assert len(written) >= 60
    assert {one["kind"] for one in found.values()} == set(KINDS)
    assert {found[name]["lesson"] for name in written} == {one.name for one in LESSONS}
    assert [one["broken"] for one in found.values() if "broken" in one] == []
    for name, one in found.items():
        if one["kind"] == "smaller":
            assert one["solved"][0], f"{name}: {one['solved'][1]}"
            assert not one["unchanged"], name
        else:
            assert one["typed"], name
            assert not one.get("life") or one["life"] == lifetime(one["right"]), name
            assert not one["choices"] or (sum(one["marks"]), len(one["choices"]) > 2) == (1, True)
    chosen = [one for one in found.values() if one.get("choices")]
    always_first = sum(one["marks"][0] for one in chosen) / len(chosen)
    assert always_first < 0.4, "who always takes the first choice passes"


def lifetime(right: str) -> list[object]:
    """The line, and by what, of the text of an answer."""
    if right == answers.NEVER:
        return [None, ""]
    line = re.match(r"line (\d+), ", right)
    assert line, right
    return [int(line.group(1)), "collector" if "collector" in right else "count"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def make(n):\n    while True:\n        pass", "more than 1 second of processor time"),
        ("def make(n):\n    return [bytearray(1 << 20) for _ in range(1 << 20)]", "more memory"),
        ("import os\ndef make(n):\n    os._exit(0)", "ended the process"),
        ("import sys\ndef make(n):\n    sys.exit(3)", "ended the program"),
        ("import os\ndef make(n):\n    os.fork()", "may not start a process"),
        ("import subprocess\ndef make(n):\n    subprocess.run(['true'])", "may not start"),
        ("def make(n):\n    while True:\n        print('x' * 10_000)", "fails with OSError"),
        ("def make(n):\n    return make(n)", "fails with RecursionError"),
        ("def make(n:\n", "fails with SyntaxError"),
        ("def made(n):\n    return 1", "fails with NameError"),
        ("import os, signal\nos.abort()", "ended by SIGABRT"),
    ],
    ids=[
        *("loop", "memory", "_exit", "exit", "fork", "program", "output", "recursion"),
        *("syntax", "name", "abort"),
    ],
)
def test_code_that_goes_wrong_is_contained_and_told_in_a_line(code: str, told: str) -> None:
    ran = smaller(code, seconds=1 if "while" in code else 20, memory=256 << 20)
    assert told in ran.problem
    assert "\n" not in ran.problem


def smaller(code: str, **limits: Any) -> runner.Ran:
    return runner.run(
        "smaller",
        code,
        confined=True,
        call="make(10)",
        measure="kept",
        check="",
        **limits,
    )


def test_code_that_waits_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import _posixsubprocess, os, threading, time\n"
        f"open({os.fspath(mark)!r}, 'w').write(str(os.getpid()))\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "def make(n):\n    time.sleep(1000)\n"
    )
    for seconds in (3, 30, 120):  # on a slow machine it may not even have begun
        ran = smaller(code, wall=seconds)
        assert ran.problem == f"it did not end within {seconds} seconds"
        if mark.exists() and mark.read_text():
            break
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_what_a_program_leaves_behind_goes() -> None:
    code = (
        "import os\nopen('left', 'w').close()\nhere = os.getcwd()\n"
        "def make(n):\n    raise ValueError(here)\n"
    )
    ran = smaller(code)
    folder = ran.problem.partition("ValueError: ")[2].partition(",")[0]
    assert folder.startswith("/")
    assert not os.path.exists(folder)


def test_the_programs_run_on_our_heap(box: Sandbox) -> None:
    code = (
        "from hoopsnake.quiz import runner\n"
        "print(runner.run('share', 'a = 1', claims=['a == 1']).result)"
    )
    assert box.plain("-c", code).check().text == "{'heap': True, 'values': [True]}\n"
