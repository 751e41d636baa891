# SPDX-License-Identifier: Apache-2.0
"""`hoop learn` without a process: the stream, what is told of it, and the views.

life_stream.txt is what was recorded of PROGRAM, with | for tabs and ~ for 0x1F.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from hoopsnake._errors import HoopError
from hoopsnake.cli import learn
from hoopsnake.cli.main import main
from hoopsnake.learn.events import Builder
from hoopsnake.learn.html import as_html
from hoopsnake.learn.lessons import LESSONS
from hoopsnake.learn.model import Life, Program, Step
from hoopsnake.learn.stream import Reader
from hoopsnake.learn.text import lines_of, step_lines
from hoopsnake.report.text import ASCII, Page, plain

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import devtools

STREAM = (Path(__file__).parent / "life_stream.txt").read_text(encoding="ascii")
OUTPUT = b"</script> <__main__.Node object at 0x7fa345851ee0>\n"
PAGE = Page(100, ASCII)
PROGRAM = """\
import gc
import weakref
class Node:
    def __init__(self, name):
        self.name = name
def pair(one):
    other = Node("b")
    other.back = one
    one.on = other
    return other
node = Node("a")
look = weakref.ref(node)
pair(node)
items = [node, "text", 1.5]
same = items
del node
items.clear()
print("</script>", look())
gc.collect()
same = None
"""


def life_of(stream: str) -> Life:
    reader = Reader(stream.replace("|", "\t").replace("~", "\x1f"))
    builder = Builder(reader, OUTPUT, b"")
    steps = list(builder.steps())
    program = Program("sample.py", "3.12.1", {"sample.py": PROGRAM.splitlines()})
    return Life(program, builder.things, steps)


@pytest.fixture(scope="module")
def life() -> Life:
    return life_of(STREAM)


def at(life: Life, line: int) -> Step:
    return next(step for step in reversed(life.steps) if step.line == line)


def kinds(step: Step) -> list[str]:
    hidden = ("taken", "given back")
    return [event.kind for event in step.events if event.kind not in hidden]


def texts(life: Life, line: int) -> str:
    return "\n".join(plain(one) for one in step_lines(life, at(life, line), PAGE))


# --- what is told ---


def test_each_line_tells_what_it_did(life: Life) -> None:
    assert kinds(at(life, 14)) == ["created", "created", "bound", "up"]
    assert kinds(at(life, 15)) == ["bound", "shared", "up"]
    assert kinds(at(life, 16)) == ["deleted", "kept", "down"]
    assert kinds(at(life, 18)) == ["printed"]
    cleared = kinds(at(life, 17))
    assert cleared.count("garbage") == 2
    assert "changed" in cleared
    assert kinds(at(life, 20)) == ["rebound", "kept", "down"]


def test_a_collection_is_told_with_what_it_freed(life: Life) -> None:
    step = at(life, 19)
    assert [event.by for event in step.events if event.kind == "collected"] == ["generation 2"]
    freed = [event for event in step.events if event.kind == "freed"]
    assert [life.things[event.thing or 0].type for event in freed] == ["Node", "Node"]
    assert {event.by for event in freed} == {"generation 2"}
    assert "weak cleared" in kinds(step)


def test_states_that_did_not_change_are_shared(life: Life) -> None:
    before, after = at(life, 15), at(life, 16)
    same = {id(state) for state in before.states} & {id(state) for state in after.states}
    assert same


def test_json_brings_what_changed(life: Life) -> None:
    document = json.loads(json.dumps(life.to_json()))
    states: dict[int, Any] = {}
    for step, told in zip(life.steps, document["steps"], strict=True):
        for number in told["gone"]:
            del states[number]
        states.update({state["number"]: state for state in told["states"]})
        assert {state.number: state.own for state in step.states} == {
            number: state["own"] for number, state in states.items()
        }
        assert [scope["names"] for scope in told["scopes"]] == [s.names for s in step.scopes]


def test_a_stream_may_end_anywhere() -> None:
    whole = len(life_of(STREAM).steps)
    for end in range(0, len(STREAM), 7):
        assert len(life_of(STREAM[:end]).steps) <= whole


def test_text_tells_lines_and_events(life: Life) -> None:
    text = "\n".join(plain(line) for line in lines_of(life, PAGE))
    assert "  15  same = items\n      bound" in text
    assert "`items` and `same` are the same object" in texts(life, 15)
    assert "Node.__init__() is called" in text
    assert "return other    <- pair() returns" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    quiet = len(text.splitlines())
    assert len(lines_of(life, PAGE, verbose=True)) > quiet


# --- the command ---


def test_options_end_where_the_program_begins() -> None:
    split = learn._split(["--text", "--steps", "5", "a.py", "--html", "x"])
    assert split == (["--text", "--steps", "5"], ["a.py", "--html", "x"])
    assert learn._split(["-c", "x = 1", "-v"]) == ([], ["-c", "x = 1", "-v"])
    assert learn._split(["-v", "--", "-odd.py"]) == (["-v"], ["-odd.py"])


def test_options_may_follow_a_lesson(capsys: pytest.CaptureFixture[str]) -> None:
    """It is no program of the user's: no word after it can be meant for it."""
    assert main(["learn", "names", "--steps", "0.5"]) == 2
    assert "--steps" in capsys.readouterr().err
    assert main(["learn", "names", "more"]) == 2
    assert "more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nothing"], 127, "neither a file nor a lesson"),
        (["none/of/it.py"], 127, "no such file"),
        (["--steps", "x", "a.py"], 2, "--steps"),
        (["--wrong", "a.py"], 2, "--wrong"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["learn", *words])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert status == code or code == 2


