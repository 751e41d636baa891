# SPDX-License-Identifier: Apache-2.0
"""What advice is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hoopsnake.explain.model import Holder

Kind = Literal[
    "slots",
    "unshared-attributes",
    "dict-rows",
    "equal-values",
    "wide-text",
    "over-allocated",
    "tiny-containers",
    "boxed-numbers",
    "object-column",
    "narrow-numbers",
    "pinned-base",
    "closures",
    "bound-methods",
    "list-once",
    "text-and-data",
    "fragmentation",
]


@dataclass(frozen=True, slots=True)
class Held:
    """Objects that are held in the same way."""

    count: int
    path: str  # any index and any key in it is [*]
    holder: Holder


@dataclass(frozen=True, slots=True)
class Trial:
    """Two ways to build the same. Both are code that defines `make(count)`, which returns them."""

    before: str
    after: str
    count: int  # how many to build
    needs: str = ""  # a package


@dataclass(slots=True)
class Advice:
    """One change, and what it saves."""

    kind: Kind
    title: str
    saving: int  # bytes
    count: int  # objects that it is about
    type: str  # of them
    change: str
    example: str
    now: int = 0  # bytes that these objects take
    ids: bytes = b""  # what is claimed: numbers of objects, packed
    file: str = ""  # where the class, or the code, is
    line: int = 0
    is_library: bool = False  # not the program's own
    is_heap: bool = True  # False: of resident memory that no object has
    held: list[Held] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    trial: Trial | None = None
    unit_saving: float = 0.0  # predicted for one of `trial`

    @property
    def place(self) -> str:
        """ "jobs.py:14", or nothing."""
        if not self.file:
            return ""
        short = self.file.rsplit("/", 1)[-1]
        return f"{short}:{self.line}" if self.line else short
