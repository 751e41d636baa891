# SPDX-License-Identifier: Apache-2.0
"""The lessons: for each a short program, NAME.py, and a page about it, NAME.md, in this folder."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from hoopsnake._errors import HoopError


@dataclass(frozen=True, slots=True)
class Lesson:
    """`sentence`: what one knows afterwards."""

    name: str
    title: str
    sentence: str

    @property
    def path(self) -> str:
        """The program's file."""
        return str(resources.files(__name__) / f"{self.name}.py")

    @property
    def program(self) -> str:
        return (resources.files(__name__) / f"{self.name}.py").read_text(encoding="ascii")

    @property
    def page(self) -> str:
        """Markdown."""
        return (resources.files(__name__) / f"{self.name}.md").read_text(encoding="ascii")


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "names",
        "Names and rebinding",
        "A name refers to an object; `=` moves the name and leaves the object as it is.",
    ),
    Lesson(
        "identity",
        "Sharing and identity",
        "Equal is not the same: when two places hold one object, a change shows in both.",
    ),
    Lesson(
        "scopes",
        "The end of a scope, and del",
        "When a call returns its names go, and with them each object that had no other reference.",
    ),
    Lesson(
        "counts",
        "Reference counts",
        "Each object counts the references to it; asking for the count is one more.",
    ),
    Lesson(
        "immortals",
        "Small integers, interned strings, immortal objects",
        "Some objects exist once and for ever, so `is` on numbers and texts tells nothing.",
    ),
    Lesson(
        "cycles",
        "Cycles and the collector",
        "Objects that refer to each other never fall to 0; the collector finds them, later.",
    ),
    Lesson(
        "weakrefs",
        "Weak references",
        "A weak reference looks at an object, and does not keep it.",
    ),
    Lesson(
        "finalizers",
        "__del__ and resurrection",
        "What runs when an object goes, how often, and what can bring it back.",
    ),
    Lesson(
        "defaults",
        "Mutable default arguments",
        "A default is made once, belongs to the function, and collects what is put into it.",
    ),
    Lesson(
        "caches",
        "Globals and caches that are never cleared",
        "What a container of a module refers to lives on until something takes it out.",
    ),
    Lesson(
        "closures",
        "Closures and late binding",
        "An inner function keeps the variables that it uses, and looks at them when it is called.",
    ),
    Lesson(
        "exceptions",
        "Exceptions and the frames they keep",
        "An exception holds its traceback, that the frames, and those all their names.",
    ),
    Lesson(
        "generators",
        "Generators instead of lists",
        "A generator holds one value at a time, and its frame for as long as it waits.",
    ),
    Lesson(
        "copies",
        "Shallow and deep copies",
        "A shallow copy is new outside and shared inside; a deep one is new as far as it goes.",
    ),
    Lesson(
        "growth",
        "How lists and dicts grow",
        "Containers take room ahead in steps, and give it back late or never.",
    ),
    Lesson(
        "slots",
        "__slots__",
        "A class that names its attributes needs no table of them in each instance.",
    ),
    Lesson(
        "pools",
        "Pools, free lists and arenas",
        "Freed memory is kept for the next objects; the system gets it back later, or never.",
    ),
    Lesson(
        "files",
        "Files, context managers and ResourceWarning",
        "A file should be closed where it was opened, and not when the last reference goes.",
    ),
)


def find(name: str) -> Lesson:
    """The lesson of that name. HoopError, with those that there are, where there is none."""
    for lesson in LESSONS:
        if lesson.name == name:
            return lesson
    known = ", ".join(lesson.name for lesson in LESSONS)
    raise HoopError(f"there is no lesson {name!r}; there are {known}")