def test_without_a_program_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learn"]) == 2
    assert "usage: hoop learn" in capsys.readouterr().err


def test_lessons_are_found_by_name() -> None:
    for lesson in LESSONS:
        assert learn._lesson_of(lesson.name) == lesson
        assert Path(lesson.path).is_file()
    with pytest.raises(HoopError):
        learn._lesson_of("no-such-lesson")


# --- the view on a terminal ---


def in_app(life: Life, *presses: list[str], size: tuple[int, int] = (80, 24)) -> Any:
    """The app, and the step that is shown after each group of keys."""
    pytest.importorskip("textual")
    from hoopsnake.learn.app import LifeApp

    app = LifeApp(life)
    shown: list[int] = []

    async def press() -> None:
        async with app.run_test(size=size) as pilot:
            for keys in presses:
                await pilot.press(*keys)
                shown.append(app.index)

    asyncio.run(press())
    return app, shown


def test_steps_forwards_and_back(life: Life) -> None:
    last = len(life.steps) - 1
    _, shown = in_app(
        life,
        ["left"],
        ["right", "right", "left", "n"],
        ["end", "right"],
        ["home"],
        ["down"],
        ["up", "G", "g"],
        ["v", "question_mark", "x", "right"],
    )
    assert shown == [0, 2, last, 0, 10, 0, 1]


def test_goes_to_a_line_and_stops_where_it_is_asked_to(life: Life) -> None:
    line, freed = at(life, 15).index, ["f", "f", "right"]
    app, shown = in_app(
        life, ["colon", "9", "9", "enter"], ["colon", "1", "5", "enter"], ["colon", "1", "escape"],
        freed, size=(120, 40),
    )  # fmt: skip
    assert shown[:3] == [0, line, line]
    assert app.only == "freed"
    assert "freed" in kinds(app.step)


def test_shows_names_objects_and_events(life: Life) -> None:
    app, _ = in_app(life, ["colon", "1", "5", "enter"])
    assert "items -> #" in app._objects().plain
    assert "2 references (getrefcount 3), generation 0, 80 bytes" in app._objects().plain
    assert "[1] 'text'" in app._objects().plain
    assert "shared: " in app._events().plain
    assert "same = items" in app._where().plain
    app.index = at(life, 17).index
    assert ", garbage" in app._objects().plain


