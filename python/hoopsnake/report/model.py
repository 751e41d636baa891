# SPDX-License-Identifier: Apache-2.0
"""A run as the report sees it. Sizes are bytes and times nanoseconds, unless a name says otherwise.

Everything here is what processes wrote about themselves: whole when they ended by themselves, and
only samples when they were killed. `readers` makes these out of files and never trusts one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be used. `place` is an offset or the name of a field."""

    file: str
    place: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.place}" if self.place else self.file
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process while it ran. All but the first two sizes only ever grow.

    `heap_held` is what the heap had taken from the system, live blocks or not.
    """

    at: int
    rss: int
    heap_held: int
    heap_returned: int
    collections: int
    collection_time: int


class LiveState(Enum):
    """What a process last said of itself in its sample file."""

    RUNNING = 1
    FINISHED = 2
    PASSIVE = 3
    LEFT = 4


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A `.live` file: kept up to date while the process runs, so it outlives a kill."""

    pid: int
    parent: int
    started_unix_ns: int
    python: str
    state: LiveState
    peak_rss: int
    peak_at: int
    program: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """Live blocks of one Python type."""

    name: str
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Peak:
    """The last look at what the heap consists of, taken each time it has grown by a third.

    It is thus somewhat before the peak; types are estimates when `sampled`.
    """

    at: int
    rss: int
    heap_held: int
    types: tuple[TypeFigures, ...]
    sampled: bool


@dataclass(frozen=True, slots=True)
class HeapFigures:
    """The heap at the end; the fields are those of `hoopsnake.Stats`."""

    reserved: int
    committed: int
    in_use: int
    free_resident: int
    free_returned: int
    metadata: int
    direct: int
    huge_pages: int
    returned_total: int
    trim_time: int
    live_blocks: int
    fragmentation: float


@dataclass(frozen=True, slots=True)
class SizeClass:
    """Blocks of one size and domain. For blocks that are not kept by size, the mean of theirs."""

    domain: str
    size: int
    live: int
    free: int
    slabs: int


@dataclass(frozen=True, slots=True)
class Generation:
    """The cycle collector's work on one generation."""

    number: int
    collections: int
    time: int
    longest: int
    collected: int


@dataclass(frozen=True, slots=True)
class PauseCount:
    """Stops by garbage collections of about one length: at most `up_to`, or longer if that is 0.

    By CPython's collections of young objects, by its full ones, and by Hoopsnake.
    """

    up_to: int
    young: int
    full: int
    hoop: int


@dataclass(frozen=True, slots=True)
class FullCollection:
    """One full collection that Hoopsnake did; the fields are those of `hoopsnake.Collection`."""

    at: int
    trigger: str
    mode: str
    outcome: str
    reason: str | None
    pause: int
    search: int
    judging: int
    longest_judging: int
    batches: int
    objects: int
    candidates: int
    components: int
    largest_component: int
    freed: int
    died: int
    untracked: int
    survived: int


class Collector(Enum):
    """Who does full collections: Hoopsnake in one of two ways, or CPython, as asked for or not."""

    CONCURRENT = "concurrent"
    IN_PLACE = "inplace"
    STOCK = "stock"
    PASSIVE = "passive"


@dataclass(frozen=True, slots=True)
class CollectorFigures:
    """Hoopsnake's full collections, in sum.

    `objects` is the largest number that one of them looked at. What was found (`candidates`) was
    `freed`, or had `died` by itself, was `untracked` by then, or `survived`: proved to be alive.
    Of the pauses each takes a copy or is a search in place; judging has stops of its own. `recent`
    are the last ones, oldest first.
    """

    mode: Collector
    reason: str | None
    collections: int
    concurrent: int
    in_place: int
    failed: int
    discarded: int
    objects: int
    candidates: int
    freed: int
    died: int
    untracked: int
    survived: int
    longest_pause: int
    longest_judging: int
    total_pause: int
    total_search: int
    total_judging: int
    pauses: tuple[PauseCount, ...]
    recent: tuple[FullCollection, ...]


@dataclass(frozen=True, slots=True)
class Lateness:
    """How many were not closed in time; `longest` is from the last use that is known."""

    count: int = 0
    longest: int = 0


@dataclass(frozen=True, slots=True)
class OpenedPlace:
    """A line of the program that opened something which it did not close in time.

    Of what it `opened`, some was closed by the finalizer, some by the program but long after its
    last use, some not at all; `holder` is who holds one of those. `file` is None where the place
    was not seen.
    """

    kind: str
    type: str | None
    file: str | None
    line: int
    function: str | None
    opened: int
    finalized: Lateness
    late: Lateness
    left: Lateness
    holder: str | None


@dataclass(frozen=True, slots=True)
class RssPart:
    """One line of the account of resident memory."""

    what: str
    size: int


