# SPDX-License-Identifier: Apache-2.0
"""Generated programs in which several things look as if they kept objects, and one does."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from hoopsnake.quiz.model import Option, Question


@dataclass(frozen=True, slots=True)
class _Holder:
    """`{n}` is its name. `keeps` and `harmless`: what a call does with the thing."""

    text: str
    setup: str
    keeps: str
    harmless: tuple[str, ...]
    cut: str
    names: str
    imports: str = ""


_LIST, _DICT = "{n} = []", "{n} = {{}}"
_HOLDERS = (
    _Holder(
        "the list `{n}`",
        _LIST,
        "{n}.append(thing)",
        ("{n}.append(thing.number)", "{n}.append(thing)\n{n}.pop()", "{n}[:] = [number]"),
        "{n}.clear()",
        "history seen done recent",
    ),
    _Holder(
        "the dict `{n}`",
        _DICT,
        "{n}[number] = thing",
        (
            "{n}[number] = str(thing)",
            "{n}[number] = thing\ndel {n}[number]",
            "{n}['last'] = number",
        ),
        "{n}.clear()",
        "lookup table by_key",
    ),
    _Holder(
        "the default argument `notes` of `{n}`",
        "def {n}(one, notes=[]):\n    notes.append(one)",
        "{n}(thing)",
        ("{n}(number)", "{n}(thing, [])"),
        "{n}.__defaults__[0].clear()",
        "note remember log",
    ),
    _Holder(
        "the list `{n}`",
        _LIST,
        "{n}.append(lambda: thing.number)",
        ("{n}.append(lambda: number)",),
        "{n}.clear()",
        "callbacks handlers later",
    ),
    _Holder(
        "the cache of `{n}`",
        "@functools.lru_cache(maxsize=None)\ndef {n}(one):\n    return 2",
        "{n}(thing)",
        ("{n}(number)", "{n}(thing)\n{n}.cache_clear()"),
        "{n}.cache_clear()",
        "cost price weight",
        "functools",
    ),
    _Holder(
        "the attribute `known` of the class `{n}`",
        "class {n}:\n    known = []",
        "{n}.known.append(thing)",
        ("{n}.known.append(type(thing))", "{n}.known = [number]"),
        "{n}.known.clear()",
        "Registry Directory",
    ),
    _Holder(
        "the list `{n}`",
        _LIST,
        "{n}.append(thing.show)",
        ("{n}.append(Thing.show)", "{n}.append(thing.show())"),
        "{n}.clear()",
        "listeners hooks",
    ),
    _Holder(
        "the set `{n}`",
        "{n} = weakref.WeakSet()",
        "",
        ("{n}.add(thing)",),
        "{n}.clear()",
        "alive watched",
        "weakref",
    ),
)
# Other words, so that no two programs look alike.
_WORDS = {
    "handle": ("handle", "visit", "process", "on_event"),
    "thing": ("thing", "item", "entry", "made"),
    "number": ("number", "index", "n"),
}
_CLASSES = "Page Session Request Job Row Message"


def make(name: str, grade: int, chance: random.Random) -> Question:
    """More things that look guilty in a higher grade: 3, 4 or 5."""
    strong = [holder for holder in _HOLDERS if holder.keeps]
    guilty = chance.choice(strong)
    others = chance.sample([one for one in _HOLDERS if one is not guilty], grade + 1)
    chosen = [guilty, *others]
    chance.shuffle(chosen)
    named = [(one, chance.choice(one.names.split())) for one in chosen]
    cls = chance.choice(_CLASSES.split())
    program = _program(named, guilty, cls, chance)
    options = tuple(Option(one.text.format(n=n), one.cut.format(n=n)) for one, n in named)
    why = (
        "What is kept is kept by a reference to the object itself. A number or text taken from it "
        "keeps nothing, nor does a place that is emptied again, nor a weak reference."
    )
    return Question(name, "caches", "leak", grade, program, why, options=options, watch=cls)


def _program(
    named: list[tuple[_Holder, str]], guilty: _Holder, cls: str, chance: random.Random
) -> str:
    imports = sorted({one.imports for one, _ in named} - {""})
    lines = [f"import {one}" for one in imports]
    if imports:
        lines += ["", ""]
    lines += [
        f"class {cls}:",
        "    def __init__(self, number):",
        "        self.number = number",
        "",
        "    def show(self):",
        "        return str(self.number)",
        "",
        "",
    ]
    short = [(one, n) for one, n in named if "\n" not in one.setup]
    for one, n in short:
        lines.append(one.setup.format(n=n))
    for one, n in named:
        if "\n" in one.setup:
            lines += [*_gap(lines), *one.setup.format(n=n).split("\n")]
    lines += [*_gap(lines), "def handle(number):", f"    thing = {cls}(number)"]
    for one, n in named:
        use = one.keeps if one is guilty else chance.choice(one.harmless)
        lines += ["    " + part for part in use.format(n=n).replace("Thing", cls).split("\n")]
    times = chance.choice([20, 50, 100])
    lines += ["", "", f"for number in range({times}):", "    handle(number)"]
    program = "\n".join(lines) + "\n"
    for word, others in _WORDS.items():
        program = re.sub(rf"\b{word}\b", chance.choice(others), program)
    return program


def _gap(lines: list[str]) -> list[str]:
    return [] if lines[-1] == "" else ["", ""]
