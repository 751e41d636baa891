# SPDX-License-Identifier: Apache-2.0
"""Runs the rules of rules.txt on the objects of the CPython that runs this, with its own gc.

    python run_rules.py [rules.txt] [--show NAME]

Prints JSON: for each rule its name, the log, and what is wrong with it; null for a rule that this
version cannot run. Each program becomes Python text (--show prints it). How an object's end is seen
without a finalizer: see Node.
"""

from __future__ import annotations

import copy  # noqa: F401 - for the programs
import ctypes
import gc
import itertools
import json
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
VERSION = tuple(sys.version_info[:3])


# --- the file ------------------------------------------------------------------------------------


class Rule:
    """One entry of the file: fields of one line in `words`, the others in `lines`."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}

    @property
    def name(self) -> str:
        return self.words["rule"]

    @property
    def holds(self) -> bool:
        """Does this version of CPython keep it?"""
        ranges = self.words.get("python", "3-3").split(", ")
        return any(is_version_in(*range_.split("-")) for range_ in ranges)


def is_version_in(first: str, last: str) -> bool:
    """A last version of 3.13 means all of 3.13."""
    begin, end = (tuple(map(int, text.split("."))) for text in (first, last))
    return begin <= VERSION and VERSION[: len(end)] <= end


def read_rules(path: Path) -> list[Rule]:
    rules: list[Rule] = []
    field = ""
    for line in path.read_text(encoding="ascii").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  "):
            rules[-1].lines[field].append(line[2:])
            continue
        field, _, text = line.partition(":")
        if field == "rule":
            rules.append(Rule())
        if text:
            rules[-1].words[field] = text.strip()
        else:
            rules[-1].lines[field] = []
    return rules


def difference(expected: list[str], log: list[str]) -> str:
    """What is wrong with a log; "" if nothing is."""
    rest = list(log)
    for line in expected:
        is_group = line.startswith("any order: ")
        events = line.partition(": ")[2].split("; ") if is_group else [line]
        if sorted(rest[: len(events)]) != sorted(events):
            return f"expected {line!r}, got {rest[: len(events)]}"
        del rest[: len(events)]
    return f"not expected: {rest}" if rest else ""


# --- objects -------------------------------------------------------------------------------------

events: list[str] = []
bodies: dict[str, Callable[[Any], None]] = {}  # of finalizers, by the object's name
ends: dict[int, object] = {}  # weak references that log the end of a piece of code


def log(text: str) -> None:
    events.append(text)


def piece_of_code(name: str, ends_as: str) -> types.CodeType:
    """An object that the collector does not know, that may have weak references, and logs its end.

    Of the types that Python text can make, only code objects are all that.
    """
    code = compile("", "", "exec").replace(co_name=name)
    number = len(ends)
    ends[number] = weakref.ref(code, lambda _: log(f"{ends_as} freed"))
    return code


def leaf(name: str) -> types.CodeType:
    return piece_of_code(name, name)


class Node(itertools.repeat):  # type: ignore[type-arg]
    """An object with attributes, whose memory logs that it is given back.

    What an `itertools.repeat` repeats it lets go of when its memory goes, and not before: it has no
    tp_clear. Slots and dictionaries are cleared by the collector while the object is still there.
    """

    __slots__ = ("__weakref__", "name", "w", "x", "y", "z")
    name: str
    x: Node

    def __new__(cls, name: str) -> Node:
        self: Node = super().__new__(cls, piece_of_code("", name) if name else None)
        self.name = name
        return self

    def __reduce_ex__(self, _protocol: object) -> tuple[object, ...]:
        attributes = {name: getattr(self, name) for name in "wxyz" if hasattr(self, name)}
        return type(self), (f"copy of {self.name}",), (None, attributes)


class FinalizedNode(Node):
    __slots__ = ()

    def __del__(self) -> None:
        log(f"finalize {self.name}")
        bodies[self.name](self)


def name_of(thing: object) -> str:
    if isinstance(thing, weakref.ref):
        thing = thing()
    if isinstance(thing, Node):
        return thing.name
    return thing.co_name if isinstance(thing, types.CodeType) else "none"


# --- what programs call --------------------------------------------------------------------------


def chain(count: int, first: Node, last: Node) -> None:
    for _ in range(count):
        node = Node("")
        node.x = last
        last = node
    first.x = last


def loops(count: int) -> None:
    for _ in range(count):
        node = Node("")
        node.x = node


def show(place: str, thing: object) -> None:
    log(f"{place} is {name_of(thing)}")


def age(place: str, thing: object) -> None:
    for generation in range(3):
        if any(other is thing for other in gc.get_objects(generation)):
            log(f"{place} is in generation {generation}")


def log_names(things: list[Any]) -> None:
    log(" ".join(sorted(name for thing in things if (name := named(thing)))))


def named(thing: object) -> str:
    return name_of(thing) if isinstance(thing, (Node, types.CodeType)) else ""


def tell(phase: str, info: dict[str, int]) -> None:
    collected = f", {info['collected']}" if phase == "stop" else ""
    log(f"{phase} {info['generation']}{collected}")


def make_immortal(thing: object) -> None:
    ctypes.c_uint32.from_address(id(thing)).value = 0xFFFFFFFF if VERSION < (3, 14) else 3 << 30


def report(unraisable: Any) -> None:
    log(f"error {unraisable.exc_value}")


# --- from a program to Python --------------------------------------------------------------------

GC_CALLS = ("freeze", "unfreeze", "enable", "disable")


class Translation:
    """Python text that does what a program says; variables are globals."""

    def __init__(self, program: list[str]) -> None:
        self.text: list[str] = []
        self._functions = 0
        self._variables = variables_of(program)
        self._block(program, 0, 0)

    def _block(self, lines: list[str], start: int, depth: int) -> int:
        """The lines from `start` that are indented to `depth` at least; returns where they end."""
        at = start
        while at < len(lines) and indent_of(lines[at]) >= depth:
            words = lines[at].split()
            at += 1
            if words[-2:-1] != ["with"]:
                self._add(depth, statement(words))
                continue
            self._functions += 1
            function = f"function_{self._functions}"
            at = self._function(function, words, lines, at, depth + 2)
            self._add(depth, statement_with(words, function))
        return at

    def _function(
        self, name: str, words: list[str], lines: list[str], start: int, depth: int
    ) -> int:
        is_finalizer = words[-1] == "finalizer"
        self._add(depth - 2, f"def {name}({'self' if is_finalizer else '_'}):")
        self._add(depth, f"global {', '.join(self._variables)}")
        if not is_finalizer:
            self._add(depth, f"log({'callback ' + words[1]!r})")
        return self._block(lines, start, depth)

    def _add(self, depth: int, text: str) -> None:
        self.text.append(" " * depth + text)


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip())


def variables_of(program: list[str]) -> list[str]:
    found: set[str] = set()
    for line in program:
        words = line.split(" with ")[0].split()
        if words[0] in ("make", "leaf", "drop"):
            found.update(words[1:])
        elif words[1:2] == ["="]:
            found.add(words[0])
        elif words[0] in ("weak", "copy", "deepcopy"):
            found.add(words[1])
    return sorted(place for place in found if "." not in place)


def value(place: str) -> str:
    """An expression that is None where nothing is."""
    name, *attributes = place.split(".")
    text = name if name == "self" else f"globals().get({name!r})"
    for attribute in attributes:
        text = f"getattr({text}, {attribute!r}, None)"
    return text


def with_names(function: str, words: list[str]) -> str:
    return "; ".join(f"{function}({word!r}, {value(word)})" for word in words)


def statement_with(words: list[str], function: str) -> str:
    """A statement that ends in "with finalizer" or "with callback"."""
    if words[0] == "make":
        return f"bodies[{words[1]!r}] = {function}; {words[1]} = FinalizedNode({words[1]!r})"
    return f"{words[1]} = weakref.ref({words[3]}, {function})"


def statement(words: list[str]) -> str:
    verb, rest = words[0], words[1:]
    text = " ".join(rest)
    if words[1:2] == ["="]:
        return f"{verb} = {words[2]}"
    if verb in GC_CALLS:
        return f"gc.{verb}()"
    return SIMPLE[verb](rest, text)


SIMPLE: dict[str, Callable[[list[str], str], str]] = {
    "make": lambda names, _: "; ".join(f"{name} = Node({name!r})" for name in names),
    "leaf": lambda names, _: f"{names[0]} = leaf({names[0]!r})",
    "chain": lambda words, _: (
        f"{words[1]} = Node({words[1]!r}); {words[2]} = Node({words[2]!r}); "
        f"chain({', '.join(words)})"
    ),
    "loops": lambda _, text: f"loops({text})",
    "drop": lambda places, _: f"del {', '.join(places)}",
    "weak": lambda words, _: f"{words[0]} = weakref.ref({words[2]})",
    "copy": lambda words, _: f"{words[0]} = copy.copy({words[2]})",
    "deepcopy": lambda words, _: f"{words[0]} = copy.deepcopy({words[2]})",
    "show": lambda places, _: with_names("show", places),
    "same": lambda places, _: (
        f"log('{places[0]} is ' + ('' if {places[0]} is {places[1]} else 'not ') + '{places[1]}')"
    ),
    "log": lambda _, text: f"log({text!r})",
    "raise": lambda _, text: f"raise RuntimeError({text!r})",
    "collect": lambda _, text: f"gc.collect({text})",
    "collected": lambda _, text: f"log(f'collected {{gc.collect({text})}}')",
    "watch": lambda *_: "gc.callbacks.append(tell)",
    "immortal": lambda _, text: f"make_immortal({text})",
    "tracked": lambda _, text: (
        f"log('{text} is ' + ('' if gc.is_tracked({text}) else 'not ') + 'tracked')"
    ),
    "age": lambda places, _: with_names("age", places),
    "referents": lambda words, _: f"log_names(gc.get_referents({words[1]}))",
    "referrers": lambda words, _: f"log_names(gc.get_referrers({words[1]}))",
    "garbage": lambda *_: "log(f'garbage {len(gc.garbage)}')",
}


# --- running -------------------------------------------------------------------------------------


def run(rule: Rule) -> list[str]:
    """The log of a rule's program."""
    code = compile("\n".join(Translation(rule.lines["do"]).text), rule.name, "exec")
    variables = dict(globals())
    gc.collect()
    events.clear()
    try:
        exec(code, variables)
        return list(events)
    finally:
        gc.callbacks.clear()
        gc.disable()
        gc.unfreeze()
        bodies.clear()
        variables.clear()
        gc.collect()


def verdicts(rules: list[Rule]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    for rule in rules:
        expected = rule.lines.get("log" if rule.holds else "log of others")
        if expected is None:
            yield rule.name, None
            continue
        found = run(rule)
        yield rule.name, {"log": found, "wrong": difference(expected, found)}


def main(words: list[str]) -> None:
    rules = read_rules(HERE / "rules.txt")
    if words[:1] == ["--show"]:
        for rule in rules:
            if rule.name == words[1]:
                print("\n".join(Translation(rule.lines["do"]).text))
        return
    gc.disable()
    sys.unraisablehook = report
    json.dump(dict(verdicts(rules)), sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
