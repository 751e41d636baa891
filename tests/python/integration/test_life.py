# SPDX-License-Identifier: Apache-2.0
"""What `hoop learn` records of whole programs, against what the same programs say of themselves."""

from __future__ import annotations

import contextlib
import json
import signal
import textwrap
from pathlib import Path

import pytest
from whole_process import Done, Sandbox, hoop_command

from hoopsnake._errors import HoopError
from hoopsnake.learn.model import Event, Life, State, Step
from hoopsnake.learn.recorder import Limits, record


@pytest.fixture
def box(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("HOOP_AGENTS", box.environ["HOOP_AGENTS"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return box


def life_of(box: Sandbox, code: str, *arguments: str, limits: Limits | None = None) -> Life:
    script = box.script("program.py", textwrap.dedent(code).lstrip("\n"))
    return record([str(script), *arguments], python=box.python.path, limits=limits, timeout=60)


def at_line(life: Life, text: str) -> Step:
    """The last step of the line that has this text."""
    found = None
    for step in life.steps:
        source = life.program.sources.get(step.file, [])
        if step.kind != "call" and 0 < step.line <= len(source) and text in source[step.line - 1]:
            found = step
    assert found is not None, text
    return found


def during(life: Life, text: str) -> list[Step]:
    """The line of the module, and what it called."""
    last = at_line(life, text).index
    first = last
    while first and not (
        life.steps[first - 1].title == "<module>" and life.steps[first - 1].kind == "line"
    ):
        first -= 1
    return life.steps[first : last + 1]


def events_of(steps: list[Step] | Step, *kinds: str) -> list[Event]:
    of = [steps] if isinstance(steps, Step) else steps
    return [event for step in of for event in step.events if event.kind in kinds]


def named(step: Step, name: str) -> State:
    for scope in reversed(step.scopes):
        if name in scope.names:
            return next(one for one in step.states if one.number == scope.names[name])
    raise AssertionError(name)


def types_freed(life: Life, step: Step, by: str | None = None) -> list[str]:
    return sorted(
        life.things[event.thing].type
        for event in events_of(step, "freed")
        if event.thing and by in (None, event.by)
    )


FACTS = """
import gc
import json
import sys


class Node:
    def __init__(self, *parts):
        self.parts = parts


def tell(name, count, value):
    generation = []
    for number in range(3):
        if id(value) in set(map(id, gc.get_objects(generation=number))):
            generation.append(number)
    fact = [name, count, sys.getsizeof(value), gc.is_tracked(value), *generation]
    print(json.dumps(fact))


gc.disable()
gc.collect()
old = [Node(), {}]
gc.collect()
one = Node(1, 2)
two = [one, one]
three = {"a": two, 5: one}
four = (1.5, "text" * 3)
five = {one, "x"}
six = b"bytes" + bytes(3)
seven = 12345678901234567890 + len(two)
eight = [Node(), Node()]
gc.collect(0)
nine = [eight]
tell("old", sys.getrefcount(old), old)
tell("one", sys.getrefcount(one), one)
tell("two", sys.getrefcount(two), two)
tell("three", sys.getrefcount(three), three)
tell("four", sys.getrefcount(four), four)
tell("five", sys.getrefcount(five), five)
tell("six", sys.getrefcount(six), six)
tell("seven", sys.getrefcount(seven), seven)
tell("eight", sys.getrefcount(eight), eight)
tell("nine", sys.getrefcount(nine), nine)


def inside():
    local = [Node(three)]
    print(json.dumps(["local", sys.getrefcount(local), sys.getsizeof(local), True]))
    again = local
    print(json.dumps(["local", sys.getrefcount(local), sys.getsizeof(local), True]))


inside()
"""


def test_states_are_what_python_says(box: Sandbox) -> None:
    """Each line that tells is compared with the state after it: telling changes nothing."""
    life = life_of(box, FACTS)
    printed = ""
    told = []
    for step in life.steps:
        printed += step.output
        if step.title == "tell" or not printed.startswith("["):
            continue
        for line in printed.splitlines():
            name, count, size, tracked, *generation = json.loads(line)
            state = named(step, name)
            assert (name, state.count, state.size, state.tracked) == (name, count, size, tracked)
            assert state.own == count - 1 or (box.minor == "3.14" and name == "local")
            assert not generation or (name, state.generation) == (name, generation[0])
            told.append(name)
        printed = ""
    assert len(told) == 12


UNDISTURBED = """
import gc
import sys
import weakref


class Node:
    def __del__(self):
        print("finalizer")


def work(one):
    two = Node()
    look = weakref.ref(two, lambda ref: print("two is gone"))
    print(sys.getrefcount(one), sys.getrefcount(two), sys.gettrace(), sorted(locals()))
    del two
    print(look() is None)
    three = [Node()]
    three.append(three)
    return sys.getrefcount(one)


gc.disable()
node = Node()
print(work(node))
print(gc.collect(), len(gc.callbacks) < 2)
try:
    raise ValueError("no")
except ValueError as error:
    print(error, sys.getrefcount(error))
print([sys.getrefcount(one) for one in [object(), [], 1.5]])
"""


def test_the_program_does_not_notice(box: Sandbox) -> None:
    script = box.script("program.py", UNDISTURBED)
    life = record([str(script)], python=box.python.path, timeout=60)
    plain = box.preloaded(script).check()
    assert "".join(step.output for step in life.steps) == plain.text
    assert "finalizer" in plain.text
    assert life.exit_status == 0
    assert life.stopped == ""


WATCHED = """
import gc
import weakref


class Node:
    def __init__(self, name):
        self.name = name
        self.other = None
        self.look = weakref.ref(self, lambda ref: print("gone", name))
        LOOKS.append(self.look)


LOOKS = []
gc.disable()
gc.callbacks.append(lambda phase, info: print(phase, info["generation"]))
a = Node("a")
b = Node("b")
a.other = b
del b
a = None
c = Node("c")
c.other = Node("d")
c.other.other = c
del c
keep = [Node("e"), Node("f")]
keep.pop()
gc.collect(1)
keep.clear()
e = Node("g")
e.other = e
e = None
gc.collect()
"""


def test_deaths_are_seen_where_weak_references_see_them(box: Sandbox) -> None:
    life = life_of(box, WATCHED)
    collection, deaths = -1, 0
    gone: list[int] = []
    freed: list[str] = []
    for step in life.steps:
        for line in step.output.splitlines():
            what, which = line.split()
            if what == "gone":
                gone.append(collection)
            else:
                collection = int(which) if what == "start" else -1
        freed += [
            event.by
            for event in events_of(step, "freed")
            if life.things[event.thing or 0].type == "Node"
        ]
        # Callbacks are steps of their own, before the line that caused them is over.
        if step.title == "<module>" and step.kind == "line":
            assert freed == [f"generation {at}" if at >= 0 else "count" for at in gone]
            deaths += len(gone)
            gone, freed = [], []
    assert deaths == 7


def test_garbage_is_told_before_a_collection_finds_it(box: Sandbox) -> None:
    life = life_of(box, WATCHED)
    dropped = at_line(life, "del c")
    assert len(events_of(dropped, "garbage")) >= 2
    assert types_freed(life, dropped) == []
    found = during(life, "gc.collect(1)")
    freed = [event for event in events_of(found, "freed") if event.by == "generation 1"]
    assert [life.things[event.thing or 0].type for event in freed].count("Node") == 2
    assert events_of(found, "collected")
    kept = at_line(life, "del b")
    assert [event.by for event in events_of(kept, "kept")] == [f"#{named(kept, 'a').number}.other"]


def test_finalizers_and_resurrection(box: Sandbox) -> None:
    life = life_of(
        box,
        """
        import weakref
        saved = []


        class Ghost:
            def __del__(self):
                saved.append(self)


        class Plain:
            def __del__(self):
                pass


        ghost = Ghost()
        look = weakref.ref(ghost)
        del ghost
        plain = Plain()
        del plain
        saved.clear()
        """,
    )
    ghost = at_line(life, "del ghost")
    assert events_of(ghost, "resurrected")
    assert events_of(ghost, "freed") == []
    # A weak reference to what was resurrected still refers to it.
    assert not events_of(life.steps[: ghost.index + 1], "weak cleared")
    assert events_of(during(life, "del ghost"), "finalized")
    plain = at_line(life, "del plain")
    assert types_freed(life, plain) == ["Plain"]
    assert not events_of(plain, "resurrected")
    cleared = at_line(life, "saved.clear()")
    assert "Ghost" in types_freed(life, cleared)
    assert events_of(cleared, "weak cleared")


@pytest.mark.same_everywhere
def test_all_kinds_of_code(box: Sandbox) -> None:
    life = life_of(
        box,
        """
        import asyncio
        import threading


        def numbers(count):
            big = [count] * 3
            for number in range(count):
                yield number


        def outer():
            data = {"k": 1}

            def inner(seen=[]):
                seen.append(data)
                return seen

            return inner


        def work(name):
            mine = [name]
            return mine


        async def wait():
            own = [2]
            await asyncio.sleep(0)
            return own


        def fail():
            local = ["kept by the frame"]
            raise ValueError("no")


        made = numbers(2)
        next(made)
        call = outer()
        call()
        thread = threading.Thread(target=work, args=("w",), name="helper")
        thread.start()
        thread.join()
        asyncio.run(wait())
        squares = [one * one for one in range(1000, 1003)]
        try:
            fail()
        except ValueError as error:
            kept = error
        print(kept)
        """,
    )
    assert life.stopped == ""
    labels = {edge.label for edge in named(at_line(life, "next(made)"), "made").edges}
    assert {"(local count)", "(local big)", "(local number)"} <= labels
    call = named(at_line(life, "call = outer()"), "call")
    assert {edge.label for edge in call.edges} == {"(default seen)", "(cell data)"}
    helper = [step for step in life.steps if step.thread == "helper"]
    assert [scope.title for scope in helper[-1].scopes if scope.thread == "helper"] == ["work"]
    assert [step.note for step in life.steps if step.title == "wait"].count("yield") == 1
    held = at_line(life, "print(kept)")
    numbers = {state.number: state for state in held.states}
    traceback = next(e.to for e in named(held, "kept").edges if e.label == ".__traceback__")
    assert "(local local)" in {
        edge.label
        for state in numbers.values()
        if life.things[state.number].type == "frame"
        for edge in state.edges
    }
    assert life.things[traceback].type == "traceback"
    assert events_of(life.steps, "raised")
    assert len(named(held, "squares").edges) == 3


@pytest.mark.same_everywhere
def test_memory_of_a_list_agrees_with_tracemalloc(box: Sandbox) -> None:
    growing = "items = [None] * 40\nfor turn in range(30):\n    items.append(None)\ndel items\n"
    life = record(["-c", growing], python=box.python.path, timeout=60)
    taken = [event for event in events_of(life.steps, "taken") if event.by == "storage"]
    sizes = [int(event.text.split()[0]) for event in taken]
    measured = box.plain(
        "-c",
        """
import tracemalloc
items = [None] * 40
before = items.__sizeof__()
for turn in range(30):
    tracemalloc.start()
    items.append(None)
    if items.__sizeof__() != before:
        before = items.__sizeof__()
        print(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
""",
    ).check()
    grown = [int(line) for line in measured.text.split()]
    # The first is that of `[None] * 40`; blocks are as large as asked for, or a bit larger.
    assert len(sizes) == len(grown) + 1
    for block, asked in zip(sizes[1:], grown, strict=True):
        assert asked - 64 <= block <= asked * 1.2 + 64
    given = [event for event in events_of(life.steps, "given back") if event.by == "storage"]
    assert len(given) == len(taken)


@pytest.mark.same_everywhere
def test_limits_are_told_and_the_program_runs_on(box: Sandbox) -> None:
    code = """
        rows = [[number] for number in range(50)]
        for turn in range(100):
            pass
        print("ran to its end")
        raise SystemExit(7)
        """
    life = life_of(box, code, limits=Limits(steps=80))
    assert len(life.steps) == 80
    assert "80 steps" in life.stopped
    assert life.exit_status == 7
    life = life_of(box, code, limits=Limits(objects=20))
    assert "20 objects" in life.stopped
    assert max(len(step.states) for step in life.steps) == 20


@pytest.mark.pythons("3.10", "3.14")
def test_ends_of_all_kinds(box: Sandbox) -> None:
    killed = life_of(box, "import os, signal\nx = [1]\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert killed.exit_status == -signal.SIGKILL
    assert "SIGKILL" in killed.stopped
    assert named(killed.steps[-1], "x").text == "list of 1"
    left = life_of(box, "import os\nx = [1]\nprint('out')\nos._exit(3)\n")
    assert (left.exit_status, left.steps[-1].note) == (3, "os._exit")
    failed = life_of(box, "x = [1]\nx.nothing\n")
    assert failed.exit_status == 1
    assert "AttributeError" in "".join(step.errors for step in failed.steps)
    traced = life_of(box, "import sys\nx = [1]\nsys.settrace(lambda *rest: None)\ny = [2]\n")
    assert "trace function of its own" in traced.stopped
    forked = life_of(
        box,
        """
        import os
        x = [1]
        child = os.fork()
        if not child:
            y = [2]
            os._exit(0)
        os.waitpid(child, 0)
        z = [3]
        """,
    )
    assert forked.stopped == ""
    assert named(forked.steps[-2], "z").text == "list of 1"
    assert all("y" not in scope.names for step in forked.steps for scope in step.scopes)


def killed_in_time(box: Sandbox) -> Life:
    """However slow the machine is: a time in which 200 steps are done."""
    code = "while True:\n    x = [1]\n"
    for seconds in (1, 5, 25):
        with contextlib.suppress(HoopError):
            life = record(
                ["-c", code], python=box.python.path, timeout=seconds, limits=Limits(steps=200)
            )
            if len(life.steps) == 200:
                return life
    raise AssertionError("200 steps take more than 25 seconds")


@pytest.mark.pythons("3.12")
def test_what_cannot_be_recorded_is_said(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(HoopError, match="no such file"):
        record([str(tmp_path / "none.py")], python=box.python.path)
    with pytest.raises(HoopError, match="SyntaxError"):
        life_of(box, "x = = 1\n")
    with pytest.raises(HoopError, match="cannot run"):
        record(["-c", "x = 1"], python=str(tmp_path / "no-python"))
    endless = killed_in_time(box)
    assert len(endless.steps) == 200
    assert "Time was up" in endless.stopped


@pytest.mark.pythons("3.11")
def test_the_command(box: Sandbox) -> None:
    def learn(*words: str | Path) -> Done:
        python = ["--python", box.python.path]
        return box.execute([*hoop_command(), "learn", *python, *words])

    script = box.script(
        "program.py", "import sys\nx = [1]\nprint('out', sys.argv[1:])\nsys.exit(3)\n"
    )
    text = learn("--text", script, "--html", "a")
    assert text.code == 3
    assert "   2  x = [1]\n      created " in text.text
    assert "printed      prints \"out ['--html', 'a']\"" in text.text
    page = box.work / "page.html"
    both = learn("--html", page, "--json", box.work / "life.json", script)
    assert (both.code, both.text) == (3, "out []\n")
    assert page.read_text(encoding="ascii").startswith("<!doctype html>")
    assert json.loads((box.work / "life.json").read_bytes())["format"] == "hoopsnake.life"
    alone = learn("--json", "-", "-c", "import os\nprint(1)\nos.abort()\n")
    assert alone.code == 128 + signal.SIGABRT
    assert json.loads(alone.out)["exit_status"] == -signal.SIGABRT
    failed = learn("--text", "-c", "1 / 0")
    assert failed.code == 1
    assert failed.err.endswith(b"ZeroDivisionError: division by zero\n")
