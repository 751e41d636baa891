# SPDX-License-Identifier: Apache-2.0
"""Code and words that several rules need."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from hoopsnake.explain.places import short_name

_MOST_NAMES = 6


def bare(name: str) -> str:
    """The last part of a dotted name, as a class statement has it."""
    return short_name(name).rpartition(".")[2]


def quoted_names(names: Sequence[str]) -> str:
    """`"a", "b", ...`: all of them where they are few."""
    shown = ", ".join(f'"{name}"' for name in names[:_MOST_NAMES])
    return shown + (", ..." if len(names) > _MOST_NAMES else "," if len(names) == 1 else "")


def identifiers(names: Sequence[str]) -> list[str]:
    """Names of attributes for keys of dicts."""
    return [
        name if name.isidentifier() and not keyword.iskeyword(name) else f"field_{number}"
        for number, name in enumerate(names)
    ]


def plain_class(count: int) -> str:
    """A class with so many attributes, and `make` for it."""
    body = "".join(f"        self.a{i} = None\n" for i in range(count)) or "        pass\n"
    return (
        f"class C:\n    def __init__(self):\n{body}\n\n"
        "def make(count):\n    return [C() for _ in range(count)]\n"
    )


def dict_class(count: int) -> str:
    """Its instances have dicts with keys of their own."""
    items = ", ".join(f'"a{i}": None' for i in range(count))
    return (
        "class C:\n    def __init__(self):\n"
        f"        self.__dict__ = {{{items}}}\n\n\n"
        "def make(count):\n    return [C() for _ in range(count)]\n"
    )


def asked_class(count: int) -> str:
    """Its instances have been asked for their dicts."""
    return (
        plain_class(count).replace("    return [C()", "    made = [C()")
        + "    for one in made:\n        one.__dict__\n    return made\n"
    )


def slotted_class(count: int, *, weak: bool = False) -> str:
    names = ", ".join([f'"a{i}"' for i in range(count)] + (['"__weakref__"'] if weak else []))
    body = "".join(f"        self.a{i} = None\n" for i in range(count)) or "        pass\n"
    return (
        f"class C:\n    __slots__ = ({names},)\n\n    def __init__(self):\n{body}\n\n"
        "def make(count):\n    return [C() for _ in range(count)]\n"
    )


def dict_maker(count: int) -> str:
    items = ", ".join(f'"a{i}": None' for i in range(count))
    return f"def make(count):\n    return [{{{items}}} for _ in range(count)]\n"
