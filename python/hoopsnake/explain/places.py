# SPDX-License-Identifier: Apache-2.0
"""Holders in the words of a developer: "default argument `seen` of `visit`, crawl.py:31"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hoopsnake.explain.model import Holder
from hoopsnake.heap.layouts import FRAMES, Layout
from hoopsnake.heap.model import kind_name
from hoopsnake.heap.snapshot import Snapshot

WEAK_MAPPINGS = (
    "weakref.WeakKeyDictionary",
    "weakref.WeakValueDictionary",
    "weakref.WeakSet",
    "_weakrefset.WeakSet",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One object on a path, and how the one before it refers to it."""

    id: int
    kind: str  # "" at a root
    text: str
    layout: int
    type: str


@dataclass(slots=True)
class Place:
    """A holder: where its path begins to be its own, and what lies on the rest of it."""

    steps: list[Step]
    path: str
    kind: str = "attribute"
    name: str = ""
    file: str = ""
    line: int = 0
    through: set[str] = field(default_factory=set)  # kinds of objects on the whole path
    bound: int | None = None  # of an lru_cache
    owner: Step | None = None  # the function, class or module that it belongs to

    @property
    def holder(self) -> Holder:
        return Holder(self.name, self.kind, self.path, self.file, self.line)

    @property
    def is_working_data(self) -> bool:
        """Of a function that runs: it goes when the function ends."""
        return self.kind == "local variable"


def steps_to(snapshot: Snapshot, number: int) -> list[Step]:
    steps: list[Step] = []
    for one, kind, text in snapshot.core.path_steps(number):
        row = snapshot.type_of(one)
        steps.append(Step(one, "" if kind is None else kind_name(kind), text, row.layout, row.name))
    return steps


def place_of(snapshot: Snapshot, number: int) -> Place:
    """The holder that an object is, or is a part of."""
    steps = steps_to(snapshot, number)
    place = Place(steps, snapshot.core.path(number))
    place.through = _through(steps)
    for at in range(len(steps) - 1, -1, -1):
        if _anchor(snapshot, place, at):
            break
    if steps and steps[-1].layout == Layout.DEQUE:
        label = snapshot.core.label(steps[-1].id)
        place.bound = label[4] - 1 if label and label[4] else None
    if not place.name:
        place.name = f"`{plain(place.path)}`"
    return place


def _through(steps: list[Step]) -> set[str]:
    """What lies on the path, in words that fixes are looked up by."""
    found = {_LAYOUT_WORDS[step.layout] for step in steps if step.layout in _LAYOUT_WORDS}
    return found | {step.type.rpartition(".")[2] for step in steps if step.type in WEAK_MAPPINGS}


_LAYOUT_WORDS: dict[int, str] = {Layout.TRACEBACK: "traceback", Layout.THREAD: "thread"}


def _anchor(snapshot: Snapshot, place: Place, at: int) -> bool:
    """Whether the path begins to be its own at this step; if so, the place is named."""
    steps = place.steps
    step = steps[at]
    before = steps[at - 1] if at else None
    if before is None:
        return _root(place, step)
    if step.layout == Layout.LRU_CACHE:
        return _cache(snapshot, place, step)
    if before.layout == Layout.LRU_CACHE:
        return _cache(snapshot, place, before)
    if step.kind == "cell":
        return _function_part(snapshot, place, before, "closure cell", at)
    if _is_default(steps, at):
        return _function_part(snapshot, place, steps[at - 2], "default argument", at)
    if step.kind == "local" and before.layout in FRAMES:
        return _local(snapshot, place, _whose_frame(steps, at - 1), at)
    if step.type.startswith("hamt") or step.layout == Layout.CONTEXT:
        return _context(snapshot, place)
    if before.layout == Layout.INTERPRETER and step.kind in ("attribute", "field"):
        return _interpreter_part(place, step)
    if _is_class(steps, at):
        return _class_attribute(snapshot, place, at)
    if step.layout == Layout.MODULE:
        return _module_attribute(snapshot, place, at)
    return False


def _whose_frame(steps: list[Step], at: int) -> Step:
    """Before 3.11 a coroutine or a generator has an object for its frame: the frame is its own."""
    frame, before = steps[at], steps[at - 1]
    is_its_own = frame.layout == Layout.FRAME and before.layout == Layout.GENERATOR
    return before if at and is_its_own else frame


