# SPDX-License-Identifier: Apache-2.0
"""Questions that nobody wrote: a seed makes a program; what it does is found by running it.

The same name makes the same question, so a sheet or a report of an error can name it.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import random
from collections.abc import Callable

from hoopsnake._errors import HoopError
from hoopsnake.quiz import leaks, smaller
from hoopsnake.quiz.model import GRADES, Kind, Option, Question

_PREFIX = "generated"
_TRIES = 100


def make(kind: Kind, grade: int, seed: int) -> Question:
    """The question of that seed. HoopError where no program is found for it."""
    name = f"{_PREFIX}:{kind}:{grade}:{seed}"
    return MAKERS[kind](name, grade, random.Random(f"{kind} {grade} {seed}"))


def by_name(name: str) -> Question:
    """The question that has this name. HoopError where it is no name of one."""
    parts = name.split(":")
    known = len(parts) == 4 and parts[0] == _PREFIX and parts[1] in MAKERS
    if not known or not (parts[2].isdigit() and parts[3].isdigit()) or int(parts[2]) not in GRADES:
        raise HoopError(f"there is no question {name!r}; `hoop quiz --list` shows them")
    return make(parts[1], int(parts[2]), int(parts[3]))  # type: ignore[arg-type]


# --- counts --------------------------------------------------------------------------------------


class _References:
    """Statements that add references to `box` or take some away; it knows what names there are."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.names = iter("abcdefghkmnp")
        self.aliases = ["box"]
        self.lists: list[str] = []
        self.lines: list[str] = []

    def step(self) -> None:
        ways = [self.alias, self.make_list, self.make_list, self.make_dict]
        if len(self.aliases) > 1:
            ways += [self.drop_alias]
        if self.lists:
            ways += [self.copy, self.extend, self.hold_list, self.pop, self.drop_list]
        self.chance.choice(ways)()

    def alias(self) -> None:
        name = next(self.names)
        self.lines.append(f"{name} = {self.chance.choice(self.aliases)}")
        self.aliases.append(name)

    def make_list(self) -> None:
        name = next(self.names)
        inside = self.chance.choice(["[box]", "[box, box]", "[box] * 3", "[box, None, box]"])
        self.lines.append(f"{name} = {inside}")
        self.lists.append(name)

    def make_dict(self) -> None:
        self.lines.append(f"{next(self.names)} = {{'first': box, 'second': id(box)}}")

    def copy(self) -> None:
        name, other = next(self.names), self.chance.choice(self.lists)
        way = self.chance.choice(["{0}[:]", "list({0})", "{0}.copy()", "tuple({0})"])
        self.lines.append(f"{name} = {way.format(other)}")

    def hold_list(self) -> None:
        other = self.chance.choice(self.lists)
        self.lines.append(f"{next(self.names)} = [{other}, {other}]")

    def extend(self) -> None:
        self.lines.append(f"{self.chance.choice(self.lists)}.append(box)")

    def pop(self) -> None:
        self.lines.append(f"{self.chance.choice(self.lists)}.pop()")

    def drop_alias(self) -> None:
        gone = self.aliases.pop(self.chance.randrange(1, len(self.aliases)))
        self.lines.append(f"del {gone}")

    def drop_list(self) -> None:
        gone = self.lists.pop(self.chance.randrange(len(self.lists)))
        self.lines.append(f"del {gone}")


def _count(name: str, grade: int, chance: random.Random) -> Question:
    references = _References(chance)
    for _ in range(2 * grade + 1):
        references.step()
    head = ["import sys", "", "", "class Box:", "    pass", "", "", "box = Box()"]
    lines = [*head, *references.lines, "print(sys.getrefcount(box))"]
    why = (
        "Count the names, and the places in containers, that refer to the box now; a list in a "
        "list is one object with one set of places. Then add one for the call that counts."
    )
    return Question(name, "counts", "count", grade, "\n".join(lines) + "\n", why)


# --- lifetimes -----------------------------------------------------------------------------------