class Ending(Enum):
    """How a process ended by its own account, which where we stay out is written at the start."""

    NORMAL = "normal"
    AT_ONCE = "_exit"
    REPLACED = "exec"
    UNKNOWN = "running"


@dataclass(frozen=True, slots=True)
class FinalFile:
    """A process's own account at its end."""

    pid: int
    parent: int
    image: int
    python: str
    arguments: tuple[str, ...]
    active: bool
    reason: str | None
    ending: Ending
    wall: int
    cpu_user: int
    cpu_system: int
    peak_rss: int
    final_rss: int
    peak: Peak | None
    heap: HeapFigures | None
    classes: tuple[SizeClass, ...]
    types: tuple[TypeFigures, ...]
    generations: tuple[Generation, ...]
    collector: CollectorFigures | None
    rss: tuple[RssPart, ...]
    opened: tuple[OpenedPlace, ...] = ()
    opened_unseen: int = 0


class State(Enum):
    """What has become of a process, in the report's words."""

    FINISHED = "finished"
    AT_ONCE = "finished (by _exit)"
    REPLACED = "became another program"
    RUNNING = "still running"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Process:
    """One exec image of one process: its final file, its sample file, or both."""

    pid: int
    image: int
    state: State
    live: LiveFile | None
    final: FinalFile | None

    @property
    def active(self) -> bool:
        """Whether Hoopsnake's heap served it."""
        if self.final:
            return self.final.active
        return self.live is not None and self.live.state is not LiveState.PASSIVE

    @property
    def reason(self) -> str | None:
        return self.final.reason if self.final else None

    @property
    def parent(self) -> int:
        either = self.final or self.live
        return either.parent if either else 0

    @property
    def python(self) -> str:
        either = self.final or self.live
        return either.python if either else ""

    @property
    def program(self) -> tuple[str, ...]:
        if self.final and self.final.arguments:
            return self.final.arguments
        return tuple(self.live.program.split(" ")) if self.live and self.live.program else ()

    @property
    def wall(self) -> int:
        if self.final:
            return self.final.wall
        return self.samples[-1].at if self.samples else 0

    @property
    def peak_rss(self) -> int:
        # The kernel counts the two figures in different ways: the second can be a little larger.
        found = [self.final.peak_rss, self.final.final_rss] if self.final else []
        if self.live:
            found += [self.live.peak_rss, *(sample.rss for sample in self.live.samples)]
        return max(found, default=0)

    @property
    def peak_at(self) -> int:
        """When resident memory was largest; 0 if nobody looked."""
        if self.live and self.live.peak_at:
            return self.live.peak_at
        return self.final.peak.at if self.final and self.final.peak else 0

    @property
    def heap_at_peak(self) -> int:
        """What the heap held when resident memory was largest."""
        largest = max(self.samples, key=lambda sample: sample.rss, default=None)
        if largest:
            return largest.heap_held
        return self.final.peak.heap_held if self.final and self.final.peak else 0

    def types_at_peak(self) -> dict[str, int]:
        """Bytes of the largest types at the peak: as at the last look, grown as the heap grew."""
        peak = self.final.peak if self.final else None
        if peak is None or not peak.heap_held:
            return {}
        growth = self.heap_at_peak / peak.heap_held
        return {figures.name: round(figures.size * growth) for figures in peak.types}

    @property
    def samples(self) -> tuple[Sample, ...]:
        return self.live.samples if self.live else ()

    @property
    def started_unix_ns(self) -> int:
        return self.live.started_unix_ns if self.live else 0


@dataclass(frozen=True, slots=True)
class RunFile:
    """run.json: what `hoop run` was asked for. `warned`: it said itself that there is no agent."""

    arguments: tuple[str, ...]
    program: tuple[str, ...]
    directory: str | None
    started: float
    root_pid: int
    python: str
    report_file: str | None
    json_file: str | None
    quiet: bool
    explain: str | None  # where the snapshots are
    warned: bool


@dataclass(frozen=True, slots=True)
class Run:
    """One `hoop run`. `root` is None when the program itself was no Python that we know.

    `others` are all further processes and exec images, oldest first; `left_out` came after so many
    that they left no files.
    """

    path: str
    about: RunFile | None
    root: Process | None
    others: tuple[Process, ...]
    problems: tuple[Problem, ...] = field(default=())
    left_out: int = 0

    @property
    def descendants(self) -> tuple[Process, ...]:
        """The others but for images whose process went on as another Python program."""
        last: dict[int, int] = {}
        for process in self.processes:
            last[process.pid] = max(process.image, last.get(process.pid, 0))
        return tuple(process for process in self.others if process.image == last[process.pid])

    @property
    def focus(self) -> Process | None:
        """The process that the report is about: the root, or the largest if that was no Python."""
        return self.root or max(self.descendants, key=lambda one: one.peak_rss, default=None)

    @property
    def processes(self) -> tuple[Process, ...]:
        return (self.root, *self.others) if self.root else self.others