def test_a_lesson_has_its_page_at_hand(life: Life) -> None:
    pytest.importorskip("textual")
    from hoopsnake.learn.app import LessonScreen, LifeApp

    async def look(app: LifeApp, *keys: str) -> bool:
        async with app.run_test() as pilot:
            await pilot.press(*keys)
            return isinstance(app.screen, LessonScreen)

    assert asyncio.run(look(LifeApp(life, "# Cycles"), "l", "down"))
    assert not asyncio.run(look(LifeApp(life, "# Cycles"), "l", "l"))
    assert not asyncio.run(look(LifeApp(life), "l"))


# --- the page ---


def test_the_lesson_is_beside_the_picture(life: Life) -> None:
    assert "<pre># 1 &lt; 2</pre>" in as_html(life, "# 1 < 2")
    assert "<pre></pre>" in as_html(life)


def test_the_page_is_whole(life: Life) -> None:
    page = as_html(life)
    elsewhere = r"(src|href)\s*=|url\((?!#)|@import|https?://(?!www\.w3\.org/2000/svg)"
    assert not re.search(elsewhere, page)
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert json.loads(data) == json.loads(json.dumps(life.to_json()))
    assert page.isascii()


OVERLAPS = """(() => {
  const boxes = [...document.querySelectorAll('.box')].map((box) => box.getBoundingClientRect());
  return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right && b.left < a.right
    && a.top < b.bottom && b.top < a.bottom));
})()"""
PLAYED = """new Promise((done) => {
  const look = () => Number(document.body.dataset.step) > 0 ? done(true) : setTimeout(look, 50);
  look();
})"""

BROWSER = pytest.mark.skipif(devtools.find_chromium() is None, reason="no Chromium")


@BROWSER
def test_the_page_in_a_browser(life: Life, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(as_html(life), encoding="ascii")
    with devtools.chromium(tmp_path / "profile") as (browser, _):
        browser.open(page.as_uri())

        def key(name: str, text: str = "") -> None:
            for kind in ("keyDown", "keyUp"):
                browser.call("Input.dispatchKeyEvent", type=kind, key=name, text=text)

        def shown() -> int:
            return int(browser.evaluate("Number(document.body.dataset.step)"))

        assert shown() == 0
        key("ArrowRight")
        key("ArrowRight")
        key("ArrowLeft")
        assert shown() == 1
        key("End")
        assert shown() == len(life.steps) - 1
        go = at(life, 15).index
        browser.evaluate(f"$('slider').value = {go}, $('slider').oninput()")
        assert shown() == go
        # Boxes, and arrows that end at them: the names and the items of the list.
        assert browser.evaluate("document.querySelectorAll('.box.scope').length") == 1
        items = next(s.number for s in at(life, 15).states if s.text == "list of 3")
        arrows = browser.evaluate(f"document.querySelectorAll('path[data-to=\"{items}\"]').length")
        assert arrows == 2
        assert "same object" in browser.evaluate("$('events').textContent")
        assert browser.evaluate("document.querySelector('.code .now').textContent").endswith(
            "same = items"
        )
        overlaps = browser.evaluate(OVERLAPS)
        assert overlaps is False
        browser.evaluate(f"choose({items})")
        assert "held by" in browser.evaluate("$('details').textContent")
        colours = []
        for theme in ("light", "dark"):
            browser.call(
                "Emulation.setEmulatedMedia",
                features=[{"name": "prefers-color-scheme", "value": theme}],
            )
            colours.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(set(colours)) == 2
        key("t", "t")
        assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == colours[0]
        key("Home")
        key(" ", " ")
        assert browser.evaluate(PLAYED) is True
        assert browser.evaluate("performance.getEntriesByType('resource').length") == 0