def _is_default(steps: list[Step], at: int) -> bool:
    if at < 2 or steps[at].kind not in ("item", "value"):
        return False
    return steps[at - 1].text in (".__defaults__", ".__kwdefaults__")


def _is_class(steps: list[Step], at: int) -> bool:
    return steps[at].layout == Layout.TYPE and at + 1 < len(steps)


def plain(path: str) -> str:
    """A path without the part that says where a phrase begins."""
    return path.removeprefix("<interpreter>.")


def _tail(path: str) -> str:
    """What follows the phrase: "closure cell `data` of f: data[3]" has "data[3]"."""
    return path.partition(": ")[2]


def _function_part(snapshot: Snapshot, place: Place, function: Step, kind: str, at: int) -> bool:
    phrase = place.path.partition(": ")[0]
    variable = re.search(r"`([^`]*)`", phrase)
    place.kind = kind
    place.owner = function
    name = snapshot.core.own_name(function.id) or "a function"
    place.name = f"{kind} `{variable[1] if variable else '?'}` of `{short_name(name)}`"
    place.file, place.line = function_place(snapshot, function.id)
    tail = _tail(place.path)
    if tail and at + 1 < len(place.steps):
        place.name += f" (`{tail}`)"
    return True


def _local(snapshot: Snapshot, place: Place, frame: Step, at: int) -> bool:
    label = snapshot.core.label(frame.id)
    variable = place.steps[at].text.removeprefix(".")
    suspended = frame.layout == Layout.GENERATOR
    place.kind = "suspended frame" if suspended else "local variable"
    if frame.type == "coroutine":
        place.kind = "coroutine"
    if frame.layout == Layout.FRAME and not runs(label):
        place.kind = "kept frame"
    place.owner = frame
    function = (label[1] or label[0]) if label else "a frame"
    where = {
        "suspended frame": "suspended ",
        "coroutine": "the coroutine ",
        "kept frame": "the kept frame of ",
        "local variable": "",
    }[place.kind]
    place.name = f"local `{variable}` of {where}`{short_name(function)}`"
    if (
        place.kind == "local variable"
        and "thread" in place.through
        and not _is_main(snapshot, place)
    ):
        place.name += " in a running thread"
        place.kind = "running thread"
    if label:
        place.file, place.line = label[2], label[3]
    tail = _tail(place.path)
    if tail and at + 1 < len(place.steps):
        place.name += f" (`{tail}`)"
    return True


def runs(label: tuple[str, str, str, int, int] | None) -> bool:
    """Of a frame: it is being executed."""
    return label is not None and label[4] == 0


def _is_main(snapshot: Snapshot, place: Place) -> bool:
    label = snapshot.core.label(place.steps[0].id)
    return label is not None and label[4] == snapshot.pid


def _cache(snapshot: Snapshot, place: Place, cache: Step) -> bool:
    name = snapshot.core.own_name(cache.id)
    function = next(
        (one for _, _, text, one in snapshot.core.referents(cache.id) if text == ".__wrapped__"),
        None,
    )
    if function is None:
        function = next(
            (
                one
                for _, _, _, one in snapshot.core.referents(cache.id)
                if snapshot.layout_of(one) == Layout.FUNCTION
            ),
            None,
        )
    if function is not None:
        name = snapshot.core.own_name(function)
        place.file, place.line = function_place(snapshot, function)
    label = snapshot.core.label(cache.id)
    place.bound = label[4] - 1 if label and label[4] else None
    place.kind = "lru_cache"
    place.owner = cache
    bound = "unbounded" if place.bound is None else f"bounded at {place.bound:,}"
    place.name = f"`lru_cache` on `{short_name(name or 'a function')}` ({bound})"
    return True


def _context(snapshot: Snapshot, place: Place) -> bool:
    place.kind = "context"
    place.name = "the current `contextvars` context"
    if not place.path.startswith(("a thread", "thread")):
        own = [step.id for step in place.steps if step.layout == Layout.CONTEXT]
        path = plain(snapshot.core.path(own[-1]) if own else place.path)
        place.name = f"the `contextvars` context in {path if '`' in path else f'`{path}`'}"
    return True


_INTERPRETER_WORDS = {
    "atexit.register": ("atexit", "the `atexit` callbacks"),
    "os.register_at_fork": ("fork hooks", "the hooks of `os.register_at_fork`"),
    "signal handlers": ("signal handlers", "the handlers of signals"),
    "sys.addaudithook": ("audit hooks", "the hooks of `sys.addaudithook`"),
}


