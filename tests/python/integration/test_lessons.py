# SPDX-License-Identifier: Apache-2.0
"""What a lesson's page claims is what its program prints, on every version, under Hoopsnake."""

from __future__ import annotations

import json
import re

import pytest
from whole_process import MINORS, Sandbox

from hoopsnake.learn import lessons
from hoopsnake.learn.lessons import LESSONS, Lesson

pytestmark = pytest.mark.same_everywhere

BLOCK = re.compile(r"^```text ?([\d.-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def claimed(lesson: Lesson, minor: str) -> str:
    """The block of the page for this version."""
    part = lesson.page.split("## What it prints")[1].split("\n## ")[0]
    found = [text for versions, text in BLOCK.findall(part) if minor in covered(versions)]
    assert len(found) == 1, f"{lesson.name}: {len(found)} blocks for {minor}"
    return str(found[0])


def covered(versions: str) -> list[str]:
    """ "3.11-3.13" means three of them; nothing means all."""
    if not versions:
        return list(MINORS)
    first, _, last = versions.partition("-")
    return list(MINORS[MINORS.index(first) : MINORS.index(last or first) + 1])


def test_lessons_print_what_their_pages_claim(box: Sandbox) -> None:
    printed = {}
    for lesson in LESSONS:
        done = box.preloaded("-W", "ignore", lesson.path).check()
        printed[lesson.name] = done.text
    assert printed == {lesson.name: claimed(lesson, box.minor) for lesson in LESSONS}


FOLLOWED = """
import json
from hoopsnake.learn.lessons import LESSONS
from hoopsnake.learn.recorder import record
found = {}
for lesson in LESSONS:
    life = record([lesson.path], timeout=60)
    printed = "".join(step.output for step in life.steps)
    found[lesson.name] = [life.stopped, life.exit_status, len(life.steps) < 2000, printed]
print(json.dumps(found))
"""


def test_lessons_can_be_followed_step_by_step(box: Sandbox) -> None:
    """Recorded whole, in steps that one can go through, and they print the same."""
    found = json.loads(box.plain("-c", FOLLOWED).check().out)
    wanted = {one.name: ["", 0, True, claimed(one, box.minor)] for one in LESSONS}
    assert found == wanted


def test_without_hoopsnake_few_survivors_keep_the_memory(box: Sandbox) -> None:
    """As the page of `pools` says: its last line is another then."""
    path = lessons.find("pools").path
    assert box.plain(path).check().text.endswith("a while later, most of it\n")


@pytest.mark.parametrize("lesson", LESSONS, ids=[one.name for one in LESSONS])
def test_every_version_has_one_claim(lesson: Lesson) -> None:
    assert all(claimed(lesson, minor) for minor in MINORS)
