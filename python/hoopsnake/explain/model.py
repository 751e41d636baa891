# SPDX-License-Identifier: Apache-2.0
"""What an explanation is made of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Verdict = Literal["grows", "bounded", "delayed", "held-from-c", "large", "environment"]
Confidence = Literal["high", "medium", "low"]

# Verdicts that somebody should do something about.
ALARMS: tuple[Verdict, ...] = ("grows", "bounded", "delayed", "held-from-c")

_LINE = re.compile(r":\d+\b")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(frozen=True, slots=True)
class Holder:
    """The one thing to blame. `name` as a developer would write it; `path` from a root."""

    name: str
    kind: str
    path: str
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """ "jobs.py:14", or nothing."""
        if not self.file:
            return ""
        short = self.file.rsplit("/", 1)[-1]
        return f"{short}:{self.line}" if self.line else short


@dataclass(frozen=True, slots=True)
class Growth:
    """How many, and how many bytes, in each of the snapshots."""

    counts: tuple[int, ...]
    retained: tuple[int, ...]
    seconds: tuple[float, ...]  # since the first

    @property
    def rises(self) -> int:
        return sum(after > before for before, after in pairwise(self.counts))

    @property
    def per_hour(self) -> float:
        """Bytes an hour, from the first snapshot to the last; 0 where no time went by."""
        passed = self.seconds[-1] - self.seconds[0]
        return (self.retained[-1] - self.retained[0]) * 3600 / passed if passed > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Suspect:
    """Memory that stays, and why."""

    verdict: Verdict
    sentence: str
    holder: Holder
    type: str  # of what is kept
    count: int
    bytes: int
    fix: str
    confidence: Confidence = "medium"
    growth: Growth | None = None
    evidence: list[str] = field(default_factory=list)
    weight: float = 0.0  # those with more come first
    container: int = 0  # address of what has the entries
    # The path, for pictures: how each object is referred to, and what it is.
    chain: list[tuple[str, str]] = field(default_factory=list)

    @property
    def signature(self) -> str:
        """Equal for the same fault in another run, whatever lines have moved."""
        kind = re.sub(r"'[^']*'", "'*'", self.holder.path)
        text = _NUMBER.sub("*", _LINE.sub("", kind))
        whole = f"{self.verdict}|{self.holder.kind}|{self.type}|{text}"
        return hashlib.sha256(whole.encode()).hexdigest()[:12]

    @property
    def is_alarm(self) -> bool:
        return self.verdict in ALARMS