def _interpreter_part(place: Place, step: Step) -> bool:
    what = step.text.removeprefix(".")
    for word, (kind, name) in _INTERPRETER_WORDS.items():
        if word in what:
            place.kind, place.name = kind, name
            return True
    if "codec" in what:
        place.kind, place.name = "codec registry", f"the interpreter's {what.split(':')[0]}"
        return True
    if "modules" in what:
        place.kind, place.name = "sys.modules", "`sys.modules`"
        return True
    if what.startswith("sys") or what == "builtins":
        return False
    place.kind = "interpreter"
    place.name = f"the interpreter ({what})"
    return True


def _class_attribute(snapshot: Snapshot, place: Place, at: int) -> bool:
    step = place.steps[at]
    place.kind = "class attribute"
    place.owner = step
    place.name = f"class attribute `{plain(place.path)}`"
    after = [one for one in place.steps[at + 1 :] if one.kind not in ("dict",)]
    if len(after) > 1 and any(one.layout == Layout.INSTANCE for one in after[:-1]):
        place.name = f"`{plain(place.path)}`"
    place.file, place.line = class_place(snapshot, step.id)
    return True


def _module_attribute(snapshot: Snapshot, place: Place, at: int) -> bool:
    step = place.steps[at]
    if at + 1 == len(place.steps):
        return False
    label = snapshot.core.label(step.id)
    place.owner = step
    rest = [one for one in place.steps[at + 1 :] if one.text not in (".__dict__",)]
    last = place.steps[-1]
    place.kind = "module attribute" if len(rest) <= 2 else "attribute"
    what = last.type.rpartition(".")[2]
    if len(rest) <= 1 or not _in_instance(rest):
        place.name = f"module-level {what} `{plain(place.path)}`"
        place.kind = "module attribute"
    else:
        owner = next(one for one in reversed(rest[:-1]) if one.layout == Layout.INSTANCE)
        place.name = f"{what} `{plain(place.path)}` (attribute of a `{short_name(owner.type)}`)"
        place.kind = "instance attribute"
        place.file, place.line = class_place(snapshot, type_object(snapshot, owner.id))
        return True
    if label:
        place.file = label[2]
    return True


def _in_instance(steps: list[Step]) -> bool:
    return any(one.layout == Layout.INSTANCE for one in steps[:-1])


def _root(place: Place, step: Step) -> bool:
    if step.layout == Layout.THREAD:
        place.kind, place.name = "thread", f"`{plain(place.path)}`"
        if "dict of the thread" in place.path:
            place.kind = "thread-local"
            place.name = "`threading.local` values of a thread"
        elif place.path.startswith("being computed"):
            place.kind = "local variable"  # of no name: on the stack
        return True
    place.name = f"`{plain(place.path)}`"
    return True


def is_installed(snapshot: Snapshot, number: int) -> bool:
    """A module of an installed package."""
    label = snapshot.core.label(number)
    is_module = snapshot.layout_of(number) == Layout.MODULE
    return is_module and label is not None and _INSTALLED.search(label[2]) is not None


_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]")


def short_name(name: str) -> str:
    """`__main__.f` is f to who wrote it."""
    return name.removeprefix("__main__.")


def function_place(snapshot: Snapshot, number: int) -> tuple[str, int]:
    """File and line of a function, or of what it wraps."""
    for kind, _, text, target in snapshot.core.referents(number):
        if text == ".__code__" and kind_name(kind) == "attribute":
            label = snapshot.core.label(target)
            return (label[2], label[3]) if label else ("", 0)
    return "", 0


def type_object(snapshot: Snapshot, instance: int) -> int:
    row = snapshot.type_of(instance)
    found = snapshot.core.find(row.address) if row.address else None
    return -1 if found is None else found


def class_place(snapshot: Snapshot, number: int) -> tuple[str, int]:
    """File and line of a class: of its first method, as classes do not know their own line."""
    if number < 0:
        return "", 0
    lines: list[tuple[str, int]] = []
    for _, _, text, namespace in snapshot.core.referents(number):
        if text != ".__dict__":
            continue
        for _, _, _, value in snapshot.core.referents(namespace):
            if snapshot.layout_of(value) == Layout.FUNCTION:
                found = function_place(snapshot, value)
                if found[0]:
                    lines.append(found)
    return min(lines, key=lambda one: one[1]) if lines else ("", 0)