def _lifetime(name: str, grade: int, chance: random.Random) -> Question:
    """References are added in any order, then all or most are taken away, in any order."""
    ways = [
        ("other = box", ["del other", "other = None"]),
        ("shelf = [box]", ["shelf.clear()", "del shelf", "shelf = []", "shelf.pop()"]),
        ("index = {'box': box}", ["index.clear()", "del index['box']", "index.popitem()"]),
        ("pair = (box, 1)", ["del pair", "pair = None"]),
        ("class Owner:\n    thing = box", ["Owner.thing = None", "del Owner.thing"]),
        ("call = lambda thing=box: thing", ["del call", "call = None", "call = len"]),
    ]
    innocent = [  # what looks as if it kept the box, or let it go
        ("names = ['box']", ["names.clear()", "names = None"]),
        ("number = id(box)", ["number = None", "del number"]),
        ("look = weakref.ref(box)", ["look = None", "del look"]),
        ("kind = [type(box)]", ["kind.clear()", "del kind"]),
    ]
    chosen = chance.sample(ways, grade + 1) + chance.sample(innocent, 1 + grade // 2)
    chance.shuffle(chosen)
    takes = [chance.choice(take) for _, take in chosen]
    takes.append(chance.choice(["del box", "box = None", "box = Box()"]))
    cycle = grade > 1 and chance.random() < 0.5
    middle = [one for add, _ in chosen for one in add.split("\n")]
    if cycle:
        middle.append("box.me = box")
    chance.shuffle(takes)
    if chance.random() < 0.15:
        takes.pop()
    if cycle:
        late = chance.random() < 0.7
        takes.insert(len(takes) if late else chance.randrange(len(takes)), "gc.collect()")
    start = ["import gc", "import weakref", "", "", "class Box:", "    pass", "", ""]
    start += ["gc.disable()", "box = Box()"]
    takes.insert(len(takes) // 2, "print('half way')")
    lines = [*start, *middle, *takes, "print('end')"]
    why = (
        "It goes in the line that takes the last reference away. A reference from itself counts "
        "too: then its count does not fall to 0, and only a collection that comes after the others "
        "are gone frees it."
    )
    program = "\n".join(lines) + "\n"
    return Question(name, "scopes", "lifetime", grade, program, why, watch="box after 10")


# --- outputs -------------------------------------------------------------------------------------


def _output(name: str, grade: int, chance: random.Random) -> Question:
    """Two or three names of lists. Wrong choices: what it would print under usual mistakes."""
    for _ in range(_TRIES):
        program = _list_program(grade, chance)
        wrong = _mistaken(program)
        if len(wrong) >= 3:
            break
    else:
        raise HoopError(f"{name}: no program was found; take another seed")
    why = (
        "`b = a` is one list with two names; a slice or `list()` makes a new one of the same "
        "things. `+=`, `append` and `a[:] =` change the list, `a = a + ...` makes a new one for "
        "that name."
    )
    return Question(name, "names", "output", grade, program, why, wrong=tuple(wrong[:4]))


def _list_program(grade: int, chance: random.Random) -> str:
    names = ["a", "b", "c"][: min(grade + 1, 3)]
    lines = ["a = [1, 2]"]
    for index, one in enumerate(names[1:]):
        other = chance.choice(names[: index + 1])
        lines.append(f"{one} = {chance.choice([other, other, f'list({other})', f'{other}[:]'])}")
    for number in range(3, 5 + grade):
        one, other = chance.choice(names), chance.choice(names)
        ways = [
            f"{one}.append({number})",
            f"{one} += [{number}]",
            f"{one} = {one} + [{number}]",
            f"{one}[0] = {number}",
            f"{one}[:] = [{number}]",
        ]
        if other != one and number < 4 + grade:
            ways.append(f"{one} = {other}")
        lines.append(chance.choice(ways))
    return "\n".join([*lines, f"print({', '.join(names)})"]) + "\n"


def _mistaken(program: str) -> list[str]:
    """What it would print if names were copies, copies were names, and so on."""
    mistakes = (_names_copy, _copies_share, _plus_makes_new, _slice_makes_new, _new_is_same)
    right = _printed(program)
    found = []
    for one, other in itertools.combinations_with_replacement(mistakes, 2):
        seen = _printed("\n".join(other(one(line)) for line in program.splitlines()))
        if seen != right and seen not in found:
            found.append(seen)
    return found


def _names_copy(line: str) -> str:
    left, _, right = line.partition(" = ")
    return f"{left} = list({right})" if right in ("a", "b", "c") else line


def _copies_share(line: str) -> str:
    left, _, right = line.partition(" = ")
    copied = right.endswith("[:]") or right.startswith("list(")
    return f"{left} = {right.strip('list()[:]')}" if copied else line


def _plus_makes_new(line: str) -> str:
    left, plus, right = line.partition(" += ")
    return f"{left} = {left} + {right}" if plus else line


def _slice_makes_new(line: str) -> str:
    return line.replace("[:] = ", " = ")


def _new_is_same(line: str) -> str:
    left, _, right = line.partition(" = ")
    return f"{left} += {right[4:]}" if right.startswith(f"{left} + ") else line


def _printed(program: str) -> str:
    """What one of our own small programs prints; they only handle lists of numbers."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(program, "<generated>", "exec"), {})
    return out.getvalue().strip()


# --- copies --------------------------------------------------------------------------------------


def _share(name: str, grade: int, chance: random.Random) -> Question:
    ways = ["{0}", "{0}[:]", "list({0})", "copy.copy({0})", "copy.deepcopy({0})"]
    ways += ["[*{0}]", "[one for one in {0}]", "[one[:] for one in {0}]"]
    for _ in range(_TRIES):
        names = ["a", "b", "c", "d"][: min(grade + 2, 4)]
        lines = ["import copy", "", "a = [[1], [2]]"]
        for index, one in enumerate(names[1:], 1):
            lines.append(f"{one} = {chance.choice(ways).format(chance.choice(names[:index]))}")
        if grade > 1:
            lines.append(f"{chance.choice(names)}[0] = {chance.choice(names)}[1]")
        program = "\n".join(lines) + "\n"
        claims = _claims(program, names, chance)
        if claims:
            break
    else:
        raise HoopError(f"{name}: no program was found; take another seed")
    why = (
        "`b = a` shares all, a slice, `list()`, `[*a]` and `copy.copy` make a new outer list of "
        "the same inner ones, `copy.deepcopy` new ones all the way down."
    )
    options = tuple(Option(claim, claim) for claim in claims)
    return Question(name, "copies", "share", grade, program, why, options=options)


def _claims(program: str, names: list[str], chance: random.Random) -> list[str]:
    """One that is true and three that are not, or none."""
    space: dict[str, object] = {}
    exec(compile(program, "<generated>", "exec"), space)
    pairs = [(one, other) for index, one in enumerate(names) for other in names[index + 1 :]]
    texts = [f"{b} is {a}" for a, b in pairs]
    texts += [f"{b}[{i}] is {a}[{j}]" for a, b in pairs for i in (0, 1) for j in (0, 1)]
    true = [text for text in texts if eval(text, space)]
    false = [text for text in texts if text not in true]
    if not true or len(false) < 3:
        return []
    return [chance.choice(true), *chance.sample(false, 3)]


MAKERS: dict[Kind, Callable[[str, int, random.Random], Question]] = {
    "count": _count,
    "lifetime": _lifetime,
    "output": _output,
    "share": _share,
    "leak": leaks.make,
    "smaller": smaller.make,
}
