# SPDX-License-Identifier: Apache-2.0
"""Generated programs that take more memory than they need, each with one that does the same in
less. How much less is measured on the Python at hand: the bound is a tenth above that, or a
twentieth of what the program takes, which any good way reaches."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hoopsnake.quiz.model import Question

_THINGS = ("Order", "Sensor", "Ticket", "Parcel", "Player", "Sample", "Invoice", "Station")
_NAMES = ("size", "price", "level", "weight", "count", "code", "speed", "limit", "depth", "share")
_WORDS = (
    *("amber", "basil", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "jetty"),
    *("knoll", "lagoon", "marsh", "orchard", "prairie", "quarry", "ridge", "spruce"),
)


@dataclass(frozen=True, slots=True)
class _Task:
    lesson: str
    ask: str
    program: str
    check: str
    solution: str
    why: str
    call: str
    measure: Literal["kept", "peak"] = "kept"


def make(name: str, grade: int, chance: random.Random) -> Question:
    task = chance.choice(_TASKS[grade])(chance)
    return Question(
        name,
        task.lesson,
        "smaller",
        grade,
        task.program,
        task.why,
        ask=task.ask,
        call=task.call,
        measure=task.measure,
        check=task.check,
        solution=task.solution,
    )


def _class(thing: str, names: list[str], slots: bool) -> str:
    lines = [f"class {thing}:"]
    if slots:
        lines += [f"    __slots__ = ({', '.join(repr(one) for one in names)},)", ""]
    lines.append(f"    def __init__(self, {', '.join(names)}):")
    return "\n".join([*lines, *(f"        self.{one} = {one}" for one in names)]) + "\n"


def _instances(chance: random.Random) -> _Task:
    thing = chance.choice(_THINGS)
    names = chance.sample(_NAMES, chance.randint(2, 5))
    values = [str(chance.randint(1, 99)) for _ in names]
    rest = f"\n\ndef make(n):\n    return [{thing}({', '.join(values)}) for i in range(n)]\n"
    check = (
        f"made = make(4)\nmade[1].{names[0]} = 1000\nassert len(made) == 4\n"
        f"assert made[1].{names[0]} == 1000 and made[2].{names[0]} == {values[0]}\n"
        f"assert made[3].{names[-1]} == {values[-1]}\n"
    )
    return _Task(
        "slots",
        f"Make each `{thing}` smaller. Its attributes can still be set.",
        _class(thing, names, False) + rest,
        check,
        _class(thing, names, True) + rest,
        "`__slots__` gives each instance a place for each attribute instead of a table of them.",
        f"make({chance.randrange(2000, 4001, 100)})",
    )


def _rows(chance: random.Random) -> _Task:
    thing = chance.choice(_THINGS)
    names = chance.sample(_NAMES, chance.randint(2, 4))
    values = [str(chance.randint(1, 99)) for _ in names]
    items = ", ".join(f'"{one}": {value}' for one, value in zip(names, values, strict=True))
    last = names[-1]
    check = (
        "made = make(3)\nrow = made[2]\nassert len(made) == 3 and made[1] is not row\n"
        f'got = row["{last}"] if isinstance(row, dict) else row.{last}\n'
        f"assert got == {values[-1]}\n"
    )
    return _Task(
        "slots",
        f"`make(n)` gives rows as dicts. Give objects with attributes instead, one for each "
        f"row, as `row.{last}`.",
        f"def make(n):\n    return [{{{items}}} for i in range(n)]\n",
        check,
        _class(thing, names, True)
        + f"\n\ndef make(n):\n    return [{thing}({', '.join(values)}) for i in range(n)]\n",
        "Each dict has a hash table of its own for the same keys. A class with slots has the names "
        "once; a named tuple does too, with a length in each row besides.",
        f"make({chance.randrange(1500, 3001, 100)})",
    )


def _numbers(chance: random.Random) -> _Task:
    code, top = chance.choice((("B", 200), ("H", 60_000), ("i", 2_000_000_000)))
    factor, start = chance.randrange(3, 90, 2), chance.randint(300, 900)
    value = f"(i * {factor} + {start}) % {top}"
    check = (
        f"made = make(500)\nassert len(made) == 500\n"
        f"assert [made[i] for i in range(500)] == [{value} for i in range(500)]\n"
    )
    return _Task(
        "growth",
        "`make(n)` keeps whole numbers. Keep them in something that can be indexed as well.",
        f"def make(n):\n    return [{value} for i in range(n)]\n",
        check,
        f'from array import array\n\n\ndef make(n):\n    return array("{code}", '
        f"({value} for i in range(n)))\n",
        "A list holds a reference to an object for each number; an `array` holds the numbers, each "
        "in as few bytes as its type code says.",
        f"make({chance.randrange(10_000, 20_001, 500)})",
    )


def _peak(chance: random.Random) -> _Task:
    step, least = chance.randint(2, 9), chance.randint(10, 99)
    text = f"str(i * {step}) * 4"
    body = "    longest = [one for one in texts if len(one) > 12]\n    return len(longest)\n"
    return _Task(
        "generators",
        "`count(n)` takes a lot at its peak, for one number. Let it take less.",
        f"def count(n):\n    texts = [{text} for i in range({least}, n)]\n{body}",
        f"assert count(3000) == sum(len({text}) > 12 for i in range({least}, 3000))\n",
        f"def count(n):\n    return sum(len({text}) > 12 for i in range({least}, n))\n",
        "A list holds all of its items at once; a generator one at a time, and each goes when the "
        "next one comes.",
        f"count({chance.randrange(10_000, 20_001, 500)})",
        "peak",
    )


def _equal_texts(chance: random.Random) -> _Task:
    thing = chance.choice(_THINGS)
    name = chance.choice(_NAMES)
    words = chance.sample(_WORDS, chance.randint(3, 6))
    line = f'b"{" ".join(words)}".split()'
    head = f"class {thing}:\n"
    init = (
        f"    def __init__(self, kind, {name}):\n        self.{name} = {name}\n        self.kind = "
    )
    slots = f'    __slots__ = ("kind", "{name}")\n\n'
    rest = (
        f"\n\ndef make(n):\n    words = {line}\n"
        f"    return [{thing}(words[i % {len(words)}].decode(), i % 7) for i in range(n)]\n"
    )
    check = (
        f"made = make(20)\nassert len(made) == 20\n"
        f"assert [one.kind for one in made[:3]] == {[words[i % len(words)] for i in range(3)]}\n"
        f"assert made[13].{name} == 6\n"
    )
    return _Task(
        "identity",
        f"Each `{thing}` has one of {len(words)} kinds. Make them as small as you can.",
        head + init + "kind\n" + rest,
        check,
        "import sys\n\n\n" + head + slots + init + "sys.intern(kind)\n" + rest,
        "Equal texts were made anew for each: `sys.intern`, or a dict of those seen, keeps one of "
        "each. And `__slots__` saves the table of attributes.",
        f"make({chance.randrange(2000, 4001, 100)})",
    )


def _pairs(chance: random.Random) -> _Task:
    first, second = chance.sample(_NAMES, 2)
    factor = chance.randint(3, 40)
    values = f"i * {factor} % 30_000, i % 100"
    check = (
        "made = make(300)\nassert len(made) == 300\n"
        f"assert made[299] == (299 * {factor} % 30_000, 99) and made[7][1] == 7\n"
    )
    return _Task(
        "growth",
        f"`make(n)` keeps pairs of {first} and {second}. Give something whose `len()` is n and "
        "that gives the pair at an index as a tuple, but does not hold a tuple for each.",
        f"def make(n):\n    return [({values}) for i in range(n)]\n",
        check,
        "from array import array\n\n\nclass Pairs:\n    def __init__(self, n):\n"
        f'        self.{first} = array("H", (i * {factor} % 30_000 for i in range(n)))\n'
        f'        self.{second} = array("B", (i % 100 for i in range(n)))\n\n'
        f"    def __len__(self):\n        return len(self.{first})\n\n"
        "    def __getitem__(self, index):\n"
        f"        return self.{first}[index], self.{second}[index]\n\n\n"
        "def make(n):\n    return Pairs(n)\n",
        "By columns instead of rows: two arrays hold the numbers themselves, and a tuple is made "
        "only when somebody asks for it.",
        f"make({chance.randrange(5_000, 9_001, 500)})",
    )


_TASKS: dict[int, tuple[Callable[[random.Random], _Task], ...]] = {
    1: (_instances, _peak),
    2: (_rows, _numbers),
    3: (_equal_texts, _pairs),
}
