# SPDX-License-Identifier: Apache-2.0
"""Looks at a running job from outside: its resident memory over time, and which pages are there."""

from __future__ import annotations

import ast
import os
import select
import subprocess
import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

PAGE = os.sysconf("SC_PAGE_SIZE")
PRESENT = 1 << 63
SAMPLE_SECONDS = 0.01
# Leading ranges that only warm the recording up (see job.py).
WARM_UP_RANGES = 5

PageSet = set[int]


@dataclass
class Observation:
    """Bytes, but for `timeline` (seconds since the base, bytes) and the page counts.

    `empty` are the pages that held blocks of the scenario's at the peak and hold none of them now;
    `returned` are those of them that the process no longer has.
    """

    rss: dict[str, int] = field(default_factory=dict)
    timeline: list[tuple[float, int]] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    empty_pages: int = 0
    returned_pages: dict[str, int] = field(default_factory=dict)
    heap: Mapping[str, float] | None = None

    def returned_share(self, mark: str) -> float:
        return self.returned_pages[mark] / self.empty_pages if self.empty_pages else 1.0

    def ideal_rss(self) -> int:
        """RSS after the drop, had every empty page been given back."""
        kept = self.empty_pages - self.returned_pages["after"]
        return self.rss["after"] - kept * PAGE


def exact_rss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no Rss in smaps_rollup")


def quick_rss(pid: int) -> int:
    """Cheap, and off by some pages: for the timeline only."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE


def anonymous_pages(pid: int) -> list[tuple[int, int]]:
    """Page ranges of mappings that no file is behind."""
    ranges = []
    for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
        span, _, _, _, inode, *_ = line.split(maxsplit=5)
        if inode == "0":
            start, end = (int(number, 16) for number in span.split("-"))
            ranges.append((start // PAGE, end // PAGE))
    return ranges


def pages_of(ranges: Sequence[int]) -> PageSet:
    """Pages that the (start, bytes) pairs touch."""
    pages: PageSet = set()
    for start, count in zip(ranges[::2], ranges[1::2], strict=True):
        first, last = start // PAGE, (start + count - 1) // PAGE
        pages.add(first)
        if last != first:
            pages.update(range(first + 1, last + 1))
    return pages


def within(pages: PageSet, spans: list[tuple[int, int]]) -> PageSet:
    kept: PageSet = set()
    ordered = sorted(pages)
    index = 0
    for first, end in sorted(spans):
        while index < len(ordered) and ordered[index] < first:
            index += 1
        while index < len(ordered) and ordered[index] < end:
            kept.add(ordered[index])
            index += 1
    return kept


def runs(pages: PageSet) -> list[tuple[int, int]]:
    """Neighbouring pages as (first, end)."""
    found: list[tuple[int, int]] = []
    for page in sorted(pages):
        if found and found[-1][1] == page:
            found[-1] = (found[-1][0], page + 1)
        else:
            found.append((page, page + 1))
    return found


def absent(pid: int, pages: PageSet) -> PageSet:
    """Those of the pages for which the process has no memory."""
    gone: PageSet = set()
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for first, end in runs(pages):
            entries = array("Q")
            entries.frombytes(os.pread(pagemap.fileno(), (end - first) * 8, first * 8))
            gone.update(first + index for index, entry in enumerate(entries) if not entry & PRESENT)
            gone.update(range(first + len(entries), end))  # no longer mapped
    return gone


class Watch:
    """Drives one job through its marks."""

    def __init__(
        self, argv: list[str], environment: dict[str, str], core: int, record: Path
    ) -> None:
        self._record = record
        self._process = subprocess.Popen(
            [*argv, str(record)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        self._start = 0.0
        self._peak_pages: PageSet = set()
        self._gone: dict[str, PageSet] = {}
        self.observation = Observation()

    def run(self) -> Observation:
        output = self._pipe(self._process.stdout)
        while line := self._next_line(output):
            word, _, rest = line.partition(" ")
            if word == "result":
                self._finish(rest)
            else:
                self._at_mark(word)
                os.write(self._pipe(self._process.stdin).fileno(), b"\n")
        status = self._process.wait()
        if status != 0 or "after" not in self._gone:
            raise RuntimeError(f"exit status {status}")
        return self.observation

    def _next_line(self, output: IO[bytes]) -> str:
        while not select.select([output], [], [], SAMPLE_SECONDS)[0]:
            self._sample()
        return output.readline().decode()[:-1]

    def _sample(self) -> None:
        if self._start:
            now = time.monotonic() - self._start
            self.observation.timeline.append((now, quick_rss(self._process.pid)))

    def _at_mark(self, name: str) -> None:
        pid = self._process.pid
        if name == "base":
            self._start = time.monotonic()
        self.observation.marks[name] = time.monotonic() - self._start
        self._sample()
        self.observation.rss[name] = exact_rss(pid)
        if name == "recorded":
            ranges = self._recorded()[WARM_UP_RANGES * 2 :]
            self._peak_pages = within(pages_of(ranges), anonymous_pages(pid))
        elif name in ("dropped", "after", "active"):
            self._gone[name] = absent(pid, self._peak_pages)

    def _finish(self, rest: str) -> None:
        count, _, figures = rest.partition(" ")
        self.observation.heap = ast.literal_eval(figures)
        survivors = pages_of(self._recorded()[(WARM_UP_RANGES + int(count)) * 2 :])
        empty = self._peak_pages - survivors
        self.observation.empty_pages = len(empty)
        for name, gone in self._gone.items():
            self.observation.returned_pages[name] = len(gone & empty)

    def _recorded(self) -> array[int]:
        ranges: array[int] = array("Q")
        ranges.frombytes(self._record.read_bytes())
        return ranges

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe
